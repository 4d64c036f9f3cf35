"""What a function reaches through its variables."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.state import State
from brainlite.transform import grad, jit
from brainlite.transform._engine._reach import reachable
from tests.transform.small import Total

held = State(jnp.zeros(()))


def by_global() -> Any:
    return held.value


def by_nested_function() -> Any:
    def inner() -> Any:
        return held.value

    return inner()


def by_default(state: State[Any] = held) -> Any:
    return state.value


def by_keyword_default(*, state: State[Any] = held) -> Any:
    return state.value


class Holder:
    """A plain object that holds a state in a list, and has a method."""

    def __init__(self) -> None:
        self.states = [{"a": (held,)}]

    def method(self) -> Any:
        return self.states


def by_closure() -> Callable[[], Any]:
    state, holder = held, Holder()
    return lambda: (state, holder)


def with_an_empty_cell() -> Callable[[], Any]:
    if held.name is not None:
        missing = 1
    return lambda: (missing, held)  # pyright: ignore[reportPossiblyUnboundVariable]


@pytest.mark.parametrize(
    "fun",
    [
        by_global,
        by_nested_function,
        by_default,
        by_keyword_default,
        by_closure(),
        with_an_empty_cell(),
        Holder().method,
        functools.partial(lambda state: state, held),
        functools.partial(lambda state: state, state=held),
        jax.jit(by_global),
        jax.checkpoint(by_global),
        jit(by_global),
        grad(by_global, held),
    ],
)
def test_a_state_in_a_variable_is_reached(fun: Any) -> None:
    assert id(held) in reachable(fun)


def test_a_state_in_an_attribute_of_a_node_is_not() -> None:
    model = Total()
    for fun in (lambda: model.total, model, model.__call__, functools.partial(model, jnp.ones(()))):
        assert id(model.total) not in reachable(fun)
    assert id(model) in reachable(lambda: model)


def test_it_does_not_wander_through_the_libraries() -> None:
    assert len(reachable(lambda x: jnp.sin(jax.nn.relu(x)))) < 100


def test_cycles_end() -> None:
    ring: list[Any] = [held]
    ring.append(ring)
    assert id(held) in reachable(lambda: ring)


def test_a_function_of_no_module_is_compiled_with_what_it_finds_in_its_globals() -> None:
    names: dict[str, Any] = {"count": State(jnp.zeros(()))}  # as in code that is run from a string
    exec("def step():\n    count.value = count.value + 1\n    return count.value", names)
    assert names["step"].__module__ is None or names["step"].__module__ == "builtins"
    run = jit(names["step"])
    assert [float(run()) for _ in range(3)] == [1, 2, 3]
