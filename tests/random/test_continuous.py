import math

import jax.numpy as jnp
import pytest

from brainlite.errors import OptionError
from brainlite.random import RandomState
from tests.random.comparison import MANY


def test_triangular_stays_within_its_corners() -> None:
    numbers = RandomState(0).triangular([0.0, 5.0], [0.0, 6.0], [1.0, 6.0], (1000, 2))
    assert ((numbers >= jnp.array([0.0, 5.0])) & (numbers <= jnp.array([1.0, 6.0]))).all()


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ((1.0, 1.0, 1.0), r"left < right\n  got:      left = 1\.0, right = 1\.0"),
        ((0.0, -0.5, 1.0), r"mode >= left"),
        ((0.0, 1.5, 1.0), r"right >= mode"),
    ],
)
def test_triangular_refuses_corners_in_the_wrong_order(
    corners: tuple[float, float, float], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        RandomState(0).triangular(*corners)


@pytest.mark.parametrize("mu", [0.0, 3.0, -3.0, 10.0])
def test_vonmises_angles_are_wrapped(mu: float) -> None:
    angles = RandomState(0).vonmises(mu, 2.0, MANY)
    assert (abs(angles) <= math.pi + 1e-6).all()
    mean = math.atan2(float(jnp.sin(angles).mean()), float(jnp.cos(angles).mean()))
    assert math.isclose(math.cos(mean - mu), 1, abs_tol=0.01)


def test_vonmises_refuses_a_negative_concentration() -> None:
    with pytest.raises(OptionError, match=r"kappa >= 0\n  got:      -1\.0"):
        RandomState(0).vonmises(0.0, -1.0)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("exponential", (-1.0,), r"scale >= 0\n  got:      -1\.0"),
        ("weibull", (0.0,), r"a > 0\n  got:      0\.0"),
        ("weibull_min", (1.0, -1.0), r"scale >= 0"),
        ("rayleigh", (-1.0,), r"scale >= 0"),
        ("pareto", (0.0,), r"a > 0"),
        ("power", (-1.0,), r"a > 0"),
        ("wald", (0.0, 1.0), r"mean > 0"),
        ("wald", (1.0, [1.0, 0.0]), r"scale > 0\n  got:      0\.0 at index \(1,\)"),
    ],
)
def test_parameters_out_of_range_are_refused(
    name: str, parameters: tuple[float, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        getattr(RandomState(0), name)(*parameters)


def test_pareto_starts_at_one() -> None:
    assert RandomState(0).pareto(3.0, MANY).min() >= 1
