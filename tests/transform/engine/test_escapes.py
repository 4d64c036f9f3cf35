"""What a trace leaves behind in variables: refused, with the variables as they were."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.errors import EscapedTracerError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform import cond, for_loop, grad, jit, scan
from tests.transform.checks import says


class Holder:
    """A plain object."""


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
