"""Eager loops over modules are not traced again, and are never stale."""

import itertools
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy import random as numpy_random

from brainlite import environ, nn
from brainlite.nn import Module
from brainlite.state import ParamState
from brainlite.transform import for_loop
from brainlite.transform._compile._known import is_known
from brainlite.typing import Array
from tests.transform.checks import assert_close, counted_work
from tests.transform.small import Scale

XS = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)


def cell(**options: Any) -> nn.GRUCell:
    return nn.init_all_states(nn.GRUCell(2, 3, **options))


def run(model: Callable[[Array], Array]) -> tuple[Array, int]:
    """Run a loop, and say how many functions jax traced for it."""
    with counted_work() as work:
        ys = for_loop(model, jnp.asarray(XS))
    return ys, work.traced


def python_loop(model: Callable[[Array], Array]) -> np.ndarray[Any, Any]:
    return np.stack([np.asarray(model(jnp.asarray(x))) for x in XS])


def test_the_second_loop_over_a_cell_of_the_library_traces_nothing() -> None:
    model = cell()
    run(model)
    nn.init_all_states(model)
    ys, traced = run(model)
    assert traced == 0
    nn.init_all_states(model)
    assert_close(ys, python_loop(model))


def test_a_change_of_the_cell_is_seen() -> None:
    model = cell()
    run(model)
    model.Wh.weight = ParamState(jax.tree.map(jnp.zeros_like, model.Wh.weight.value))
    nn.init_all_states(model)
    ys, _ = run(model)
    nn.init_all_states(model)
    assert_close(ys, python_loop(model))


def test_an_activation_that_is_replaced_by_another_of_jax_is_seen() -> None:
    model = cell()
    run(model)
    model.activation = jax.nn.relu
    nn.init_all_states(model)
    ys, _ = run(model)
    nn.init_all_states(model)
    assert_close(ys, python_loop(model))


GAIN = 1.0


def test_a_cell_with_a_function_of_the_user_is_traced_at_each_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = cell(activation=lambda x: jnp.tanh(x) * GAIN)
    first, _ = run(model)
    monkeypatch.setitem(globals(), "GAIN", 0.0)
    nn.init_all_states(model)
    second, traced = run(model)
    assert traced > 0
    nn.init_all_states(model)
    assert_close(second, python_loop(model))
    assert not np.allclose(first, second)


def test_a_function_and_a_loop_inside_a_trace_are_not_known() -> None:
    model = cell()
    assert is_known(model)
    assert is_known(model.update)
    assert is_known(Scale())
    assert not is_known(lambda x: x)
    asked: list[bool] = []
    jax.make_jaxpr(lambda: asked.append(is_known(model)))()
    assert asked == [False]


@pytest.mark.parametrize("options", [{"reverse": True}, {"unroll": 2}, {"length": 3}])
def test_options_have_their_effect(options: dict[str, Any]) -> None:
    model = cell()
    plain, _ = run(model)
    nn.init_all_states(model)
    ys = for_loop(model, jnp.asarray(XS), **options)
    assert np.allclose(ys, plain) == ("reverse" not in options)


@pytest.mark.parametrize(
    "options",
    [{"length": 3.0}, {"length": jnp.int32(3)}, {"reverse": 1}, {"unroll": [2]}, {"unroll": 0}],
    ids=str,
)
def test_options_that_are_none_meet_the_same_error_whether_the_loop_is_known(
    options: dict[str, Any],
) -> None:
    def told(body: Callable[[Array], Array]) -> str:
        try:
            return str(for_loop(body, jnp.asarray(XS), **options).shape)
        except Exception as error:  # whatever it is
            return f"{type(error)}: {error}"

    model = cell()
    equal: list[dict[str, Any]] = [{"length": 3}, {"reverse": True}, {"unroll": 1}]
    for each in equal:
        for_loop(model, jnp.asarray(XS), **each)
    assert told(model) == told(lambda x: model(x))


def test_unrolling_as_a_whole_is_not_unrolling_by_one() -> None:
    model = cell()
    for_loop(model, jnp.asarray(XS), unroll=1)
    _, work = run(model)
    with counted_work() as counted:
        for_loop(model, jnp.asarray(XS), unroll=True)
    assert work == 0
    assert counted.traced > 0


class Counted:
    """Computes, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Array) -> Array:
        self.calls += 1
        return jnp.tanh(x)


def counting() -> tuple[Callable[[Array], Array], Callable[[], int]]:
    """Return a function of the user's that leaves a trace in Python, and what reads it."""
    log: list[None] = []

    def logged(x: Array) -> Array:
        log.append(None)
        return jnp.tanh(x)

    return logged, lambda: len(log)


def counting_object() -> tuple[Callable[[Array], Array], Callable[[], int]]:
    counted = Counted()
    return counted, lambda: counted.calls


def neurons(f: Any) -> Callable[[], object]:
    cells = nn.init_all_states(nn.IF(2, spk_fun=f))

    def step() -> object:
        with environ.context(dt=1.0):
            return cells(jnp.asarray(XS[0]))

    return step


X = jnp.asarray(XS)
loop: Any = for_loop  # a partial of it has no overloads
# From something that computes to a call of something of the library that holds it.
HOLDERS: dict[str, Callable[[Any], Callable[[], object]]] = {
    "a step of neurons": neurons,
    "a loop": lambda f: partial(loop, nn.Sequential(f), X),
    "a loop over a wrapper": lambda f: partial(loop, nn.Vmap(nn.Sequential(f)), X[:, None]),
    "a loop over a method": lambda f: partial(loop, nn.Sequential(f).update, X),
    "a cell": lambda f: partial(cell(activation=f), X[0]),
    "a layer of cells": lambda f: partial(nn.Recurrent(nn.GRUCell(2, 3, activation=f)), X),
}


@pytest.mark.parametrize("make", [counting, counting_object])
@pytest.mark.parametrize("holder", HOLDERS)
def test_code_of_the_user_runs_as_often_at_the_first_call_as_later(holder: str, make: Any) -> None:
    f, count = make()
    call = HOLDERS[holder](f)
    seen = [count()]
    for _ in range(3):
        call()
        seen.append(count())
    assert len({after - before for before, after in itertools.pairwise(seen)}) == 1, seen
    assert seen[-1] > 0


# ------------------------------------------------- code that does more than compute, in attributes


class Reading(Module):
    """Returns x times the next number that something in an attribute gives."""

    def __init__(self, read: Callable[["Reading"], Any], source: Any = None) -> None:
        self.read = read
        self.source = source

    def update(self, x: Array) -> Array:
        return x * float(self.read(self))


jax_partial: Any = jax.tree_util.Partial  # its constructor has no types


class Ticket:
    """Gives a number more at each call, and keeps it in a field of any name."""

    def __init__(self) -> None:
        self.value = 0

    def __call__(self, *_: object) -> int:
        self.value = self.value + 1
        return self.value


def noted(log: list[None], *_: object) -> int:
    log.append(None)
    return len(log)


class Tally:
    notes: ClassVar[list[None]] = []

    @staticmethod
    def take() -> int:
        Tally.notes.append(None)
        return len(Tally.notes)


def restarted(source: str) -> AbstractContextManager[object]:
    """Set all that is global back."""
    np.random.seed(3)  # what users call
    Tally.notes.clear()
    settings = {"source": {"n": 0}} if source == "a setting" else {}
    return environ.context(dt=1.0, **settings)


def from_settings(_: object) -> int:
    environ.get("source")["n"] += 1
    return int(environ.get("source")["n"])


def add_in_place(self: Reading) -> Any:
    self.source[0] += 1
    return self.source[0]


SOURCES: dict[str, Callable[[], Reading]] = {
    "numpy.random": lambda: Reading(lambda _: np.random.normal()),
    "a name of numpy.random": lambda: Reading(lambda _: numpy_random.normal()),
    "a generator of numpy": lambda: Reading(
        lambda self: self.source.normal(), np.random.default_rng(3)
    ),
    "an iterator": lambda: Reading(lambda self: next(self.source), iter(range(1, 9))),
    "a deque": lambda: Reading(
        lambda self: self.source.append(None) or len(self.source), deque[None]()
    ),
    "a counter": lambda: Reading(
        lambda self: self.source.update("a") or self.source["a"], Counter()
    ),
    "an array of numpy": lambda: Reading(add_in_place, np.zeros(1)),
    "a partial": lambda: Reading(lambda self: self.source(), partial(noted, [])),
    "a partial of jax": lambda: Reading(lambda self: self.source(), jax_partial(noted, [])),
    "an object": lambda: Reading(lambda self: self.source(), Ticket()),
    "a static method": lambda: Reading(lambda _: Tally.take()),
    "a setting": lambda: Reading(from_settings),
}
CALLS: dict[str, Callable[[Reading], Callable[[], Any]]] = {
    "a loop": lambda model: lambda: for_loop(model, jnp.ones(1))[0],
    "a loop over a container": lambda model: lambda: for_loop(nn.Sequential(model), jnp.ones(1))[0],
    "neurons": lambda model: (
        lambda: nn.init_all_states(nn.IF(1, spk_fun=lambda v: model(jnp.ones(1)) + v * 0))(0.0)[0]
    ),
}


@pytest.mark.parametrize("way", CALLS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_does_more_than_compute_does_it_at_each_call_as_in_python(
    source: str, way: str
) -> None:
    with restarted(source):
        model = SOURCES[source]()
        expected = [float(model(jnp.ones(()))) for _ in range(4)]
    with restarted(source):
        call = CALLS[way](SOURCES[source]())
        found = [float(call()) for _ in range(2)]
    # Neurons ask for spikes more than once in a step, all at the same time.
    step = 2 if way == "neurons" else 1
    np.testing.assert_allclose(found, expected[step - 1 :: step][:2], rtol=1e-6)


def test_an_array_of_numpy_that_the_library_reads_is_seen_when_it_is_edited() -> None:
    class Own(nn.LIF):
        """Of the user's, whose code mentions none of its attributes."""

    cells = nn.init_all_states(Own(1))
    cells.tau = np.ones(1, np.float32)
    seen: list[float] = []
    for tau in (1.0, 2.0):
        cells.tau[:] = tau
        cells.V.value = jnp.zeros(1)
        with environ.context(dt=1.0):
            for_loop(cells, jnp.full((1, 1), 0.5))
        seen.append(float(cells.V.value[0]))
    np.testing.assert_allclose(seen, -0.5 * np.expm1([-1.0, -0.5]), rtol=1e-6)
