import pytest

from brainlite.errors import OptionError
from brainlite.random import RandomState


def test_counts_start_where_they_should() -> None:
    rng = RandomState(0)
    assert rng.poisson(0.0, 5).tolist() == [0] * 5
    assert rng.logseries(0.0, 5).tolist() == [1] * 5
    assert rng.zipf(500.0, 5).tolist() == [1] * 5


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_zipf_stays_within_its_dtype(bits: int) -> None:
    numbers = RandomState(0).zipf(1.05, 1000, dtype=f"int{bits}")
    assert (int(numbers.min()), str(numbers.dtype)) == (1, f"int{bits}")
    assert int(numbers.max()) > 2 ** (bits - 2)


@pytest.mark.parametrize(
    ("name", "parameter", "message"),
    [
        ("poisson", -1.0, r"lam >= 0\n  got:      -1\.0"),
        ("logseries", 1.0, r"p 0 or more, below 1\n  got:      1\.0"),
        ("zipf", 1.0, r"a > 1\n  got:      1\.0"),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, parameter: float, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        getattr(RandomState(0), name)(parameter)
