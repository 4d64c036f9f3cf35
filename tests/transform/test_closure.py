"""What a function holds in its variables."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import EscapedTracerError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform import cond, for_loop, grad, jit, scan
from brainlite.transform._closure import reachable
from tests.transform.checks import says
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


# ------------------------------------------------------------- what is left behind in variables

kept: Any = None


class Leaking(Node):
    """Leaves a traced value in a global name, from a method."""

    def __call__(self, x: Any) -> Any:
        global kept
        kept = x * 2
        return x


def by_nonlocal() -> Callable[[Any], Any]:
    moment = 0.0

    def f(x: Any) -> Any:
        nonlocal moment
        moment = moment + x
        return x

    return f


def by_nonlocal_tuple() -> Callable[[Any], Any]:
    moments: tuple[Any, ...] = (1,)

    def f(x: Any) -> Any:
        nonlocal moments
        moments = (*moments, x * 2)
        return x

    return lambda x: f(x)


def by_list() -> Callable[[Any], Any]:
    losses: list[Any] = []

    def f(x: Any) -> Any:
        losses.append(x)
        return x

    return f


def by_dict() -> Callable[[Any], Any]:
    seen: dict[str, Any] = {}
    return lambda x: (seen.update(last={"x": x}), x)[1]


def by_field() -> Callable[[Any], Any]:
    holder: Any = Holder()

    def f(x: Any) -> Any:
        holder.last = x
        return x

    return f


def by_method_of_a_module() -> Callable[[Any], Any]:
    model = Leaking()
    return lambda x: model(x)


LEAKS = [by_nonlocal, by_nonlocal_tuple, by_list, by_dict, by_field, by_method_of_a_module]
TRANSFORMS: list[Callable[[Any], Any]] = [
    lambda f: jit(f)(1.0),
    lambda f: for_loop(f, jnp.ones(2)),
    lambda f: scan(lambda carry, x: (carry, f(x)), 0.0, jnp.ones(2)),
    lambda f: grad(f)(1.0),
    lambda f: jit(lambda x: for_loop(f, x))(jnp.ones(2)),
    lambda f: cond(True, f, lambda x: x, 1.0),
]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("leak", LEAKS)
def test_a_traced_value_that_is_left_in_a_variable_raises(
    leak: Callable[[], Callable[[Any], Any]], transform: Callable[[Any], Any]
) -> None:
    message = says(
        "a traced value was left in variable .* inside",
        expected="values that are returned, or written to a State",
        got="abstract value",
        fix="keep it in a State",
    )
    with pytest.raises(EscapedTracerError, match=message):
        transform(leak())
    assert kept is None  # bound to what it was bound to before


def test_lists_and_dicts_get_their_content_back() -> None:
    losses, seen = [1.0], {"a": 1.0}

    def f(x: Any) -> Any:
        losses.append(x)
        seen["b"] = x
        return x

    with pytest.raises(EscapedTracerError, match="a traced value was left in variable"):
        jit(f)(1.0)
    assert (losses, seen) == ([1.0], {"a": 1.0})


def test_values_of_a_trace_around_are_no_escape() -> None:
    outer: list[Any] = []

    def f(x: Any) -> Any:
        outer.append(x)
        y = for_loop(lambda z: z * outer[0], jnp.ones(2)).sum()
        outer.clear()
        return y

    assert float(jit(f)(3.0)) == 6.0


def test_numbers_and_functions_may_change_while_a_function_is_traced() -> None:
    traces, calls = 0, [0]

    @jit
    def f(x: Any) -> Any:
        nonlocal traces
        traces += 1
        calls.append(traces)
        return x

    assert [float(f(1.0)) for _ in range(3)] == [1.0, 1.0, 1.0]
    assert (traces, calls) == (1, [0, 1])


def test_a_state_or_module_that_a_variable_is_bound_to_anew_raises() -> None:
    a, b = State(jnp.asarray(1.0)), State(jnp.asarray(2.0))
    held_list, held_dict = [a, b], {"a": a}
    before = (a, b)

    def exchange(x: Any) -> Any:
        nonlocal a, b
        a, b = b, a
        return a.value * x

    def exchange_in_list(x: Any) -> Any:
        held_list.reverse()
        return held_list[0].value * x

    def make_in_dict(x: Any) -> Any:
        held_dict["h"] = State(x)
        return x

    message = says(
        "got another state or module inside",
        expected="the same states and modules before and after",
        got="that is another, or holds others",
        fix="keep states and modules in attributes of a module",
    )
    for f in (exchange, exchange_in_list, make_in_dict):
        with pytest.raises(EscapedTracerError, match=message):
            jit(f)(2.0)
        with pytest.raises(EscapedTracerError, match=message):
            for_loop(f, jnp.ones(3))
    assert (a, b) == before
    assert (held_list, held_dict) == ([a, b], {"a": a})
