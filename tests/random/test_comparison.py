import numpy as np
import pytest

from tests.random.comparison import assert_same_distribution, measure_distance


def test_samples_of_one_distribution_pass() -> None:
    rng = np.random.default_rng(0)
    assert_same_distribution(rng.normal(size=10000), rng.normal(size=20000))


@pytest.mark.parametrize(("loc", "scale"), [(0.1, 1.0), (0.0, 1.2)])
def test_a_small_difference_is_noticed(loc: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match=r"the samples differ by 0\.0"):
        assert_same_distribution(rng.normal(size=20000), rng.normal(loc, scale, size=20000))


def test_distance_counts_ties_together() -> None:
    assert measure_distance([1, 1, 2], [1, 2, 2]) == pytest.approx(1 / 3)
