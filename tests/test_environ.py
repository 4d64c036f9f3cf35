"""The environment: settings, contexts, what is noted, precision."""

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.errors import BrainliteError, EnvironmentKeyError, EnvironmentLeakError, OptionError


@pytest.fixture(autouse=True)
def _settings_as_before() -> Iterator[None]:
    before = environ.all()
    yield
    environ.reset()
    environ.set(**before)


# --------------------------------------------------------------------------------------- settings


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


# --------------------------------------------------------------------------------------- contexts


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


# --------------------------------------------------------------------------- what the engine asks


def layer_of(**settings: Any) -> object:
    with environ.context(**settings):
        return environ.layer()


def test_equal_contexts_are_one_object_as_long_as_one_is_in_use() -> None:
    with environ.context(fit=True, dt=0.1):
        first = environ.layer()
    with environ.context(dt=0.1, fit=True):
        assert environ.layer() is first
    with environ.context(dt=0.1), environ.context(fit=True):
        assert environ.layer() is first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (1.0, np.float32(1)),
        ((1, 2), (1.0, 2.0)),
        ((0, (True,)), (0, (1,))),
        ("a", "b"),
        (None, 0),
    ],
)
def test_values_that_can_be_told_apart_are_never_exchanged(one: Any, other: Any) -> None:
    with environ.context(value=one):
        kept = environ.layer()
    with environ.context(value=other):
        assert environ.layer() is not kept
        assert environ.get("value") is other


def test_values_that_cannot_be_hashed_are_settings_like_others() -> None:
    noise = [jnp.ones(3)]
    with environ.context(noise=noise):
        first = environ.layer()
        assert environ.get("noise") is noise
    with environ.context(noise=noise):
        assert environ.layer() is not first


class Pair(NamedTuple):
    one: Any
    other: Any


INPUTS: list[tuple[str, Any]] = [
    ("noise", jnp.ones(3)),
    ("noise", np.ones(3)),
    ("noise", Pair(jnp.ones(3), 2.0)),
    *[(key, value) for key in ("t", "i") for value in (1, 1.0, np.float32(1), jnp.ones(()))],
]
CONSTANTS: list[tuple[str, Any]] = [
    *[("t", value) for value in (None, "now", [1.0], (1.0,), {"a": 1.0}, object)],
    ("noise", 1.0),
    ("noise", np.array(["a"])),
    ("noise", Pair(1.0, 2.0)),
    ("noise", Pair(jnp.ones(3), "name")),
    ("fit", np.array(True)),
]


@pytest.mark.parametrize(("key", "value"), INPUTS)
def test_what_changes_at_each_step_is_an_input(key: str, value: Any) -> None:
    with environ.context(**{key: value}) as settings:
        assert settings[key] is value
        assert environ.get(key) is value
        assert environ.lookup(key) is environ.INPUT
    environ.set(**{key: value})
    assert environ.lookup(key) is environ.INPUT
    assert environ.all()[key] is value
    with environ.context(**{key: None}):
        assert environ.get(key) is None
    assert environ.pop(key) is value
    assert environ.get(key, None) is None


@pytest.mark.parametrize(("key", "value"), CONSTANTS)
def test_anything_else_is_a_constant(key: str, value: Any) -> None:
    with environ.context(**{key: value}):
        assert environ.lookup(key) is environ.get(key) is value


def test_contexts_with_other_inputs_are_one_layer() -> None:
    layers = [layer_of(t=0.0, fit=True), layer_of(t=jnp.ones(3), fit=True)]
    assert layers[0] == layers[1]
    with environ.context(t=0.0):
        layer = environ.layer()
    with environ.context(t=1.0):
        assert environ.layer() is layer


def test_an_input_of_the_process_shows_after_a_context() -> None:
    environ.set(t=1.0)
    with environ.context(t=2.0):
        environ.set(t=3.0)
        assert environ.get("t") == 2.0
    assert environ.get("t") == 3.0
    environ.reset()
    assert environ.get("t", None) is None


def test_a_context_that_has_ended_keeps_nothing_alive() -> None:
    class Model:
        pass

    model = Model()
    alive = weakref.ref(model)
    with environ.context(model=model):
        pass
    del model
    gc.collect()
    assert alive() is None


def test_a_time_that_never_repeats_takes_no_memory() -> None:
    before = len(environ._interned)  # pyright: ignore[reportPrivateUsage]
    for step in range(100):
        with environ.context(t=step * 0.1):
            pass
    assert len(environ._interned) <= before  # pyright: ignore[reportPrivateUsage]


@contextlib.contextmanager
def watching(notes: dict[str, Any]) -> Generator[None]:
    variable, token = environ.watch(notes)
    try:
        yield
    finally:
        variable.reset(token)


def test_what_is_read_from_outside_is_noted_with_its_value() -> None:
    notes: dict[str, Any] = {}
    environ.set(dt=0.1)
    with environ.context(fit=True), watching(notes):
        environ.get("fit")
        environ.get_dt()
        environ.dftype()
        environ.get("missing", None)
        with environ.context(t=1.0):
            environ.get("t")
    assert environ.lookup("missing") is notes.pop("missing")
    assert notes == {"fit": True, "dt": 0.1, "precision": 32}


def test_reading_all_settings_notes_each() -> None:
    notes: dict[str, Any] = {}
    with environ.context(fit=True), watching(notes):
        with environ.context(t=1.0):
            pass
        assert notes == {}
        environ.all()
    assert notes == {"fit": True, "precision": 32}


def test_nothing_is_noted_after_watching() -> None:
    notes: dict[str, Any] = {}
    with watching(notes):
        pass
    environ.get("precision")
    assert notes == {}


# -------------------------------------------------------------------------------------- precision


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        (8, ("float8_e5m2", "int8", "uint8", "complex64")),
        (16, ("float16", "int16", "uint16", "complex64")),
        (32, ("float32", "int32", "uint32", "complex64")),
        (64, ("float64", "int64", "uint64", "complex128")),
        ("bf16", ("bfloat16", "int16", "uint16", "complex64")),
    ],
)
def test_dtypes_follow_the_precision(precision: int | str, names: tuple[str, ...]) -> None:
    def dtypes() -> list[Any]:
        return [environ.dftype(), environ.ditype(), environ.dutype(), environ.dctype()]

    expected = [jnp.dtype(name) for name in names]
    with environ.context(precision=precision):
        assert environ.get_precision() == precision
        assert dtypes() == expected
    environ.set_precision(precision)
    assert dtypes() == expected


def test_dtypes_are_those_of_arrays() -> None:
    assert jnp.ones(3, environ.dftype()).dtype == "float32"
    with environ.context(precision="bf16"):
        assert jnp.ones(3, environ.dftype()).dtype == "bfloat16"
    assert jnp.ones(3, environ.dctype()).dtype == "complex64"


def test_a_precision_may_be_a_string_of_digits() -> None:
    environ.set(precision="16")
    assert environ.get_precision() == 16


@pytest.mark.parametrize("precision", [7, 0, -32, 32.0, True, "half", "", "²", None, (32,)])
def test_an_unknown_precision_raises_and_changes_nothing(precision: Any) -> None:
    with pytest.raises(OptionError, match="the environment has no such precision") as error:
        environ.context(precision=precision).__enter__()
    assert "expected: one of 8, 16, 32, 64, 'bf16'" in str(error.value)
    assert f"got:      {precision!r}" in str(error.value)
    if precision is not None:
        with pytest.raises(OptionError, match="pass the width of floats in bits"):
            environ.set(dt=0.1, precision=precision)
    assert environ.all() == {"precision": 32}


# -------------------------------------------------------------------------------------- generators


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
            EnvironmentLeakError, match=r"leaking\w* at .*test_environ\.py:\d+: a generator yields"
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


def test_a_context_decorates_a_function() -> None:
    @environ.context(fit=True)
    def inner(depth: int) -> Any:
        return inner(depth - 1) if depth else environ.get("fit")

    assert inner(2)
    assert environ.get("fit", None) is None


@pytest.mark.parametrize("dt", [0.0, 0, -0.1, float("nan"), float("inf"), "0.1", True, [0.1, 0.0]])
def test_a_time_step_moves_time_on(dt: Any) -> None:
    environ.set(dt=0.5)
    for put in (environ.set, environ.context):
        with pytest.raises(OptionError, match=r"no time step(.|\n)*above 0(.|\n)*such as dt=0.1"):
            put(dt=dt)
    assert environ.get_dt() == 0.5
    for fits in (1, np.float32(0.1), jnp.asarray(0.1)):
        with environ.context(dt=fits):
            assert environ.get_dt() == fits
    environ.reset()
