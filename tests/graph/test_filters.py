"""Filters: what selects states and nodes."""

from collections.abc import Callable
from typing import Any as AnyType

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import FilterError
from brainlite.graph import (
    All,
    Any,
    Everything,
    Not,
    Nothing,
    OfType,
    PathContains,
    WithTag,
    nodes,
    split,
    states,
    to_predicate,
)
from brainlite.state import BatchState, HiddenState, LongTermState, ParamState, State
from brainlite.typing import Array, Filter, Path
from tests.graph.models import Bag, Linear, Net

PARAMS = 10
ALL = 12


def selected(given: Filter) -> int:
    return len(states(Net(), given))


FILTERS: list[tuple[Filter, int]] = [
    (ParamState, PARAMS),
    (ParamState[Array], PARAMS),
    (State, ALL),
    (HiddenState, 1),
    (LongTermState, PARAMS + 1),  # parameters outlive a run, too
    (BatchState, 1),
    (OfType(HiddenState), 1),
    ("bias", 5),
    ("memory", 1),
    ("mem", 0),
    (WithTag("slow"), 1),
    (True, ALL),
    (..., ALL),
    (False, 0),
    (None, 0),
    (Everything(), ALL),
    (Nothing(), 0),
    (PathContains("layers"), 4),
    (PathContains("weight"), 5),
    (PathContains(7), 2),
    (PathContains(0), 2),
    (PathContains("0"), 0),
    ([HiddenState, BatchState], 2),
    ((HiddenState, "bias"), 6),
    ([], 0),
    (Any(HiddenState, "bias"), 6),
    (Any(), 0),
    (All(ParamState, "bias"), 5),
    (All(ParamState, Not("bias"), PathContains("heads")), 2),
    (All(), ALL),
    (Not(ParamState), 2),
    (Not([HiddenState, ParamState]), 1),
    (Not(...), 0),
    (lambda path, _state: len(path) == 1, 2),
    (lambda _path, state: state.value.size == 16, 1),
]


@pytest.mark.parametrize(("given", "number"), FILTERS)
def test_a_filter_selects(given: Filter, number: int) -> None:
    assert selected(given) == number


def test_a_union_of_types_selects_each_of_them() -> None:
    union: AnyType = HiddenState | BatchState
    assert selected(union) == 2
    optional: AnyType = ParamState | None
    assert selected(optional) == PARAMS


def test_the_first_filter_that_selects_wins() -> None:
    net = Net()
    biases, params, rest, nothing = states(net, "bias", ParamState, ..., ...)
    assert [len(each) for each in (biases, params, rest, nothing)] == [5, 5, 2, 0]
    graphdef, params, biases = split(net, [ParamState, HiddenState, BatchState], "bias")
    assert (len(graphdef.states), len(params), len(biases)) == (ALL, ALL, 0)


def test_nodes_are_selected_like_states() -> None:
    net = Net()
    linears, rest = nodes(net, Linear, ...)
    assert list(rest) == [()]
    assert len(linears) == 5
    assert list(nodes(net, PathContains("layers"))) == [("layers", 0), ("layers", 1)]


def test_a_predicate_sees_path_and_object() -> None:
    linear = Linear()
    seen: list[tuple[Path, object]] = []

    def predicate(path: Path, item: object) -> bool:
        seen.append((path, item))
        return item is linear.bias

    assert list(states(linear, predicate)) == [("bias",)]
    assert seen == [(("weight",), linear.weight), (("bias",), linear.bias)]


def test_a_predicate_sees_the_states_themselves_when_splitting() -> None:
    linear = Linear()
    _, bias, rest = split(linear, lambda _path, state: state is linear.bias, ...)
    assert (list(bias), list(rest)) == ([("bias",)], [("weight",)])


WRONG: list[tuple[AnyType, str]] = [
    (3, "got: .*int 3"),
    (1.5, r"got: .*float 1\.5"),
    (jnp.ones(2), "got: "),
    (np.ones(2), "got: "),
    (ParamState(1.0), "got: .*ParamState"),
    (Bag(), "got: .*Bag"),
    ({"a": ParamState}, "got: .*dict"),
    ({ParamState}, "got: .*set"),
    ([ParamState, 3], "got: .*int 3"),
]


@pytest.mark.parametrize(("given", "got"), WRONG)
@pytest.mark.parametrize("use", [to_predicate, Not, Any, All])
def test_what_is_no_filter_raises(
    use: Callable[[AnyType], object], given: AnyType, got: str
) -> None:
    with pytest.raises(FilterError, match=rf"^this is no filter[\s\S]*{got}") as error:
        use(given)
    assert "expected: a type, a tag, a predicate (path, object) -> bool" in str(error.value)
    assert "fix:      pass a state type such as brainlite.ParamState" in str(error.value)


def test_a_wrong_filter_raises_whatever_the_graph() -> None:
    with pytest.raises(FilterError, match="this is no filter"):
        states(Bag(), 3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    with pytest.raises(TypeError, match="this is no filter"):
        split(Bag(), ..., 3)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_filters_compare_by_what_they_are_made_of() -> None:
    assert OfType(ParamState) == OfType(ParamState) != OfType(State)
    assert WithTag("a") == WithTag("a") != PathContains("a")
    assert Any(ParamState, "a") == Any(ParamState, "a") != Any("a", ParamState)
    assert Not(All(..., None)) == Not(All(True, False))
    made = [Any(ParamState, "a"), Any(ParamState, "a"), WithTag("a"), WithTag("b")]
    assert len(set(made)) == 3


def test_filters_say_what_they_are_made_of() -> None:
    assert repr(All(int, Not("a"))) == "All(OfType(<class 'int'>), Not(WithTag('a')))"
