"""Options that are out of their range, or unknown."""

import pytest

from brainlite._given import check_choice, check_option
from brainlite.errors import OptionError
from tests.transform.checks import says


def test_an_option_in_its_range_passes() -> None:
    check_option("LRU", "max_phase", 1.0, True, "more than 0")
    check_choice("RNN", "nonlinearity", "tanh", ("tanh", "relu"))


def test_one_out_of_its_range_says_what_fits() -> None:
    message = says(
        "LRU: max_phase is out of its range",
        expected="max_phase: more than 0",
        got=r"max_phase=-1\.0",
        fix="change max_phase, or leave it out",
    )
    with pytest.raises(OptionError, match=message):
        check_option("LRU", "max_phase", -1.0, False, "more than 0")


def test_one_that_is_unknown_says_which_are_known() -> None:
    message = says(
        "RNN: there is no such nonlinearity",
        expected="'tanh' or 'relu'",
        got="nonlinearity='sine'",
        fix="use a cell",
    )
    with pytest.raises(OptionError, match=message):
        check_choice("RNN", "nonlinearity", "sine", ("tanh", "relu"), "use a cell")
