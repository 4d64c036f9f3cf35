"""Walking a graph: each node and state once, under the path where it is met first."""

from typing import Any

import pytest

from brainlite.errors import GraphError
from brainlite.graph import Node, iter_leaf, iter_node
from brainlite.graph._notes import is_walk
from brainlite.graph._walk import walk, walk_note
from brainlite.state import ParamState, State
from brainlite.state._frame import Frame
from brainlite.typing import Path
from tests.graph.models import Bag, Linear, Net, chain


def node_paths(root: Any) -> list[Path]:
    return [path for path, _ in iter_node(root)]


def state_paths(root: Any) -> list[Path]:
    return [path for path, _ in iter_leaf(root)]


def test_nodes_come_parents_first_in_the_order_in_which_they_were_set() -> None:
    assert node_paths(Net()) == [
        (),
        ("encoder",),
        ("layers", 0),
        ("layers", 1),
        ("heads", "policy"),
        ("heads", 7),
    ]


def test_states_come_in_the_order_in_which_they_were_set() -> None:
    assert state_paths(Bag(b=State(1.0), a=Linear(), c=[State(1.0)])) == [
        ("b",),
        ("a", "weight"),
        ("a", "bias"),
        ("c", 0),
    ]


def test_a_shared_object_is_met_once_where_it_comes_first() -> None:
    shared = Bag(w=State(1.0))
    root = Bag(first=[shared], second=shared, tied=shared.w)
    assert node_paths(root) == [(), ("first", 0)]
    assert state_paths(root) == [("first", 0, "w")]


def test_what_is_deeper_but_earlier_comes_first() -> None:
    shared = State(1.0)
    assert state_paths(Bag(deep=Bag(deep=Bag(w=shared)), shallow=shared)) == [("deep", "deep", "w")]


def test_cycles_end() -> None:
    root = Bag(child=Bag())
    root.child.parent = root
    root.me = root
    root.items = [root, {"a": root.child}]
    assert node_paths(root) == [(), ("child",)]


def test_nested_containers_are_looked_into() -> None:
    root = Bag(a=[(1, {"x": [State(1.0)], 3: (State(2.0),)})], b=[], c={"d": ()})
    assert state_paths(root) == [("a", 0, 1, "x", 0), ("a", 0, 1, 3, 0)]


def test_other_objects_and_keys_are_not_looked_into() -> None:
    class Other:
        state = State(1.0)

    assert state_paths(Bag(b=Other(), c={State(1.0): 1}, d=Other)) == []


@pytest.mark.parametrize("root", [[Linear()], (Linear(),), {0: Linear()}])
def test_a_walk_may_start_at_a_container(root: Any) -> None:
    assert node_paths(root) == [(0,)]
    assert state_paths(root) == [(0, "weight"), (0, "bias")]


def test_a_walk_may_start_at_a_state() -> None:
    state = State(1.0)
    assert list(iter_leaf(state)) == [((), state)]
    assert node_paths(state) == []
    assert node_paths(3) == state_paths(3) == []


def test_the_hierarchy_bounds_the_length_of_paths() -> None:
    net = Net()
    assert [p for p, _ in iter_node(net, (0, 1))] == [(), ("encoder",)]
    assert [p for p, _ in iter_node(net, (2, 2))] == node_paths(net)[2:]
    assert [p for p, _ in iter_leaf(net, (1, 1))] == [("h",), ("mean",)]
    assert [p for p, _ in iter_leaf(net, (5, 9))] == []


def test_a_container_inside_itself_raises_and_says_what_to_use() -> None:
    items: list[Any] = [1]
    items.append({"again": items})
    with pytest.raises(GraphError, match="a plain container contains itself") as error:
        state_paths(Bag(items=items))
    assert "use a Node for a structure with cycles" in str(error.value)


def test_a_container_met_twice_is_no_cycle() -> None:
    shared = [State(1.0)]
    assert state_paths(Bag(a=[shared, shared], b=shared)) == [("a", 0, 0)]


def test_a_walk_in_a_frame_meets_what_the_frame_has_set() -> None:
    root = Bag(h=State(1.0))
    with Frame("jit", hoist=False):
        root.child = Bag(w=State(1.0))
        root.h = None
        assert state_paths(root) == [("child", "w")]
    assert state_paths(root) == [("h",)]


def test_a_walk_in_a_frame_is_noted_at_each_node() -> None:
    root = Bag(child=Linear(), size=3)
    with Frame("jit", hoist=False) as frame:
        list(iter_node(root))
        list(iter_leaf(root))
    assert [owner for owner, _ in frame.notes.values()] == [root, root.child] * 2
    assert all(is_walk(name) for _, name in frame.notes)
    nodes, _, states, _ = (name for _, name in frame.notes)
    assert walk_note(root, nodes) == [("child",), root.child]
    assert walk_note(root.child, nodes) == []
    assert walk_note(root.child, states) == [
        ("weight",),
        root.child.weight,
        ("bias",),
        root.child.bias,
    ]


def test_a_walk_yields_nodes_and_states_together() -> None:
    linear = Linear()
    assert list(walk(linear, states=True)) == [
        ((), linear),
        (("weight",), linear.weight),
        (("bias",), linear.bias),
    ]
    assert list(walk([linear], states=False)) == [((0,), linear)]


def test_a_chain_deeper_than_the_recursion_limit_is_walked() -> None:
    root = chain(10_000, states_every=1000)
    nodes = 0
    last: Node = root
    for path, node in iter_node(root):
        assert len(path) == nodes
        nodes, last = nodes + 1, node
    assert nodes == 10_001
    assert isinstance(last, Bag)
    states = list(iter_leaf(root))
    assert [len(path) for path, _ in states] == [1000 * n + 1 for n in range(10)]
    assert all(isinstance(state, ParamState) for _, state in states)
