"""Broadcasting, compared with numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brainlite._given import broadcasts

SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@given(SHAPES, SHAPES)
def test_it_says_what_numpy_does(shape: tuple[int, ...], to: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(shape, to) == to
    except ValueError:
        fits = False
    assert broadcasts(shape, to) == fits
