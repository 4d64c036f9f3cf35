"""Linear recurrences in parallel, against one step after the other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, SizeError
from brainlite.nn import LRU, MinGRU
from brainlite.nn._recurrent.linear_recurrence import linear_recurrence
from brainlite.transform import grad, jit
from tests.closeness import assert_close

T, B, F, H = 6, 3, 2, 4
X = brainlite.random.RandomState(2).randn(T, B, F)


@pytest.mark.parametrize("bias", [True, False])
def test_the_layer_follows_the_equations_of_the_paper(bias: bool) -> None:
    layer = MinGRU(F, H, bias=bias)
    start = brainlite.random.randn(B, H)
    ys, last = layer(X, start)
    affine = [
        {n: np.asarray(v, np.float64) for n, v in each.weight.value.items()}
        for each in (layer.gate, layer.candidate)
    ]
    h = np.asarray(start, np.float64)
    for t in range(T):
        gate, candidate = [np.asarray(X[t]) @ p["weight"] + p.get("bias", 0) for p in affine]
        z = 1 / (1 + np.exp(-gate))
        h = (1 - z) * h + z * candidate
        assert_close(ys[t], h)
    assert_close(last, h)


def test_in_parallel_and_in_sequence_are_the_same_with_their_gradients() -> None:
    layer = MinGRU(F, H)
    lengths, reset = jnp.array([6, 3, 0]), jnp.zeros((T, B), bool).at[4, 0].set(True)
    start = brainlite.random.randn(B, H)

    def run(x: Any, start: Any) -> Any:
        ys, last = layer(x, start, lengths=lengths, reset=reset)
        return (ys**2).sum() + jnp.sin(last).sum()

    results: list[Any] = []
    for layer.sequential in (False, True):
        params = layer.states(brainlite.ParamState)
        results.append(jit(grad(run, params, argnums=(0, 1), return_value=True))(X, start))
    for one, other in zip(*map(jax.tree.leaves, results), strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_every_number_of_steps(steps: int) -> None:
    a, b = jnp.linspace(0.5, 1.5, steps), jnp.arange(1.0, steps + 1)
    found = [linear_recurrence(a, b, jnp.array(2.0), way) for way in (False, True)]
    assert_close(found[0], found[1])
    assert found[0].shape == (steps,)


@pytest.mark.parametrize("kind", [MinGRU, LRU])
@pytest.mark.parametrize("parts", [2, 3, 6])
def test_parts_that_are_corrected_are_the_whole_with_its_gradients(kind: Any, parts: int) -> None:
    layer = kind(F, H)
    lengths, reset = jnp.array([6, 3, 0]), jnp.zeros((T, B), bool).at[4, 0].set(True)
    start = brainlite.random.randn(B, H) * (1 if kind is MinGRU else 1 + 1j)

    def run(x: Any) -> Any:
        ys, last = layer(x, start, lengths=lengths, reset=reset)
        return (ys**2).sum() + jnp.sin(jnp.abs(last)).sum()

    results: list[Any] = []
    for layer.parts, layer.sequential in ((1, True), (parts, False), (parts, True)):
        params = layer.states(brainlite.ParamState)
        results.append(jit(grad(run, params, argnums=0, return_value=True))(X))
    for one, *others in zip(*map(jax.tree.leaves, results), strict=True):
        for other in others:
            assert_close(other, one, terms=T * B)


def test_parts_take_what_is_unbatched_empty_batch_first_or_in_half_precision() -> None:
    layer = MinGRU(F, H, batch_first=True, parts=3)
    whole = brainlite.graph.clone(layer)
    whole.parts = 1
    for x in (X, X[0, :0], X.swapaxes(0, 1), jnp.zeros((B, 0, F)), jnp.zeros((0, T, F))):
        if x.ndim == 3 and x.shape[1] % 3:
            continue
        for found, wanted in zip(layer(x), whole(x), strict=True):
            assert found.shape == wanted.shape
            assert_close(found, wanted, terms=T)
    for half in (layer, whole):
        half.to(jnp.bfloat16)
    found, wanted = [each(X.swapaxes(0, 1).astype(jnp.bfloat16))[0] for each in (layer, whole)]
    assert found.dtype == jnp.bfloat16
    assert_close(found, wanted, terms=T)


def test_parts_that_do_not_divide_the_sequence_are_refused() -> None:
    with pytest.raises(InputError, match=r"multiple of 4 steps(.|\n)*got.* 6 steps(.|\n)*lengths"):
        MinGRU(F, H, parts=4)(X)
    with pytest.raises(InputError, match=r"LRU(.|\n)*multiple of 2 steps(.|\n)*got.* 3 steps"):
        LRU(F, H, batch_first=True, parts=2)(X.swapaxes(0, 1)[:, :3])
    for parts in (0, -1, 1.5):
        with pytest.raises(SizeError, match=r"MinGRU(.|\n)*parts"):
            MinGRU(F, H, parts=parts)  # type: ignore[arg-type]  # which is what is tested


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(SizeError, match="hidden_size is no size"):
        MinGRU(F, -1)
