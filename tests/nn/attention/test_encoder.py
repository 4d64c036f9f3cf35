"""TransformerEncoderLayer and TransformerEncoder: torch's numbers, steps, what is refused."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, StateMissingError
from brainlite.nn import (
    LayerNorm,
    Module,
    TransformerEncoder,
    TransformerEncoderLayer,
    init_all_states,
    reset_all_states,
)
from brainlite.transform import for_loop, jit
from tests.nn.attention.data import make_torch_attention as torch_side
from tests.nn.attention.parity import STORED, check, compute, some

CASES = {k: v for k, v in torch_side.transformer_cases().items() if k.startswith("encoder")}
B, T, E = 3, 5, 8
X = brainlite.random.RandomState(1).randn(B, T, E)


def make(**options: Any) -> TransformerEncoder:
    """Return a model of two layers in evaluation, with empty caches."""
    brainlite.random.seed(0)
    layer = TransformerEncoderLayer(E, 2, 16, norm_first=True, activation="gelu", **options)
    model = TransformerEncoder(layer, 2, LayerNorm(E)).eval()
    return init_all_states(model, batch_size=B, max_length=T)


@some(CASES, "encoder-True-gelu")
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    check(compute(CASES[name]), STORED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_torch_itself(name: str) -> None:
    pytest.importorskip("torch")
    check(compute(CASES[name], 11), torch_side.compute(CASES[name], 11))


def test_step_by_step_is_as_all_at_once() -> None:
    model = make()

    @jit
    def run(xs: Any) -> Any:
        first = model.step(xs[:, :2])  # a prompt of two steps, then one by one
        rest = for_loop(model.step, xs[:, 2:].swapaxes(0, 1)).swapaxes(0, 1)
        return jnp.concatenate([first, rest], 1), model(xs, is_causal=True)

    steps, whole = run(X)
    check(steps, whole)
    assert [layer.self_attn.cache.value.length.tolist() for layer in model.layers] == [[T] * B] * 2
    with pytest.raises(InputError, match=r"layers\[0\]\.self_attn(.|\n)*the cache is full"):
        model.step(X[:, 0])
    reset_all_states(model, batch_size=B)
    check(run(X)[0], whole)


def test_what_is_masked_is_not_read() -> None:
    model = make()
    padding = np.arange(T) >= np.full((B, 1), 3)
    later = np.triu(np.ones((T, T), bool), 1)

    @jit
    def run(x: Any) -> Any:
        padded = model(x, src_key_padding_mask=jnp.asarray(padding))
        causal = model(x, mask=jnp.asarray(later)), model(x, is_causal=True)
        return (padded[:, :3], model(x[:, :3])), causal

    for found, expected in run(X):
        check(found, expected)


def test_training_drops_in_each_place() -> None:
    layer = TransformerEncoderLayer(E, 2, 16, dropout=1.0, norm_first=True).train()
    np.testing.assert_array_equal(jit(layer)(X), X)  # what is added is dropped whole
    layer = TransformerEncoderLayer(E, 2, 64, dropout=0.25).train()
    assert (layer.self_attn.dropout, layer.dropout.prob) == (0.25, 0.75)
    run = jit(layer)
    assert not np.allclose(run(X), run(X))


class Model(Module):
    def __init__(self) -> None:
        self.encoder = make()

    def update(self, x: Any) -> Any:
        return self.encoder(x)


def test_what_does_not_fit_is_refused_with_its_path() -> None:
    model = Model()
    with pytest.raises(
        InputError,
        match=r"^Model\.encoder\.layers\[0\] .*: src is no sequence(.|\n)*time, 8\)(.|\n)*5, 7\)",
    ):
        model(X[..., :7])
    with pytest.raises(InputError, match=r"layers\[0\]\.self_attn .*: attn_mask does not fit"):
        model.encoder(X, mask=jnp.ones((2, 2), bool))
    with pytest.raises(InputError, match=r"layers\[0\] .*wrong number of features(.|\n)*\(3, 7\)"):
        model.encoder.step(X[:, 0, :7])
    with pytest.raises(StateMissingError, match=r"self_attn(.|\n)*no cache(.|\n)*max_length"):
        TransformerEncoderLayer(E, 2, 16).eval().step(X)
