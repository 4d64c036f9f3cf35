import jax
import pytest

from brainlite.errors import OptionError
from brainlite.random import RandomState


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
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


def test_chisquare_checks_its_argument_if_asked_to() -> None:
    drawing = jax.eval_shape(lambda: RandomState(0).chisquare(-1.0, check_valid=False))
    assert drawing.shape == ()
