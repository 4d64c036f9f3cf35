"""The linear recurrent unit, against its equations in numpy with complex128."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import OptionError, SizeError
from brainlite.nn import LRU
from brainlite.transform import grad, jit
from tests.closeness import assert_close

T, B, F, H = 6, 3, 2, 4
X = brainlite.random.RandomState(2).randn(T, B, F)
START = jax.lax.complex(*brainlite.random.RandomState(3).randn(2, B, H))


def test_the_layer_follows_the_equations_of_the_paper() -> None:
    layer = LRU(F, H)
    ys, last = layer(X, START)
    p = {name: np.asarray(each.value, np.float64) for (name,), each in layer.states().items()}
    size = np.exp(-np.exp(p["nu_log"]))
    transition = size * np.exp(1j * np.exp(p["theta_log"]))
    assert_close(jnp.exp(layer.gamma_log.value), np.sqrt(1 - size**2))
    h = np.asarray(START, np.complex128)
    for t in range(T):
        u = np.asarray(X[t], np.float64)
        h = transition * h + np.exp(p["gamma_log"]) * (u @ (p["B_re"] + 1j * p["B_im"]).T)
        y = (h @ (p["C_re"] + 1j * p["C_im"]).T).real + p["D"] * u
        assert_close(ys[t], y)
    assert_close(last, h)
    assert (ys.dtype, last.dtype) == (jnp.float32, jnp.complex64)


def test_in_parallel_and_in_sequence_are_the_same_with_their_gradients() -> None:
    layer = LRU(F, H)
    lengths, reset = jnp.array([6, 3, 0]), jnp.zeros((T, B), bool).at[4, 0].set(True)

    def run(x: Any, scale: Any) -> Any:
        ys, last = layer(x, START * scale, lengths=lengths, reset=reset)
        return (ys**2).sum() + jnp.sin(jnp.abs(last)).sum()

    results: list[Any] = []
    for layer.sequential in (False, True):
        params = layer.states(brainlite.ParamState)
        results.append(jit(grad(run, params, argnums=(0, 1), return_value=True))(X, 1.5))
    for one, other in zip(*map(jax.tree.leaves, results), strict=True):
        assert_close(one, other)


def test_the_ring_is_filled_evenly_up_to_the_largest_phase() -> None:
    layer = LRU(1, 20_000, r_min=0.5, r_max=0.9, max_phase=0.3)
    area = np.exp(-2 * np.exp(layer.nu_log.value))
    phase = np.exp(layer.theta_log.value)
    for found, low, high in ((area, 0.25, 0.81), (phase, 0, 0.3)):
        assert low - 1e-6 <= found.min() <= found.max() <= high + 1e-6
        quarters = np.quantile(found, [0.25, 0.5, 0.75])
        np.testing.assert_allclose(quarters, np.linspace(low, high, 5)[1:4], rtol=0.03)


def test_hidden_units_are_as_large_as_the_input_whatever_the_memory() -> None:
    xs = brainlite.random.RandomState(4).randn(400, 64, 8)
    for r_min, r_max in ((0.0, 0.5), (0.98, 0.99)):
        layer = LRU(8, 64, r_min=r_min, r_max=r_max, stateful=True)
        brainlite.nn.init_all_states(layer, batch_size=64)
        _, last = layer(xs)
        assert float((jnp.abs(last) ** 2).mean()) == pytest.approx(1, abs=0.3)
        assert layer.h.value.dtype == jnp.complex64


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"r_min": 0.9, "r_max": 0.9}, r"0 <= r_min < r_max <= 1(.|\n)*\(0.9, 0.9\)"),
        ({"r_max": 1.1}, r"\(0.0, 1.1\)"),
        ({"max_phase": 0}, "max_phase"),
        ({"max_phase": 3 * math.pi}, r"at most 2 pi(.|\n)*9.42"),
    ],
)
def test_rings_that_are_none_are_refused(options: Any, text: str) -> None:
    with pytest.raises(OptionError, match=rf"LRU(.|\n)*{text}"):
        LRU(F, H, **options)


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(SizeError, match="hidden_size is no size"):
        LRU(F, -1)
