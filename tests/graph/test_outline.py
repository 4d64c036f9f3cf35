"""What the definition of a graph prints."""

from brainlite.graph import graphdef
from brainlite.state import State
from tests.graph.models import Bag, Linear, Net, chain


def test_shared_states_and_nodes_are_marked() -> None:
    net = Net()
    net.tied, net.me = net.encoder.weight, net
    text = repr(graphdef(net))
    assert text.count("=ParamState at encoder.weight") == 2
    assert "me=<Net at root>" in text
    assert text.count("=ParamState\n") + text.count("=ParamState,\n") == 9


def test_values_and_containers_without_a_graph_do_not_print() -> None:
    text = repr(graphdef(Bag(size=3, sizes=[1, 2], heads={"a": Bag(), 1: State(1.0)})))
    assert "size" not in text
    assert "'a': Bag()" in text
    assert "1: State" in text


def test_a_root_may_be_anything() -> None:
    assert "root=[\n    State\n  ]" in repr(graphdef([State(1.0)]))
    assert "root=State" in repr(graphdef(State(1.0)))
    assert "root=3" in repr(graphdef(3))


def test_the_definition_of_a_large_graph_prints_short() -> None:
    layers = [Linear() for _ in range(5000)]
    assert len(repr(graphdef(Bag(layers=layers))).splitlines()) < 20
    assert len(repr(graphdef(chain(10_000, states_every=100))).splitlines()) < 20
