"""The table's rows of attention."""

from brainlite.errors import InputError, OptionError, SizeError
from brainlite.nn import (
    LayerNorm,
    MultiheadAttention,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from tests.nn.table.descriptor import Bad, Described, floats

LAYERS = [
    Described(
        "MultiheadAttention",
        lambda: MultiheadAttention(8, 2),
        (floats(5, 8),),
        bad=(
            Bad(lambda: MultiheadAttention(8, 3), OptionError, r"num_heads(.|\n)*divisor"),
            Bad(lambda: MultiheadAttention(-8, 2), SizeError, r"embed_dim is no size"),
            Bad(lambda: MultiheadAttention(8, 2)(floats(5, 7)), InputError, r"query(.|\n)*8\)"),
        ),
    ),
    Described(
        "MultiheadAttention with dropout, other sizes and appended keys",
        lambda: MultiheadAttention(8, 2, 0.5, add_bias_kv=True, add_zero_attn=True, kdim=3),
        (floats(5, 8), floats(4, 3), floats(4, 8)),
        mode=True,
        draws=True,
    ),
    Described(
        "TransformerEncoderLayer",
        lambda: TransformerEncoderLayer(8, 2, 6, norm_first=True, activation="gelu"),
        (floats(5, 8),),
        mode=True,
        draws=True,
        bad=(
            Bad(lambda: TransformerEncoderLayer(8, 3), OptionError, r"nhead(.|\n)*d_model=8"),
            Bad(lambda: TransformerEncoderLayer(8, 2)(floats(5, 7)), InputError, r"src is no"),
        ),
    ),
    Described(
        "TransformerDecoderLayer",
        lambda: TransformerDecoderLayer(8, 2, 6, 0.0),
        (floats(5, 8), floats(4, 8)),
        bad=(
            Bad(lambda: TransformerDecoderLayer(8, 2, -1), SizeError, r"dim_feedforward is no"),
            Bad(
                lambda: TransformerDecoderLayer(8, 2)(floats(5, 8), floats(4, 7)),
                InputError,
                r"memory is no sequence",
            ),
        ),
    ),
    Described(
        "TransformerEncoder",
        lambda: TransformerEncoder(TransformerEncoderLayer(8, 2, 6, 0.0), 2, LayerNorm(8)),
        (floats(5, 8),),
    ),
    Described(
        "TransformerDecoder",
        lambda: TransformerDecoder(TransformerDecoderLayer(4, 2, 6, 0.0), 1),
        (floats(5, 4), floats(4, 4)),
    ),
]
