"""Eager loops over modules are not traced again, and are never stale."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
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
