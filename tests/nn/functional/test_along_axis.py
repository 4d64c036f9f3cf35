import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from brainlite import environ
from brainlite.nn._functional import along_axis
from brainlite.typing import DTypeLike
from tests.closeness import assert_close

X = np.random.default_rng(0).normal(size=(4, 6)) * 3
XF = jnp.asarray(X, jnp.float32)
MASK = np.array([[True, False, True, True, False, True]] * 4)


def softmax(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis, keepdims=True))


@pytest.mark.parametrize("axis", [0, -1])
def test_softmax_and_its_kin(axis: int) -> None:
    expected = softmax(X, axis)
    assert_close(along_axis.softmax(XF, axis), expected)
    np.testing.assert_allclose(along_axis.log_softmax(XF, axis), np.log(expected), atol=2e-5)
    assert_close(along_axis.softmin(XF, axis), softmax(-X, axis))
    total = np.log(np.exp(X).sum(axis))
    assert_close(along_axis.logsumexp(XF, axis), total)


def test_softmax_counts_only_what_it_is_told_to() -> None:
    masked = softmax(np.where(MASK, X, -np.inf), -1)
    assert_close(along_axis.softmax(XF, where=MASK), masked)
    logs = along_axis.log_softmax(XF, where=MASK)
    np.testing.assert_allclose(logs[MASK], np.log(masked[MASK]), atol=2e-5)
    assert bool((logs[~MASK] == -jnp.inf).all())


def test_softmax_of_large_numbers_does_not_overflow() -> None:
    large = jnp.array([1e4, 1e4])
    assert along_axis.softmax(large).tolist() == [0.5, 0.5]
    assert along_axis.logsumexp(large) == 1e4 + np.float32(np.log(2))


@pytest.mark.parametrize(("dtype", "rounding"), [("bfloat16", 2.0**-8), ("float16", 2.0**-11)])
def test_softmax_of_half_precision_is_rounded_once(dtype: str, rounding: float) -> None:
    x = jnp.asarray(np.random.default_rng(1).normal(size=(4, 50)), dtype)
    expected = softmax(np.asarray(x, np.float64), -1)
    for function, wanted in (
        (along_axis.softmax, expected),
        (along_axis.log_softmax, np.log(expected)),
        (along_axis.softmin, softmax(-np.asarray(x, np.float64), -1)),
    ):
        found = function(x)
        assert found.dtype == dtype
        np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=rounding * 1.01)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_softmax_of_far_apart_numbers_and_its_gradient_are_finite(dtype: DTypeLike) -> None:
    x = jnp.array([1e4, -1e4, 1e4], dtype)
    assert along_axis.softmax(x).tolist() == [0.5, 0.0, 0.5]
    gradient = jax.grad(lambda x: along_axis.log_softmax(x)[1])(x)
    assert gradient.tolist() == [-0.5, 1.0, -0.5]


def test_logsumexp_takes_factors_and_gives_signs() -> None:
    value, sign = along_axis.logsumexp(
        jnp.zeros(3), b=jnp.array([1.0, -3.0, 1.0]), return_sign=True
    )
    assert (float(value), float(sign)) == (0.0, -1.0)
    assert along_axis.logsumexp(XF, -1, keepdims=True).shape == (4, 1)
    assert along_axis.logsumexp(XF).shape == ()


def test_standardize_has_mean_0_and_variance_1() -> None:
    expected = (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(along_axis.standardize(XF), expected, atol=2e-5)
    known = along_axis.standardize(XF, variance=4.0, epsilon=0.0)
    np.testing.assert_allclose(known, (X - X.mean(-1, keepdims=True)) / 2, atol=2e-5)


def test_glu_gates_one_half_with_the_other() -> None:
    expected = X[:, :3] / (1 + np.exp(-X[:, 3:]))
    assert_close(along_axis.glu(XF), expected)
    assert along_axis.glu(XF, axis=0).shape == (2, 6)


def test_one_hot_has_the_float_type_of_the_environment() -> None:
    encoded = along_axis.one_hot(jnp.array([0, 2, 3, -1]), 3)
    assert encoded.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert encoded.dtype == jnp.float32
    with environ.context(precision=16):
        assert along_axis.one_hot(jnp.array(1), 3).dtype == jnp.float16
    assert along_axis.one_hot(jnp.array([1]), 3, dtype=bool, axis=0).shape == (3, 1)


def test_functions_print_as_functions() -> None:
    for name in along_axis.__all__:
        assert repr(getattr(along_axis, name)).startswith(f"<function {name} at 0x")
    assert jax.jit(along_axis.softmax)(XF).shape == XF.shape
