"""The function that is written for a warm call."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.core import Tracer

from brainlite import graph
from brainlite.graph import Node
from brainlite.state import ShortTermState, State
from brainlite.transform import jit
from brainlite.transform._compile._intake import Intake, Misfit
from brainlite.transform._compile._warm import STALE, Checks, WarmCall, write
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_same
from tests.transform.small import Counter, Scale

AnyState = State[Any]


def write_for(
    states: list[AnyState],
    run: Callable[..., Any],
    outputs: list[AnyState] | None = None,
    position: int | None = None,
) -> WarmCall:
    intake = Intake({state: state.value for state in states})
    return write(
        intake,
        Checks([], []),
        intake.states,
        [] if outputs is None else outputs,
        position=position,
        is_alone=False,
        run=run,
        commit=lambda result, new: (result, new),
    )


def layer(weight: float = 2.0) -> dict[str, Array]:
    return {"weight": jnp.asarray(weight), "bias": jnp.asarray(1.0)}


def returned(flat: list[object], *args: object, **kwargs: object) -> tuple[object, list[object]]:
    return (flat, args, kwargs), []


def test_values_go_in_as_the_intake_flattens_them() -> None:
    states: list[AnyState] = [State(layer()), State(jnp.asarray(5.0)), State((1, 2)), State({})]
    intake = Intake({state: state.value for state in states})
    flat, args, kwargs = write_for(states, returned)((1, 2), {"x": 3})
    assert_same(flat, intake.flatten([state.value for state in intake.states]))
    assert (args, kwargs) == ((1, 2), {"x": 3})


@pytest.mark.parametrize(("position", "expected"), [(0, (None, 2, 3)), (2, (1, 2, None))])
def test_the_module_is_left_out(position: int, expected: tuple[object, ...]) -> None:
    _, args, _ = write_for([], returned, position=position)((1, 2, 3), {})
    assert args == expected


@pytest.mark.parametrize("wrong", [{"weight": 1.0}, {**layer(), "scale": 1.0}, 3.0, (1.0, 2.0)])
def test_a_value_of_another_form_does_not_fit(wrong: Any) -> None:
    state: AnyState = State(layer())
    warm = write_for([state], returned)
    state.__held__ = wrong
    with pytest.raises(Misfit):
        warm((), {})


def test_new_values_are_stored_in_their_states() -> None:
    first: AnyState = State(jnp.zeros(2))
    second: AnyState = State(jnp.zeros(3))
    warm = write_for([first], lambda flat: (flat[0] + 1, ["one", "two"]), [second, first])
    assert_same(warm((), {}), jnp.ones(2))
    assert first.value == "two"
    assert second.value == "one"


def test_nothing_is_run_after_a_change() -> None:
    model, runs = Scale(), Runs()

    def run(_flat: list[object]) -> tuple[int, list[object]]:
        runs.add()
        return runs.count, []

    warm = write_for([], run)
    assert warm((), {}) == 1
    model.factor = 3.0
    assert warm((), {}) is STALE
    assert runs.count == 1


def test_thousands_of_states_that_hold_dicts_are_taken() -> None:
    # What is written out in one expression must not be too deep for Python's compiler.
    states: list[AnyState] = [State({"weight": jnp.ones(1), "bias": n}) for n in range(10_001)]
    warm = write_for(states, lambda flat: (flat[1::2], range(10_001)), states)
    assert warm((), {}) == list(range(10_001))
    assert [state.value for state in states] == list(range(10_001))
    with pytest.raises(Misfit):
        warm((), {})


def test_a_state_whose_class_sets_its_fields_by_its_own_code_gets_its_values_past_it() -> None:
    set_so: list[str] = []

    class Telling(State[Any]):
        """Tells which of its fields are set."""

        def __setattr__(self, name: str, value: object) -> None:
            set_so.append(name)
            super().__setattr__(name, value)

    state: State[Array] = Telling(jnp.zeros(()))
    plain = State(jnp.zeros(()))

    @jit
    def step(x: float) -> Array:
        state.value += x
        plain.value -= x
        return state.value

    step(1.0)
    set_so.clear()
    assert [float(step(2.0)), float(step(3.0)), float(plain.value)] == [3, 6, -6]
    assert not set_so


class Exchanging(Node):
    """Exchanges its two states at each call."""

    def __init__(self) -> None:
        self.one = ShortTermState(jnp.asarray(1.0))
        self.two = ShortTermState(jnp.asarray(2.0))

    def exchange(self) -> Array:
        self.one, self.two = self.two, self.one
        return self.one.value


def test_states_that_change_places_do_so_at_each_warm_call() -> None:
    model, expected = Exchanging(), Exchanging()
    exchange = jit(model.exchange)
    one = model.one
    for n in range(4):
        assert_same(exchange(), expected.exchange())
        assert (model.one if n % 2 else model.two) is one


@pytest.mark.parametrize("by", ["closure", "argument", "second argument", "keyword"])
def test_a_warm_call_by(by: str) -> None:
    model = Counter()
    plain = jit(lambda x: model(x))
    first, second = jit(lambda m, x: m(x)), jit(lambda x, m, y: m(x) + y)
    calls: dict[str, Callable[[], object]] = {
        "closure": lambda: plain(1.0),
        "argument": lambda: first(model, 1.0),
        "second argument": lambda: second(1.0, model, y=2.0),
        "keyword": lambda: first(m=model, x=1.0),
    }
    for _ in range(4):
        calls[by]()
    assert int(model.count.value) == 4


def test_each_module_has_a_warm_call_of_its_own() -> None:
    models = [Scale(), Scale()]
    scale = jit(lambda model, x: model(x))
    graph.states(models[1])["weight",].value *= 3
    for _ in range(3):
        first, second = (scale(model, jnp.ones(3)) for model in models)
        assert_same(second, first * 3)


def test_under_disable_jit_a_function_that_was_compiled_runs_as_python() -> None:
    seen: list[object] = []

    @jit
    def step(x: Array) -> Array:
        seen.append(isinstance(x, Tracer))
        return x + 1

    for _ in range(2):
        step(jnp.ones(()))
    with jax.disable_jit():
        step(jnp.ones(()))
    assert seen == [True, False]
