"""Draws in a unit; tests/integration/test_units.py has those of brainunit."""

from typing import Any

import numpy as np
import pytest

from brainlite.random._units import has_unit, in_unit
from tests.given.test_quantity import Volts


def test_numbers_have_no_unit() -> None:
    assert not has_unit(0.0, np.ones(2), None)
    assert has_unit(0.0, Volts(np.ones(2)))


def test_a_draw_without_any_quantity_is_a_fault_of_ours() -> None:
    def draw(*numbers: Any) -> Any:
        return numbers

    with pytest.raises(StopIteration):
        in_unit(draw, low=0.0)
