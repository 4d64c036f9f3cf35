"""Which blocks of a generator have a ``yield`` in them."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import nullcontext
from types import FrameType
from typing import Any

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


def leaking(values: range) -> Iterator[int]:
    with environ.context(fit=True):
        yield from values


def leaking_in_a_loop() -> Iterator[int]:
    for value in range(3):
        with environ.context(fit=True):
            try:
                if value:
                    yield value
            finally:
                environ.get("fit")


def leaking_deep() -> Iterator[int]:
    with environ.context(fit=True):
        for value in range(3):
            with contextlib.suppress(ValueError):
                yield value


def between() -> Iterator[Any]:
    yield environ.get("fit", None)
    for _ in range(2):
        with environ.context(fit=True):
            inside = environ.get("fit")
        yield inside
    with environ.context(fit=False):
        try:
            inside = environ.get("fit")
        finally:
            environ.get("fit")
    yield inside


@contextlib.contextmanager
def training() -> Generator[None]:
    with environ.context(fit=True):
        yield


@pytest.fixture
def trained() -> Iterator[None]:
    with environ.context(fit=True):
        yield


@pytest.mark.parametrize(
    "make",
    [lambda: leaking(range(3)), leaking_in_a_loop, leaking_deep],
    ids=["from", "loop", "deep"],
)
def test_a_generator_cannot_leave_its_settings_to_its_caller(
    make: Callable[[], Iterator[int]],
) -> None:
    with environ.context(dt=0.1):
        with pytest.raises(
            EnvironmentLeakError, match=r"leaking\w* at .*test_leaks\.py:\d+: a generator yields"
        ):
            list(make())
        assert environ.get("fit", None) is None
        assert environ.get("dt") == 0.1


def test_an_async_generator_cannot_leave_its_settings_either() -> None:
    async def numbers() -> AsyncIterator[int]:
        with environ.context(fit=True):
            yield 1

    async def wait() -> AsyncIterator[Any]:
        with environ.context(fit=True):
            await asyncio.sleep(0)
            inside = environ.get("fit")
        yield inside

    async def run(values: AsyncIterator[Any]) -> list[Any]:
        return [value async for value in values]

    with pytest.raises(EnvironmentLeakError, match="a generator yields inside"):
        asyncio.run(run(numbers()))
    assert asyncio.run(run(wait())) == [True]


def test_settings_between_two_yields_are_the_generator_s_own() -> None:
    seen = []
    for inside in between():
        seen.append((inside, environ.get("fit", None)))
    assert seen == [(None, None), (True, None), (True, None), (False, None)]


def test_a_context_manager_may_be_made_of_a_generator() -> None:
    with training():
        assert environ.get("fit")
    assert environ.get("fit", None) is None


@pytest.mark.usefixtures("trained")
def test_a_fixture_may_be_made_of_a_generator() -> None:
    assert environ.get("fit")
