"""Which blocks of a generator have a ``yield`` in them."""

import inspect
from collections.abc import Iterator
from contextlib import nullcontext
from types import FrameType

import pytest

from brainlite import environ
from brainlite.environ._leaks import check_no_leak
from brainlite.errors import EnvironmentLeakError


def test_a_yield_in_the_block_is_told_and_one_behind_it_is_not() -> None:
    def inside() -> Iterator[int]:
        with nullcontext(), environ.context(dt=1.0):
            yield 1

    def behind() -> Iterator[int]:
        with environ.context(dt=1.0):
            pass
        yield 1

    with pytest.raises(EnvironmentLeakError, match=r"test_leaks.py:\d+: a generator yields inside"):
        next(inside())
    assert next(behind()) == 1


def test_a_plain_function_is_not_looked_at() -> None:
    frame = inspect.currentframe()
    assert isinstance(frame, FrameType)
    check_no_leak(frame)
