"""Settings of the process, and contexts."""

import asyncio
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from brainlite import environ
from brainlite.errors import BrainliteError, EnvironmentKeyError, OptionError
from brainlite.transform import jit


def test_precision_is_32_and_nothing_else_is_set() -> None:
    environ.reset()
    assert environ.all() == {"precision": 32}


def test_a_setting_of_the_process_is_read_until_it_is_removed() -> None:
    environ.set(dt=0.1, mode="slow")
    assert (environ.get("dt"), environ.get_dt(), environ.get("mode")) == (0.1, 0.1, "slow")
    assert environ.pop("mode") == "slow"
    assert environ.get("mode", default=None) is None
    environ.reset()
    assert environ.get("dt", None) is None


def test_all_returns_a_dict_of_its_own() -> None:
    environ.all()["mode"] = "slow"
    assert environ.get("mode", None) is None


def test_a_missing_key_raises_and_says_how_to_set_it() -> None:
    with (
        environ.context(fit=True),
        pytest.raises(EnvironmentKeyError, match="the environment has no key 'dt'") as error,
    ):
        environ.get_dt()
    assert str(error.value) == (
        "the environment has no key 'dt' (the time step of the simulation)\n"
        "  expected: 'dt' to be set\n"
        "  got:      only 'precision', 'fit'\n"
        "  fix:      use `with brainlite.environ.context(dt=...):` around the call, or "
        "`brainlite.environ.set(dt=...)` once"
    )
    assert isinstance(error.value, KeyError | BrainliteError)


def test_a_default_is_returned_as_it_is() -> None:
    assert environ.get("missing", default=None) is None
    assert environ.get("missing", 3, desc="a number") == 3


def test_removing_a_key_that_is_not_set_raises_unless_there_is_a_default() -> None:
    assert environ.pop("missing", 1) == 1
    with (
        environ.context(missing=1),
        pytest.raises(EnvironmentKeyError, match="no key 'missing' to remove") as error,
    ):
        environ.pop("missing")
    assert "expected: one of ['precision']" in str(error.value)
    assert "pass a default, or set the key first" in str(error.value)


def test_a_context_holds_for_its_block() -> None:
    environ.set(dt=0.1)
    with environ.context(fit=True, dt=0.5) as settings:
        assert settings == {"precision": 32, "dt": 0.5, "fit": True}
        assert (environ.get("fit"), environ.get_dt()) == (True, 0.5)
        assert environ.all() == settings
    assert environ.all() == {"precision": 32, "dt": 0.1}


def test_an_inner_context_adds_to_the_outer_one() -> None:
    with environ.context(fit=True, dt=0.1):
        with environ.context(fit=False, t=1.0):
            assert (environ.get("fit"), environ.get("dt"), environ.get("t")) == (False, 0.1, 1.0)
        assert environ.get("fit") is True
        assert environ.get("t", None) is None


def test_a_context_ends_with_an_exception() -> None:
    def body() -> None:
        with environ.context(fit=True):
            raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        body()
    assert environ.get("fit", None) is None


def test_a_context_may_set_none() -> None:
    environ.set(dt=0.1)
    with environ.context(dt=None):
        assert environ.get_dt() is None


def test_a_setting_of_the_process_made_in_a_context_shows_after_it() -> None:
    with environ.context(dt=0.1):
        environ.set(dt=0.5, mode="slow")
        assert environ.get_dt() == 0.1
        assert environ.get("mode") == "slow"
    assert environ.get_dt() == 0.5


def test_another_thread_sees_the_process_and_not_the_context() -> None:
    environ.set(dt=0.1)
    seen: list[Any] = []
    with environ.context(dt=0.5, fit=True):
        thread = threading.Thread(target=lambda: seen.append(environ.all()))
        thread.start()
        thread.join()
    assert seen == [{"precision": 32, "dt": 0.1}]


def test_asyncio_tasks_keep_their_contexts_apart() -> None:
    async def task(number: int) -> list[Any]:
        seen: list[Any] = []
        with environ.context(number=number):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(environ.get("number"))
        return seen

    async def main() -> list[list[Any]]:
        with environ.context(outer=True):
            return await asyncio.gather(*(task(number) for number in range(4)))

    assert asyncio.run(main()) == [[number] * 3 for number in range(4)]
    assert environ.get("number", None) is None


async def waiting() -> None:
    pass


def generating() -> Generator[int]:
    yield 1


@pytest.mark.parametrize("function", [waiting, generating])
def test_a_context_decorates_nothing_that_runs_later(function: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match=r"(waiting|generating): .* which runs later"):
        environ.context(fit=True)(function)


def test_a_traced_value_is_no_setting_of_the_process() -> None:
    before = environ.all()
    with pytest.raises(OptionError, match=r"environ\.set\(gain=\.\.\.\): .* being traced"):
        jit(lambda x: environ.set(gain=x))(1.0)
    assert environ.all() == before


def test_a_context_decorates_a_function() -> None:
    @environ.context(fit=True)
    def inner(depth: int) -> Any:
        return inner(depth - 1) if depth else environ.get("fit")

    assert inner(2)
    assert environ.get("fit", None) is None
