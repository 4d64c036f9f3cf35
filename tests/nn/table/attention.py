"""The table's rows of attention."""

from brainlite.errors import InputError, OptionError, SizeError
from brainlite.nn import MultiheadAttention
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
]
