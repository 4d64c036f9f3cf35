import pytest

from brainlite.errors import OptionError
from brainlite.random import RandomState
from tests.random.comparison import MANY


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
