"""Sizes and padding along axes, as users give them."""

from typing import Any

import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.nn._layers.spatial import per_axis, to_padding, to_pads


@pytest.mark.parametrize(
    ("padding", "rank", "expected"),
    [
        (1, 2, ((1, 1), (1, 1))),
        ((1, 2), 1, ((1, 2),)),
        ([3], 1, ((3, 3),)),
        ((1, 2), 2, ((1, 1), (2, 2))),
        ([(1, 2)], 2, ((1, 2), (1, 2))),
        ([[1, 2], [0, 3]], 2, ((1, 2), (0, 3))),
        ("valid", 3, "VALID"),
    ],
)
def test_padding_is_brought_into_one_form(padding: Any, rank: int, expected: Any) -> None:
    assert to_padding(padding, rank, "Conv") == expected


@pytest.mark.parametrize("padding", [(1, 2, 3), [(1, 2), 3, 4], [(1, 2, 3), (1, 2, 3)], None, True])
def test_other_padding_is_refused(padding: Any) -> None:
    with pytest.raises(SizeError, match=r"(?s)Conv: padding .*expected:.*got:.*fix:"):
        to_padding(padding, 2, "Conv")
    wrong: Any = "full"
    with pytest.raises(OptionError, match=r"(?s)Conv: padding.*got: .*'full'"):
        to_padding(wrong, 2, "Conv")


def test_same_padding_gives_size_over_stride_windows() -> None:
    for size, span, stride in ((7, 3, 1), (7, 4, 2), (6, 5, 4), (8, 1, 3)):
        ((before, after),) = to_pads("SAME", (size,), (span,), (stride,))
        assert 0 <= after - before <= 1
        assert (size + before + after - span) // stride + 1 == -(-size // stride)


def test_one_number_is_for_all_axes() -> None:
    assert per_axis(2, 3, "stride", "Conv") == per_axis([2], 3, "stride", "Conv") == (2, 2, 2)
    with pytest.raises(SizeError, match=r"(?s)Conv: stride .*2 of them, each at least 1.*\(0, 1\)"):
        per_axis((0, 1), 2, "stride", "Conv")
