"""Extreme parameters, at which single precision is easily lost."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.random._algorithms import (
    draw_hypergeometric,
    draw_logseries,
    draw_multinomial,
    draw_vonmises,
    draw_zipf,
)
from tests.random.comparison import MANY, assert_same_distribution

KEY = jax.random.key(0)
LARGEST = 2**31 - 1
FLOAT, INT = environ.dftype(), environ.ditype()


def single(number: float) -> np.ndarray[Any, Any]:
    return np.asarray(number, np.float32)


@pytest.mark.parametrize("kappa", [0.0, 1e-7, 1e-3, 10.0, 1e3, 1e7])
def test_vonmises_at_every_concentration(kappa: float) -> None:
    angles = draw_vonmises(KEY, single(0.5), single(kappa), (MANY,), FLOAT)
    assert_same_distribution(angles, np.random.default_rng(0).vonmises(0.5, kappa, MANY))


@pytest.mark.parametrize("kappa", [1e20, np.inf])
def test_vonmises_of_endless_concentration_is_its_centre(kappa: float) -> None:
    angles = draw_vonmises(KEY, single(0.5), single(kappa), (MANY,), FLOAT)
    assert (abs(angles - 0.5) < 1e-6).all()


@pytest.mark.parametrize("a", [1.01, 1.5, 10.0, 200.0])
def test_zipf_at_every_exponent(a: float) -> None:
    numbers = draw_zipf(KEY, single(a), (MANY,), INT)
    expected = np.random.default_rng(0).zipf(a, 4 * MANY)
    assert_same_distribution(numbers, expected[expected <= LARGEST])


@pytest.mark.parametrize("p", [1e-3, 0.999, 0.999999])
def test_logseries_at_every_ratio(p: float) -> None:
    numbers = draw_logseries(KEY, single(p), (MANY,), INT)
    assert_same_distribution(numbers, np.random.default_rng(0).logseries(p, MANY))


@pytest.mark.parametrize(
    "counts",
    [(50, 60, 40), (1000, 3, 500), (3, 1000, 900), (500, 400, 899), (10000, 9000, 300)],
)
def test_hypergeometric_by_each_symmetry(counts: tuple[int, int, int]) -> None:
    good, bad, sample = map(np.asarray, counts)
    numbers = draw_hypergeometric(KEY, good, bad, sample, (MANY,), INT)
    assert_same_distribution(numbers, np.random.default_rng(0).hypergeometric(*counts, MANY))


def test_multinomial_makes_up_for_rounding() -> None:
    thirds = np.full(3, 1 / 3, np.float32)
    counts = draw_multinomial(KEY, single(10), thirds, (MANY,), INT)
    assert (counts.sum(axis=-1) == 10).all()


def test_a_traced_parameter_out_of_range_ends_the_loop() -> None:
    # The algorithms themselves are jitted: to them every parameter is traced.
    for kappa in (-1.0, float("nan")):
        assert jnp.isnan(draw_vonmises(KEY, single(0.5), single(kappa), (MANY,), FLOAT)).all()
    assert draw_zipf(KEY, single(1.0), (MANY,), INT).shape == (MANY,)
