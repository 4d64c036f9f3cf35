"""Where settings are held: layers that are one object, inputs, and what is noted."""

import contextlib
import dataclasses
import gc
import weakref
from collections.abc import Generator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.environ import _store
from brainlite.environ._face import layer, lookup, watch
from brainlite.environ._store import INPUT
from brainlite.transform import jit


def layer_of(**settings: Any) -> object:
    with environ.context(**settings):
        return layer()


def test_equal_contexts_are_one_object_as_long_as_one_is_in_use() -> None:
    with environ.context(fit=True, dt=0.1):
        first = layer()
    with environ.context(dt=0.1, fit=True):
        assert layer() is first
    with environ.context(dt=0.1), environ.context(fit=True):
        assert layer() is first


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
        kept = layer()
    with environ.context(value=other):
        assert layer() is not kept
        assert environ.get("value") is other


@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    scale: float = dataclasses.field(compare=False)


def test_settings_that_only_say_that_they_are_equal_are_told_apart() -> None:
    one, other = Config("a", 1.0), Config("a", 2.0)
    read = jit(lambda x: x * environ.get("config").scale)
    assert one == other
    for config in (one, other, one):
        with environ.context(config=config):
            assert environ.get("config") is config
            assert read(3.0) == 3 * config.scale


def test_values_that_cannot_be_hashed_are_settings_like_others() -> None:
    noise = [jnp.ones(3)]
    with environ.context(noise=noise):
        first = layer()
        assert environ.get("noise") is noise
    with environ.context(noise=noise):
        assert layer() is not first


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
        assert lookup(key) is INPUT
    environ.set(**{key: value})
    assert lookup(key) is INPUT
    assert environ.all()[key] is value
    with environ.context(**{key: None}):
        assert environ.get(key) is None
    assert environ.pop(key) is value
    assert environ.get(key, None) is None


@pytest.mark.parametrize(("key", "value"), CONSTANTS)
def test_anything_else_is_a_constant(key: str, value: Any) -> None:
    with environ.context(**{key: value}):
        assert lookup(key) is environ.get(key) is value


def test_contexts_with_other_inputs_are_one_layer() -> None:
    layers = [layer_of(t=0.0, fit=True), layer_of(t=jnp.ones(3), fit=True)]
    assert layers[0] == layers[1]
    with environ.context(t=0.0):
        first = layer()
    with environ.context(t=1.0):
        assert layer() is first


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
    before = len(_store.interned)
    for step in range(100):
        with environ.context(t=step * 0.1):
            pass
    assert len(_store.interned) <= before


@contextlib.contextmanager
def watching(notes: dict[str, Any]) -> Generator[None]:
    variable, token = watch(notes)
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
    assert lookup("missing") is notes.pop("missing")
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
