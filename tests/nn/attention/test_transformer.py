"""What the layers and stacks of transformers share: options, copies, torch's state dicts."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import OptionError, SizeError, StateDictError
from brainlite.nn import (
    LayerNorm,
    Module,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    silu,
)
from brainlite.transform import eval_shape, jit
from tests.nn.attention.data import make_torch_attention as torch_side
from tests.nn.attention.parity import STORED, check, compute

CASE = torch_side.transformer_cases()["transformer"]
X = brainlite.random.RandomState(1).randn(2, 5, 8)


class Both(Module):
    """``torch.nn.Transformer`` of the four."""

    def __init__(
        self, num_encoder_layers: int, num_decoder_layers: int, d_model: int, **options: Any
    ) -> None:
        norms = [LayerNorm(d_model, epsilon=1e-5) for _ in range(2)]
        encoder = TransformerEncoderLayer(d_model, **options)
        decoder = TransformerDecoderLayer(d_model, **options)
        self.encoder = TransformerEncoder(encoder, num_encoder_layers, norms[0])
        self.decoder = TransformerDecoder(decoder, num_decoder_layers, norms[1])

    def update(
        self, src: Any, tgt: Any, tgt_mask: Any, src_key_padding_mask: Any, **masks: Any
    ) -> Any:
        memory = self.encoder(src, src_key_padding_mask=src_key_padding_mask)
        return self.decoder(tgt, memory, tgt_mask, **masks)


def test_encoder_and_decoder_together_are_the_transformer_of_torch() -> None:
    check(compute(CASE, make=Both), STORED["transformer"])


@pytest.mark.slow
def test_encoder_and_decoder_together_are_the_transformer_of_torch_itself() -> None:
    pytest.importorskip("torch")
    check(compute(CASE, 11, Both), torch_side.compute(CASE, 11))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: TransformerEncoderLayer(8, 3),
            OptionError,
            r"^TransformerEncoderLayer: nhead(.|\n)*divisor of d_model=8(.|\n)*nhead=3(.|\n)*fix",
        ),
        (lambda: TransformerDecoderLayer(8, 2, dropout=2.0), OptionError, r"dropout=2.0"),
        (lambda: TransformerEncoderLayer(-8, 2), SizeError, r"d_model is no size"),
        (lambda: TransformerEncoderLayer(8, 2, -1), SizeError, r"dim_feedforward is no size"),
        (
            lambda: TransformerDecoderLayer(8, 2, activation="swish"),  # type: ignore[arg-type]  # refused
            OptionError,
            r"^TransformerDecoderLayer: (.|\n)*'relu', 'gelu', or a function(.|\n)*'swish'",
        ),
        (
            lambda: TransformerEncoder(TransformerEncoderLayer(8, 2), -1),
            SizeError,
            r"TransformerEncoder: num_layers is no size",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_any_function_may_be_the_activation() -> None:
    layer = TransformerEncoderLayer(8, 2, 16, 0.0, silu)
    other = TransformerEncoderLayer(8, 2, 16, 0.0, lambda x: x / (1 + jnp.exp(-x)))
    other.load_torch_state_dict(layer.to_torch_state_dict())
    check(jit(layer)(X), jit(other)(X))


def test_the_layers_of_a_stack_are_copies_with_matrices_of_their_own() -> None:
    layer = TransformerEncoderLayer(8, 2, 16, 0.0)
    layer.norm1.weight = brainlite.ParamState({"scale": jnp.full(8, 2.0), "bias": jnp.ones(8)})
    stack = TransformerEncoder(layer, 3)
    entries = stack.to_torch_state_dict()
    for name, value in layer.to_torch_state_dict().items():
        first, second, third = [entries[f"layers.{n}.{name}"] for n in range(3)]
        np.testing.assert_array_equal(first, value)
        assert (value.ndim == 1) == np.array_equal(second, value)
        assert (value.ndim == 1) == np.array_equal(third, second)
    layer.linear1.weight.value = {"weight": jnp.zeros((8, 16)), "bias": jnp.ones(16)}
    assert stack.layers[0].linear1.weight.value["weight"].any()


def test_state_dicts_go_out_and_in() -> None:
    one, other = [TransformerDecoder(TransformerDecoderLayer(8, 2, 16, 0.0), 2) for _ in range(2)]
    entries = one.to_torch_state_dict()
    assert list(entries)[:3] == [
        "layers.0.self_attn.in_proj_weight",
        "layers.0.self_attn.in_proj_bias",
        "layers.0.self_attn.out_proj.weight",
    ]
    assert entries["layers.1.linear1.weight"].shape == (16, 8)
    other.load_torch_state_dict(entries)
    assert all((entries[k] == value).all() for k, value in other.to_torch_state_dict().items())
    del entries["layers.1.norm3.bias"]
    with pytest.raises(StateDictError, match=r"TransformerDecoder: [\s\S]*layers\.1\.norm3\.bias"):
        other.load_torch_state_dict(entries)


def test_dtype_and_bias_reach_every_part() -> None:
    layer = TransformerEncoderLayer(8, 2, 16, 0.0, bias=False, dtype="bfloat16", norm_first=True)
    assert eval_shape(layer, X).dtype == jnp.bfloat16
    assert not any("bias" in name for name in layer.to_torch_state_dict())
    half = TransformerDecoderLayer(8, 2, 16, param_dtype="float16")
    assert {str(value.dtype) for value in half.to_torch_state_dict().values()} == {"float16"}
