"""Comparing samples with distributions, by the test of Kolmogorov and Smirnov."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# One size in all tests: to compile takes longer than to draw, and is shared by draws of one shape.
MANY = 10000

# The chance that a test fails although the distributions are equal. Seeds are fixed, so that it
# either passes always or never.
FALSE_ALARM = 1e-5


def measure_distance(one: ArrayLike, two: ArrayLike) -> float:
    """Return the largest difference between two empirical distribution functions."""
    first, second = np.sort(np.ravel(one)), np.sort(np.ravel(two))
    where = np.concatenate([first, second])
    below_first = np.searchsorted(first, where, side="right") / first.size
    below_second = np.searchsorted(second, where, side="right") / second.size
    distance: float = np.abs(below_first - below_second).max()
    return distance


def assert_same_distribution(one: Any, two: Any) -> None:
    """Fail if two samples of numbers come from different distributions."""
    sizes = np.size(one), np.size(two)
    limit = math.sqrt(-math.log(FALSE_ALARM / 2) / 2 * (1 / sizes[0] + 1 / sizes[1]))
    distance = measure_distance(one, two)
    assert distance < limit, f"the samples differ by {distance:.4f}, more than {limit:.4f}"
