"""Activations against torch's formulas, written out in double precision."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from brainlite.nn import functional
from brainlite.nn._functional import activations, rectifiers
from brainlite.typing import Array
from tests.closeness import assert_close

Doubles = NDArray[np.float64]

X: Doubles = np.concatenate([np.linspace(-8, 8, 81), [-100.0, 100.0, -0.5, 0.5, 1e-3]])


def sigmoid(x: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-x))


def softplus(x: Doubles) -> Doubles:
    return np.asarray(np.logaddexp(x, 0))


def erf(x: Doubles) -> Doubles:
    # Abramowitz and Stegun 7.1.6, which converges within the range of the test.
    total = term = x
    for n in range(1, 400):
        term = term * 2 * x * x / (2 * n + 1)
        total = total + term
    return np.asarray(2 / np.sqrt(np.pi) * np.exp(-x * x) * total)


def elu(x: Doubles, alpha: float = 1.0) -> Doubles:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu_tanh(x: Doubles) -> Doubles:
    return np.asarray(x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


FORMULAS: list[tuple[str, dict[str, Any], Callable[[Doubles], Doubles]]] = [
    ("tanh", {}, np.tanh),
    ("sigmoid", {}, sigmoid),
    ("log_sigmoid", {}, lambda x: -softplus(-x)),
    ("hard_sigmoid", {}, lambda x: np.clip(x + 3, 0, 6) / 6),
    ("sparse_sigmoid", {}, lambda x: np.clip((x + 1) / 2, 0, 1)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1)),
    ("hard_tanh", {"min_val": -2.0, "max_val": 0.5}, lambda x: np.clip(x, -2, 0.5)),
    ("soft_sign", {}, lambda x: x / (1 + np.abs(x))),
    ("tanh_shrink", {}, lambda x: x - np.tanh(x)),
    ("soft_shrink", {}, lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    ("soft_shrink", {"lambd": 2.0}, lambda x: np.sign(x) * np.maximum(np.abs(x) - 2, 0)),
    ("hard_shrink", {}, lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    ("hard_shrink", {"lambd": 2.0}, lambda x: np.where(np.abs(x) > 2, x, 0)),
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    ("leaky_relu", {}, lambda x: np.where(x >= 0, x, 0.01 * x)),
    ("leaky_relu", {"negative_slope": 0.3}, lambda x: np.where(x >= 0, x, 0.3 * x)),
    ("prelu", {}, lambda x: np.where(x >= 0, x, 0.25 * x)),
    ("prelu", {"a": 0.3}, lambda x: np.where(x >= 0, x, 0.3 * x)),
    ("elu", {}, elu),
    ("elu", {"alpha": 2.0}, lambda x: elu(x, 2.0)),
    ("celu", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0) / 2))),
    ("selu", {}, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    ("gelu", {}, gelu_tanh),
    ("silu", {}, lambda x: x * sigmoid(x)),
    ("swish", {}, lambda x: x * sigmoid(x)),
    ("hard_silu", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("hard_swish", {}, lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("mish", {}, lambda x: x * np.tanh(softplus(x))),
    ("softplus", {}, softplus),
    ("softplus", {"beta": 3.0}, lambda x: softplus(3 * x) / 3),
    (
        "softplus",
        {"beta": 2.0, "threshold": 1.0},
        lambda x: np.where(2 * x > 1, x, softplus(2 * x) / 2),
    ),
    ("squareplus", {}, lambda x: (x + np.sqrt(x**2 + 4)) / 2),
    ("squareplus", {"b": 1.0}, lambda x: (x + np.sqrt(x**2 + 1)) / 2),
    (
        "sparse_plus",
        {},
        lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    ),
]


NAMES = [*activations.__all__, *rectifiers.__all__]


def find(name: str) -> Callable[..., Array]:
    function: Callable[..., Array] = getattr(functional, name)
    return function


def test_every_activation_has_a_formula() -> None:
    assert {name for name, _, _ in FORMULAS} == set(NAMES) - {"rrelu"}


@pytest.mark.parametrize(("name", "options", "formula"), FORMULAS)
def test_values_are_those_of_the_formula(
    name: str, options: dict[str, Any], formula: Callable[[Doubles], Doubles]
) -> None:
    with np.errstate(over="ignore"):
        expected = formula(X)
    actual = find(name)(jnp.asarray(X, jnp.float32), **options)
    assert actual.dtype == jnp.float32
    assert_close(actual, expected)


def test_gelu_is_exact_where_asked_for() -> None:
    x = np.linspace(-5, 5, 41)
    exact = activations.gelu(jnp.asarray(x, jnp.float32), approximate=False)
    assert_close(exact, x / 2 * (1 + erf(x / np.sqrt(2))))


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_prints_as_a_function(name: str) -> None:
    assert repr(find(name)).startswith(f"<function {name} at 0x")


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"rrelu"}))
def test_an_activation_keeps_shape_and_dtype(name: str) -> None:
    for dtype in (jnp.float16, jnp.bfloat16, jnp.float32):
        result = jax.eval_shape(find(name), jnp.zeros((2, 3), dtype))
        assert (result.shape, result.dtype) == ((2, 3), dtype)


def test_gradients_are_finite() -> None:
    names = set(NAMES) - {"rrelu"}

    @jax.jit  # one compilation for all
    def finite(x: Array) -> dict[str, Array]:
        return {name: jnp.isfinite(jax.vmap(jax.grad(find(name)))(x)).all() for name in names}

    found = finite(jnp.asarray(X, jnp.float32))
    assert [name for name in names if not found[name]] == []
