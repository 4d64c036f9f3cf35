import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainlite._given._size import to_size
from brainlite.errors import SizeError


@given(st.lists(st.integers(0, 10)))
def test_any_sequence_of_whole_numbers_is_a_size(axes: list[int]) -> None:
    assert to_size(axes) == to_size(tuple(axes)) == to_size(np.array(axes, int)) == tuple(axes)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [3, np.int32(3), np.array(3), jnp.int32(3), [3], (np.uint8(3),)])
def test_one_number_is_one_axis_of_plain_int(size: int) -> None:
    assert to_size(size) == (3,)
    assert type(to_size(size)[0]) is int


@pytest.mark.parametrize(
    ("size", "got", "fix"),
    [
        (-1, r"got:      -1", r"-1 is not worked out"),
        ((2, -3), r"got:      -3 in \(2, -3\)", r"write the number of elements"),
        (2.0, r"got:      2\.0", r"fix:      write 2$"),
        ((4, 2.5), r"got:      2\.5 in \(4, 2\.5\)", r"as an int"),
        (True, r"got:      True", r"write the number of elements"),
        ("ab", r"got:      'a' in 'ab'", r"as an int"),
        (None, r"got:      None", r"as an int"),
        (((2, 3),), r"got:      \(2, 3\) in \(\(2, 3\),\)", r"as an int"),
    ],
)
def test_what_is_no_size_is_shown_with_a_remedy(size: int, got: str, fix: str) -> None:
    with pytest.raises(SizeError, match=got) as caught:
        to_size(size)
    caught.match(fix)
    caught.match(r"expected: a whole number, 0 or more")


def test_the_message_names_the_argument_and_the_layer() -> None:
    with pytest.raises(SizeError, match=r"^Linear: num_in is no size"):
        to_size(-1, name="num_in", where="Linear")


def test_a_traced_size_is_refused_with_the_reason() -> None:
    with pytest.raises(SizeError, match=r"x\.shape"):
        jax.jit(to_size)(3)
