"""Linear recurrences in parallel, against one step after the other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import SizeError
from brainlite.nn import MinGRU
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


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(SizeError, match="hidden_size is no size"):
        MinGRU(F, -1)
