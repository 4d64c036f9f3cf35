"""TransformerDecoderLayer and TransformerDecoder: torch's numbers, steps, what is refused."""

from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import InputError
from brainlite.nn import (
    TransformerDecoder,
    TransformerDecoderLayer,
    init_all_states,
    reset_all_states,
)
from brainlite.transform import for_loop, jit
from tests.nn.attention.data import make_torch_attention as torch_side
from tests.nn.attention.parity import STORED, check, compute, some

CASES = {k: v for k, v in torch_side.transformer_cases().items() if k.startswith("decoder")}
B, T, S, E = 3, 5, 4, 8
X = brainlite.random.RandomState(1).randn(B, T, E)
MEMORY = brainlite.random.RandomState(2).randn(B, S, E)


def make() -> TransformerDecoder:
    """Return a model of two layers in evaluation, with empty caches."""
    brainlite.random.seed(0)
    model = TransformerDecoder(TransformerDecoderLayer(E, 2, 16), 2).eval()
    return init_all_states(model, batch_size=B, max_length=T)


@some(CASES, "decoder-True-gelu", "decoder-False-relu")
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    check(compute(CASES[name]), STORED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_torch_itself(name: str) -> None:
    pytest.importorskip("torch")
    check(compute(CASES[name], 11), torch_side.compute(CASES[name], 11))


def test_step_by_step_is_as_all_at_once() -> None:
    model = make()
    padding = jnp.zeros((B, S), bool).at[1, 2:].set(True)

    @jit
    def run(xs: Any, memory: Any) -> Any:
        def step(x: Any) -> Any:
            return model.step(x, memory, padding)

        first = step(xs[:, :2])
        rest = for_loop(step, xs[:, 2:].swapaxes(0, 1)).swapaxes(0, 1)
        whole = model(xs, memory, memory_key_padding_mask=padding, tgt_is_causal=True)
        return jnp.concatenate([first, rest], 1), whole

    steps, whole = run(X, MEMORY)
    check(steps, whole)
    reset_all_states(model, batch_size=B)
    check(run(X, MEMORY)[0], whole)


def test_only_the_attention_to_itself_has_a_cache() -> None:
    paths = make().states(brainlite.HiddenState)
    assert list(paths) == [("layers", str(n), "self_attn", "cache") for n in (0, 1)]


def test_what_does_not_fit_is_refused_with_its_path() -> None:
    model = make()
    for bad, memory, text in (
        (X[..., :7], MEMORY, r"tgt is no sequence(.|\n)*time, 8\)(.|\n)*\(3, 5, 7\)"),
        (X, MEMORY[..., :7], r"memory is no sequence(.|\n)*\(3, 4, 7\)"),
        (X, MEMORY[:2], r"query, key and value do not fit each other(.|\n)*key of shape \(2, 4"),
    ):
        with pytest.raises(InputError, match=rf"TransformerDecoder\.layers\[0\].*: {text}"):
            model(bad, memory)
