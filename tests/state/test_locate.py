"""Paths for error messages: where an object sits, from the outermost holder on the stack."""

import tracemalloc
from typing import cast

import jax
import pytest

from brainlite.graph import Node
from brainlite.state import State
from brainlite.state._locate import locate
from brainlite.typing import Array


class Linear(Node):
    def __init__(self) -> None:
        self.weight = State(1.0)

    def where(self) -> str | None:
        return locate(self.weight)


class Net(Node):
    def __init__(self) -> None:
        self.cells = [Linear(), Linear()]
        self.heads = {"policy": Linear(), 7: Linear(), "not a name": Linear()}
        self.pair = (Linear(), {"deep": [Linear()]})

    def where_first(self) -> str | None:
        return self.cells[0].where()


def make_net() -> Net:
    return Net()


def test_an_object_that_nothing_holds_has_no_path() -> None:
    assert locate(State(1.0)) is None


def test_an_attribute_is_found_from_a_local_variable() -> None:
    linear = Linear()
    assert locate(linear.weight) == "Linear.weight (State)"


def test_a_node_by_itself_is_named_by_its_type() -> None:
    linear = Linear()
    assert locate(linear) == "Linear"


def test_items_of_lists_dicts_and_tuples_are_found() -> None:
    net = Net()
    paths = {
        "Net.cells[1].weight (State)": net.cells[1].weight,
        "Net.heads.policy.weight (State)": net.heads["policy"].weight,
        "Net.heads[7].weight (State)": net.heads[7].weight,
        "Net.heads['not a name'].weight (State)": net.heads["not a name"].weight,
        "Net.pair[0].weight (State)": net.pair[0].weight,
        "Net.pair[1].deep[0] (Linear)": net.pair[1]["deep"][0],
    }
    assert [locate(target) for target in paths.values()] == list(paths)


def test_the_path_starts_at_the_outermost_module_on_the_call_stack() -> None:
    assert make_net().cells[0].where() == "Linear.weight (State)"
    assert make_net().where_first() == "Net.cells[0].weight (State)"


def test_the_path_is_found_from_the_variables_of_callers() -> None:
    def read(linear: Linear) -> str | None:
        return locate(linear.weight)

    def outer(net: Net) -> str | None:
        cell = net.cells[1]
        return read(cell)

    assert outer(make_net()) == "Net.cells[1].weight (State)"


@pytest.mark.parametrize("whole_first", [True, False])
def test_of_several_variables_the_outermost_object_counts(whole_first: bool) -> None:
    if whole_first:
        net = Net()
        part = net.cells[1]
        assert locate(part.weight) == "Net.cells[1].weight (State)"
    else:
        inner = Linear()
        whole = Net()
        whole.cells[1] = inner
        assert locate(inner.weight) == "Net.cells[1].weight (State)"


def test_a_shared_state_has_its_shortest_path() -> None:
    class Outer(Node):
        def __init__(self, net: Net, tied: State[float]) -> None:
            self.net = net
            self.tied = tied

    def make() -> Outer:
        net = Net()
        return Outer(net, net.cells[0].weight)

    outer = make()
    assert locate(outer.tied) == "Outer.tied (State)"


def test_cycles_end() -> None:
    class Parent(Node):
        def __init__(self) -> None:
            self.child = Linear()
            setattr(self.child, "parent", self)

    parent = Parent()
    assert locate(parent.child.weight) == "Parent.child.weight (State)"
    assert locate(State(1.0)) is None


def test_looking_for_a_path_keeps_no_trace_of_jax_alive() -> None:
    linear = Linear()
    paths: list[str | None] = []

    def body(x: Array) -> Array:
        paths.append(locate(linear.weight))
        return x

    with jax.checking_leaks():
        jax.jit(body)(1.0)
    assert paths == ["Linear.weight (State)"]


def test_the_path_in_a_deep_graph_takes_little_memory() -> None:
    root = node = Linear()
    for _ in range(10_000):
        setattr(node, "next", Linear())
        node = cast("Linear", vars(node)["next"])
    target = node.weight
    del node
    tracemalloc.start()
    path = locate(target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path == "Linear" + ".next" * 10_000 + ".weight (State)"
    assert peak < 50e6
    assert root is not None
