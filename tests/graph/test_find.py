"""Finding states and nodes in a graph."""

from brainlite import graph, nn
from brainlite.graph import Node, nodes, states
from brainlite.state import HiddenState, ParamState, State
from tests.graph.models import Bag, Linear, Net


def test_states_are_the_objects_themselves_by_path() -> None:
    net = Net()
    found = states(net)
    assert len(found) == 12
    assert found["layers", 1, "weight"] is net.layers[1].weight
    assert list(states(net, HiddenState)) == [("h",)]


def test_nodes_are_the_objects_themselves_by_path() -> None:
    net = Net()
    assert nodes(net)["heads", 7] is net.heads[7]
    assert list(nodes(net, Linear, allowed_hierarchy=(1, 1))) == [("encoder",)]


def test_the_hierarchy_bounds_states() -> None:
    assert list(states(Net(), ..., allowed_hierarchy=(1, 1))) == [("h",), ("mean",)]


def test_nodes_are_sorted_by_filters_and_typed_by_them() -> None:
    net = Net()
    nets, layers = nodes(net, Net, Linear)
    assert nets[()].h is net.h  # an attribute that only a Net has, and only a Linear a size
    assert [layer.size for layer in layers.values()] == [2, 3, 4, 1, 1]
    assert all(layer.size for layer in nodes(net, Linear).values())
    first, rest = nodes(net, lambda path, _node: len(path) == 1, ...)
    assert (len(first), len(rest)) == (1, 5)


def test_a_state_goes_to_the_first_filter_that_selects_it() -> None:
    tagged, params, hidden = states(Net(), "bias", ParamState, State)
    assert [len(each) for each in (tagged, params, hidden)] == [5, 5, 2]


def test_what_is_found_keeps_the_order_of_the_walk() -> None:
    root = Bag(b=Linear(), a=Linear())
    assert [path[0] for path in states(root, ParamState)] == ["b", "b", "a", "a"]
    assert list(nodes(root, Node)) == [(), ("b",), ("a",)]


def test_the_graph_may_be_named() -> None:
    model = nn.Linear(2, 3)
    assert list(graph.states(node=model)) == [("weight",)]
    assert list(graph.nodes(node=model)) == [()]
    assert list(graph.treefy_states(node=model)) == ["weight"]
    assert graph.clone(node=model).weight is not model.weight
    assert graph.graphdef(node=model) == graph.split(node=model)[0]
