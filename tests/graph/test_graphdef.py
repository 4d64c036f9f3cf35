"""GraphDef: the structure of a graph; equal, hashed and pickled by what it describes."""

import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
import treescope

from brainlite.errors import GraphError
from brainlite.graph import GraphDef, graphdef, merge, split
from brainlite.graph._codes import NodeRef
from brainlite.graph._graphdef import build, describe
from brainlite.state import BatchState, HiddenState, ParamState, State
from tests.graph.models import Bag, Linear, Net


class Pair(NamedTuple):
    left: Any
    right: Any


def tied() -> Bag:
    shared = ParamState(1.0)
    root = Bag(a=shared, b=[shared])
    root.me = root
    return root


STRUCTURES: dict[str, Callable[[], Any]] = {
    "empty": Bag,
    "another type": Linear,
    "states": lambda: Bag(a=State(1.0), b=State(1.0)),
    "in another order": lambda: Bag(b=State(1.0), a=State(1.0)),
    "another kind": lambda: Bag(a=State(1.0), b=HiddenState(1.0)),
    "a tag": lambda: Bag(a=State(1.0), b=State(1.0, tag="slow")),
    "a name": lambda: Bag(a=State(1.0), b=State(1.0, name="b")),
    "a node for a state": lambda: Bag(a=State(1.0), b=Bag()),
    "apart": lambda: Bag(a=ParamState(1.0), b=[ParamState(1.0)], me=Bag()),
    "shared and cyclic": tied,
    "list": lambda: Bag(a=[1, 2]),
    "tuple": lambda: Bag(a=(1, 2)),
    "named tuple": lambda: Bag(a=Pair(1, 2)),
    "dict": lambda: Bag(a={"x": 1}),
    "other keys": lambda: Bag(a={"y": 1}),
    "ordered dict": lambda: Bag(a=OrderedDict(x=1)),
    "int": lambda: Bag(a=1),
    "float": lambda: Bag(a=1.0),
    "bool": lambda: Bag(a=True),
    "array": lambda: Bag(a=np.ones(2)),
    "another array": lambda: Bag(a=np.zeros(2)),
    "another dtype": lambda: Bag(a=np.ones(2, "float32")),
    "jax array": lambda: Bag(a=jnp.ones(2)),
    "function": lambda: Bag(a=np.tanh),
    "unhashable": lambda: Bag(a={1, 2}),
    "nan": lambda: Bag(a=np.nan),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_definitions_are_equal_for_equal_structures_only(name: str) -> None:
    definition = graphdef(STRUCTURES[name]())
    equal = {n for n, make in STRUCTURES.items() if graphdef(make()) == definition}
    assert equal == {name}
    assert hash(definition) == hash(graphdef(STRUCTURES[name]()))
    assert definition != name


def test_values_of_states_are_no_part_of_a_definition() -> None:
    assert graphdef(Bag(w=State(1.0))) == graphdef(Bag(w=State(jnp.ones((3, 4)))))


def test_definitions_can_be_keys() -> None:
    table = {graphdef(Net()): "net", graphdef(Linear(2)): "linear"}
    assert table[graphdef(Net())] == "net"
    assert graphdef(Linear(3)) not in table


def test_a_definition_prints_the_tree_of_its_types() -> None:
    assert repr(graphdef(Bag(size=3, layers=[Linear()], h=HiddenState(1.0)))) == (
        "GraphDef(\n"
        "  nodes=2,\n"
        "  states=3,\n"
        "  root=Bag(\n"
        "    layers=[\n"
        "      Linear(\n"
        "        weight=ParamState,\n"
        "        bias=ParamState\n"
        "      )\n"
        "    ],\n"
        "    h=HiddenState\n"
        "  )\n"
        ")"
    )


@pytest.mark.parametrize("make", [Net, tied, lambda: [Linear(), {"a": State(1.0)}]])
def test_a_pickled_definition_is_equal_and_merges(make: Any) -> None:
    root = make()
    definition, found = split(root)
    again: GraphDef[Any] = pickle.loads(pickle.dumps(definition))
    assert again == definition
    assert hash(again) == hash(definition)
    assert graphdef(merge(again, found)) == definition


def test_a_definition_pickled_elsewhere_has_the_hash_of_here() -> None:
    # Another process hashes strings in another way.
    code = (
        "import pickle, sys; from brainlite.graph import graphdef;"
        "from tests.graph.models import Net; definition = graphdef(Net()); hash(definition);"
        "sys.stdout.buffer.write(pickle.dumps(definition))"
    )
    pickled = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    assert pickle.loads(pickled) in {graphdef(Net())}


# -------------------------------------------------------------------------- describing, building


def test_a_description_lists_the_objects_in_the_order_of_the_walk() -> None:
    net = Net()
    description = describe(net)
    assert description.nodes[:2] == [net, net.encoder]
    assert description.states[0] is net.encoder.weight
    assert description.states[-1] is net.mean
    assert description.definition.root == NodeRef(0)
    assert description.definition.paths[-1] == ("mean",)


def test_the_states_of_a_definition_hold_no_values() -> None:
    big = State(np.ones(1_000_000))
    assert len(pickle.dumps(graphdef(Bag(w=big)))) < 10_000


def test_a_graph_is_built_around_nodes_that_are_kept() -> None:
    root = Bag(old=Bag(size=1), new=Bag(w=State(1.0)))
    description = describe(root)
    built = build(description.definition, [State(2.0)], kept={1: description.nodes[1]})
    assert built is not root
    assert built.old is root.old
    assert built.new is not root.new
    assert built.new.w.value == 2.0


def test_a_node_is_built_without_its_constructor() -> None:
    class Loud(Bag):
        def __init__(self) -> None:
            raise ArithmeticError("constructed")

    loud = Loud.__new__(Loud)
    loud.size = 3
    assert merge(*split(loud)).size == 3


@pytest.mark.parametrize(
    "container",
    [
        [1, "a"],
        (1, [2]),
        {"a": 1, 2: "b"},
        OrderedDict(a=1),
        Pair(1, [2]),
        defaultdict[str, int](int, a=1),
        (),
        {1, 2},
    ],
    ids=repr,
)
def test_containers_come_out_as_they_were(container: Any) -> None:
    again = merge(*split(Bag(x=container))).x
    assert again == container
    assert type(again) is type(container)


@pytest.mark.parametrize("wrap", [OrderedDict, lambda items: Pair(*items.values())])
def test_special_containers_may_hold_states(wrap: Any) -> None:
    root = Bag(x=wrap({"a": State(1.0), "b": [BatchState(2.0)]}))
    again = merge(*split(root)).x
    assert type(again) is type(root.x)
    assert graphdef(again) == graphdef(root.x)


def test_a_special_container_with_states_that_cannot_be_made_anew_raises() -> None:
    root = Bag(x=defaultdict[str, Any](list, a=State(1.0)))
    with pytest.raises(GraphError, match="a container of type defaultdict cannot be made") as error:
        merge(*split(root))
    assert "expected: a type that takes its content: defaultdict(content)" in str(error.value)
    assert "keep nodes and states in a list, tuple or dict" in str(error.value)


def test_a_definition_is_drawn_as_the_tree_of_its_types() -> None:
    drawn = treescope.render_to_text(split(Bag(a=Linear(2)))[0])
    assert "root=Bag(a=…)" in drawn
    assert "object at" not in drawn
