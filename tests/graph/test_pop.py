"""Taking states out of a graph."""

from typing import Any

import pytest

from brainlite.errors import GraphError
from brainlite.graph import pop_states, states
from brainlite.state import HiddenState, ParamState, State
from tests.graph.models import Bag, Net


def test_popped_states_are_returned_and_gone() -> None:
    net = Net()
    mean = net.mean
    hidden, rest = pop_states(net, HiddenState, "bias")
    assert list(hidden) == [("h",)]
    assert len(rest) == 5
    assert not hasattr(net, "h")
    assert not hasattr(net.layers[0], "bias")
    assert list(states(net))[-1] == ("mean",)
    assert list(pop_states(net, lambda _path, state: state is mean)) == [("mean",)]


def test_a_state_is_popped_from_every_place() -> None:
    shared, kept = State(1.0), ParamState(2.0)
    items = [shared, kept, shared, [shared]]
    root = Bag(a=shared, b=items, c=items, d={"x": shared, "y": (kept, [shared])}, e=Bag(w=shared))
    assert list(pop_states(root, lambda _path, state: state is shared)) == [("a",)]
    assert root.b is root.c
    assert root.b == [kept, []]
    assert root.d == {"y": (kept, [])}
    assert not hasattr(root, "a")
    assert not hasattr(root.e, "w")


def test_states_are_popped_from_a_container_at_the_root() -> None:
    root: list[Any] = [State(1.0), ParamState(2.0), {"a": State(3.0)}]
    popped = pop_states(root, lambda _path, state: type(state) is State)
    assert list(popped) == [(0,), (2, "a")]
    assert [type(item) for item in root] == [ParamState, dict]
    assert root[1] == {}


def test_popping_from_a_tuple_raises_and_leaves_the_graph_as_it_was() -> None:
    root = Bag(a=State(1.0), b=[State(1.0), Bag(c=(1, State(2.0)))])
    before = dict(states(root))
    with pytest.raises(GraphError, match=r"^b\.1\.c\.1: a state in a tuple cannot be taken out"):
        pop_states(root, State)
    assert dict(states(root)) == before


def test_popping_nothing_in_particular_raises() -> None:
    untyped: Any = pop_states  # a type checker says so as well
    with pytest.raises(GraphError, match="pop_states was asked for nothing") as error:
        untyped(Net())
    assert "pass a state type, or `...` for all states" in str(error.value)
