from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from tests.closeness import assert_close
from tests.random.comparison import MANY, assert_same_distribution

COV = np.array([[1.0, 0.5], [0.5, 2.0]])


def test_randn_takes_the_axes_one_by_one() -> None:
    rng = RandomState(0)
    assert rng.randn(2, 3).shape == (2, 3)
    assert rng.randn(2, dtype=jnp.complex64).dtype == jnp.complex64
    with pytest.raises(SizeError, match=r"the axes of randn is no size"):
        rng.randn(-1)


def test_randn_like_takes_shape_and_dtype() -> None:
    rng = RandomState(0)
    for dtype in (jnp.float16, jnp.complex64):
        like = rng.randn_like(jnp.ones((2, 3), dtype))
        assert (like.shape, like.dtype) == ((2, 3), dtype)
    assert rng.randn_like(jnp.ones(4, jnp.int32)).dtype == jnp.float32


def test_truncated_normal_stays_within_its_bounds() -> None:
    rng = RandomState(0)
    numbers = rng.truncated_normal([-1.0, 4.0], [3.0, 5.0], (1000, 2), 1.0, 2.0)
    assert ((numbers > jnp.array([-1.0, 4.0])) & (numbers < jnp.array([3.0, 5.0]))).all()


def test_truncated_normal_checks_its_arguments_if_asked_to() -> None:
    rng = RandomState(0)
    with pytest.raises(OptionError, match=r"lower < upper\n  got:      lower = 2\.0, upper = 1\.0"):
        rng.truncated_normal(2.0, 1.0)
    with pytest.raises(OptionError, match=r"scale >= 0"):
        rng.truncated_normal(1.0, 2.0, scale=-1.0)


def test_lognormal_refuses_a_negative_sigma() -> None:
    with pytest.raises(OptionError, match=r"sigma >= 0\n  got:      -1"):
        RandomState(0).lognormal(0.0, -1)


@pytest.mark.parametrize(
    "method",
    [
        "cholesky",
        pytest.param("eigh", marks=pytest.mark.slow),
        pytest.param("svd", marks=pytest.mark.slow),
    ],
)
def test_multivariate_normal_has_the_mean_and_covariance(method: str) -> None:
    rng = RandomState(0)
    vectors = np.asarray(rng.multivariate_normal([1.0, 2.0], COV, MANY, method))
    np.testing.assert_allclose(vectors.mean(axis=0), [1, 2], atol=0.05)
    np.testing.assert_allclose(np.cov(vectors.T), COV, atol=0.08)
    assert_same_distribution(vectors.sum(axis=1), np.random.default_rng(0).normal(3.0, 2.0, MANY))


def test_multivariate_normal_is_that_of_jax() -> None:
    used = jax.random.split(jax.random.key(0))[1]
    mean, cov = jnp.array([1.0, 2.0]), jnp.array(COV)
    expected = jax.random.multivariate_normal(used, mean, cov, (MANY,))
    drawn = RandomState(0).multivariate_normal([1.0, 2.0], COV, MANY)
    assert_close(drawn, expected)


def test_multivariate_normal_takes_batches() -> None:
    def shape(mean: Any, cov: Any, size: Any) -> Any:
        draw = RandomState(0).multivariate_normal
        return jax.eval_shape(lambda: draw(mean, cov, size, key=0)).shape

    assert shape(np.zeros(2), COV, None) == (2,)
    assert shape(np.zeros((5, 2)), COV, None) == (5, 2)
    assert shape(np.zeros(2), np.stack([COV] * 4), (3, 4)) == (3, 4, 2)


@pytest.mark.parametrize(
    ("mean", "cov", "got"),
    [
        ([0.0, 0.0], [1.0, 1.0], r"mean \(2,\), cov \(2,\)"),
        ([0.0, 0.0, 0.0], COV, r"mean \(3,\), cov \(2, 2\)"),
        (0.0, 1.0, r"mean \(\), cov \(\)"),
    ],
)
def test_multivariate_normal_refuses_shapes_that_do_not_fit(
    mean: list[float], cov: list[float], got: str
) -> None:
    with pytest.raises(SizeError, match=got):
        RandomState(0).multivariate_normal(mean, cov)


def test_multivariate_normal_refuses_an_unknown_method() -> None:
    with pytest.raises(OptionError, match=r"'cholesky', 'eigh' or 'svd'\n  got:      'qr'"):
        RandomState(0).multivariate_normal([0.0], [[1.0]], method="qr")


def test_orthogonal_matrices_are_orthogonal() -> None:
    matrices = RandomState(0).orthogonal(4, 3)
    assert matrices.shape == (3, 4, 4)
    assert_close(matrices @ matrices.swapaxes(-1, -2), np.stack([np.eye(4)] * 3))
    assert jax.eval_shape(lambda: RandomState(0).orthogonal(2)).shape == (2, 2)
