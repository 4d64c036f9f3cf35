import jax
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from tests.closeness import assert_close
from tests.random.comparison import MANY, assert_same_distribution


def test_dirichlet_vectors_sum_to_one() -> None:
    vectors = RandomState(0).dirichlet([1.0, 2.0, 3.0], MANY)
    assert vectors.shape == (MANY, 3)
    assert_close(vectors.sum(axis=-1), 1)
    assert_same_distribution(vectors[:, 0], np.random.default_rng(0).beta(1, 5, MANY))


def test_dirichlet_takes_batches_and_vectors_only() -> None:
    rng, ones = RandomState(0), np.ones((4, 3))
    assert jax.eval_shape(lambda: rng.dirichlet(ones, key=0)).shape == (4, 3)
    assert jax.eval_shape(lambda: rng.dirichlet(ones, (2, 4), key=0)).shape == (2, 4, 3)
    with pytest.raises(SizeError, match=r"shape \(\.\.\., n\)\n  got:      a scalar"):
        rng.dirichlet(1.0)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("gamma", (0.0,), r"shape > 0\n  got:      0\.0"),
        ("gamma", (1.0, -1.0), r"scale >= 0\n  got:      -1\.0"),
        ("standard_gamma", (-1.0,), r"shape > 0\n  got:      -1\.0"),
        ("loggamma", (0.0,), r"a > 0"),
        ("beta", (1.0, 0.0), r"b > 0"),
        ("beta", ([1.0, -2.0], 1.0), r"a > 0\n  got:      -2\.0 at index \(1,\)"),
        ("dirichlet", ([1.0, 0.0],), r"alpha > 0\n  got:      0\.0 at index \(1,\)"),
        ("chisquare", (0.0,), r"df > 0\n  got:      0\.0"),
        ("noncentral_chisquare", (1.0, -1.0), r"nonc >= 0\n  got:      -1\.0"),
        ("f", (0.0, 1.0), r"dfnum > 0"),
        ("f", (1.0, 0.0), r"dfden > 0"),
        ("noncentral_f", (1.0, 1.0, -1.0), r"nonc >= 0"),
        ("standard_t", (-1.0,), r"df > 0"),
        ("t", (-1.0,), r"df > 0"),
    ],
)
def test_parameters_out_of_range_are_refused(
    name: str, parameters: tuple[float, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        getattr(RandomState(0), name)(*parameters)
