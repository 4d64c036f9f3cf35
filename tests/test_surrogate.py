"""Surrogate gradients: the step, and each slope against its formula."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import surrogate
from brainlite.transform import for_loop, grad, jit, vmap
from tests.closeness import assert_close, assert_same

X = np.linspace(-3, 3, 61)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def normal(x: Any, mean: float, deviation: float) -> Any:
    return np.exp(-((x - mean) ** 2) / (2 * deviation**2)) / (np.sqrt(2 * np.pi) * deviation)


# The class, its function, other parameters than the default ones, and the slope in float64.
SLOPES: dict[str, tuple[type[Any], Callable[..., Any], tuple[float, ...], Callable[..., Any]]] = {
    "ReluGrad": (
        surrogate.ReluGrad,
        surrogate.relu_grad,
        (0.5, 2.0),
        lambda x, alpha=0.3, width=1.0: alpha * np.maximum(width - np.abs(x), 0),
    ),
    "Sigmoid": (
        surrogate.Sigmoid,
        surrogate.sigmoid,
        (2.0,),
        lambda x, alpha=4.0: alpha * logistic(alpha * x) * (1 - logistic(alpha * x)),
    ),
    "Arctan": (
        surrogate.Arctan,
        surrogate.arctan,
        (2.0,),
        lambda x, alpha=1.0: alpha / 2 / (1 + (np.pi / 2 * alpha * x) ** 2),
    ),
    "SoftSign": (
        surrogate.SoftSign,
        surrogate.soft_sign,
        (3.0,),
        lambda x, alpha=1.0: alpha / (2 * (1 + np.abs(alpha * x)) ** 2),
    ),
    "PiecewiseQuadratic": (
        surrogate.PiecewiseQuadratic,
        surrogate.piecewise_quadratic,
        (0.5,),
        lambda x, alpha=1.0: np.where(np.abs(x) <= 1 / alpha, -(alpha**2) * np.abs(x) + alpha, 0.0),
    ),
    "GaussianGrad": (
        surrogate.GaussianGrad,
        surrogate.gaussian_grad,
        (0.7, 2.0),
        lambda x, sigma=0.5, alpha=0.5: alpha * normal(x, 0, sigma),
    ),
    "MultiGaussianGrad": (
        surrogate.MultiGaussianGrad,
        surrogate.multi_gaussian_grad,
        (0.2, 3.0, 0.4, 0.8),
        lambda x, h=0.15, s=6.0, sigma=0.5, scale=0.5: (
            scale
            * (
                normal(x, 0, sigma) * (1 + h)
                - normal(x, sigma, s * sigma) * h
                - normal(x, -sigma, s * sigma) * h
            )
        ),
    ),
    "InvSquareGrad": (
        surrogate.InvSquareGrad,
        surrogate.inv_square_grad,
        (5.0,),
        lambda x, alpha=100.0: 1 / (alpha * np.abs(x) + 1) ** 2,
    ),
}


@pytest.mark.parametrize("name", SLOPES)
def test_value_is_the_step_and_the_gradient_its_slope(name: str) -> None:
    kind, function, others, slope = SLOPES[name]
    x = jnp.asarray(X, jnp.float32)
    for parameters in ((), others):
        for spike in (kind(*parameters), lambda x, p=parameters: function(x, *p)):
            assert_same(spike(x), (np.asarray(x) >= 0).astype(np.float32))
            own = grad(lambda x, f=spike: f(x).sum())(x)
            assert_close(own, slope(np.asarray(x, np.float64), *parameters), 64)
            assert_close(vmap(grad(spike))(x), own)
            forward = jax.jvp(spike, (x,), (jnp.ones_like(x),))[1]
            assert_close(forward, own)


@pytest.mark.parametrize("name", SLOPES)
def test_it_is_a_value(name: str) -> None:
    kind, _, others, _ = SLOPES[name]
    one = kind(*others)
    assert one == kind(*others) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(kind(*others))
    assert one != kind()
    assert repr(one).startswith(name)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int32", "bool"])
def test_spikes_have_the_float_type_of_the_potential(dtype: str) -> None:
    x = jnp.asarray([0, 1, 0], dtype)
    spikes = surrogate.ReluGrad()(x)
    assert spikes.dtype == (dtype if "float" in dtype else "float32")
    assert spikes.tolist() == [1.0, 1.0, 1.0]
    if "float" in dtype:
        assert grad(lambda x: surrogate.ReluGrad()(x).sum())(x).dtype == dtype


def test_nan_is_no_spike_and_nothing_is_empty() -> None:
    spike = surrogate.Sigmoid()
    assert spike(jnp.array([jnp.nan, jnp.inf, -jnp.inf])).tolist() == [0.0, 1.0, 0.0]
    assert spike(jnp.zeros((0, 3))).shape == (0, 3)


def test_a_gradient_goes_through_a_compiled_loop() -> None:
    spike = surrogate.Arctan(2.0)

    def loss(x: Any) -> Any:
        return for_loop(lambda shift: spike(x - shift), jnp.arange(3.0)).sum()

    expected = sum(1 / (1 + (np.pi * (1.5 - shift)) ** 2) for shift in range(3))
    assert_close(jit(grad(loss))(jnp.asarray(1.5)), np.float32(expected))


def test_a_slope_of_ones_own() -> None:
    class Flat(surrogate.Surrogate):
        def surrogate_grad(self, x: Any) -> Any:
            return jnp.full_like(x, 2.0)

    assert grad(Flat())(-3.0) == 2.0
