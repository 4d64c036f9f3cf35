"""Containers: what a graph is looked for in besides nodes."""

import dataclasses
import pickle
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import GraphError
from brainlite.graph import StateDict, clone, graphdef, merge, split, states
from brainlite.graph._contents import dotted_list, holds_graph, is_size, path_text
from brainlite.state import HiddenState, State
from brainlite.transform import jit
from brainlite.typing import Array
from tests.graph.models import Bag, Linear


@dataclasses.dataclass
class Record:
    left: Any
    right: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    left: Any
    right: Any = None


@jax.tree_util.register_pytree_node_class
class Tree:
    """A class that is registered with jax, with one child that is no attribute of its own."""

    def __init__(self, left: Any, right: Any = None) -> None:
        self.pair = [left, right]

    def tree_flatten(self) -> tuple[list[Any], str]:
        return self.pair, "aux"

    @classmethod
    def tree_unflatten(cls, _aux: str, children: Iterable[Any]) -> "Tree":
        return cls(*children)


RECORDS: list[Any] = [Record, Slotted, Tree]


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_with_states_is_part_of_the_graph(kind: Any) -> None:
    shared = State(1.0)
    root = Bag(a=kind(shared, [Linear()]), b=shared)
    left, right = (0, 1) if kind is Tree else ("left", "right")
    assert list(states(root)) == [("a", left), ("a", right, 0, "weight"), ("a", right, 0, "bias")]
    for twin in (merge(*split(root)), clone(root)):
        assert type(twin.a) is kind
        assert list(states(twin)) == list(states(root))
        assert states(twin)["a", left] is twin.b is not shared
    definition = graphdef(root)
    assert definition == graphdef(clone(root)) == pickle.loads(pickle.dumps(definition))
    assert definition != graphdef(Bag(a=kind(State(1.0), [Linear()]), b=State(1.0)))


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_without_states_stays_the_object_that_it_is(kind: Any) -> None:
    root = Bag(a=kind(1, [2]))
    assert clone(root).a is root.a


def test_attributes_of_a_record_that_are_no_fields_come_along() -> None:
    record = Record(State(1.0))
    record.extra = 3  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    assert clone(Bag(a=record)).a.extra == 3


@pytest.mark.parametrize("kind", [Record, list])
def test_a_compiled_function_sees_a_container_that_is_edited(kind: Any) -> None:
    box: Any = kind(State(jnp.ones(2))) if kind is Record else [State(jnp.ones(2))]
    model = Bag(box=box)

    @jit
    def total() -> Array:
        state = model.box.left if kind is Record else model.box[0]
        found: Array = state.value.sum()
        return found

    assert total() == total() == 2
    if kind is Record:
        box.left = State(jnp.zeros(3))
    else:
        box[0] = State(jnp.zeros(3))
    assert total() == 0


def test_a_state_set_in_a_record_inside_jit_is_kept() -> None:
    model = Bag(box=Record(HiddenState(jnp.zeros(2))))

    @jit
    def step() -> None:
        model.box.left.value = model.box.left.value + 1
        model.new = Record(None, [HiddenState(model.box.left.value * 10)])

    step()
    step()
    assert model.box.left.value.tolist() == [2, 2]
    assert model.new.right[0].value.tolist() == [20, 20]


def test_a_collection_of_states_is_no_part_of_the_graph() -> None:
    linear = Linear()
    assert list(states(Bag(params=states(linear)))) == []
    assert isinstance(clone(Bag(params=states(linear))).params, StateDict)


# ----------------------------------------------------------------------------------------- cycles


def test_a_record_inside_itself_without_states_is_a_value() -> None:
    record = Record(1)
    record.right = [record]
    root = Bag(a=record, w=State(1.0))
    assert not holds_graph(record)
    assert clone(root).a is record


def test_a_record_inside_itself_with_states_raises() -> None:
    record = Record(State(1.0))
    record.right = [record]
    root = Bag(a=record)
    assert list(states(root)) == [("a", "left")]
    with pytest.raises(GraphError, match="contains itself") as error:
        clone(root)
    assert "got:      a Record inside itself" in str(error.value)
    assert "use a Node for a structure with cycles" in str(error.value)


@pytest.mark.parametrize("wrap", [lambda x: [1, x], lambda x: {"a": (1, x)}])
def test_the_path_of_a_list_inside_itself_is_named(wrap: Any) -> None:
    items: list[Any] = [1]
    items.append(wrap(items))
    with pytest.raises(GraphError, match=r"^net\.items\.1\.(1|a\.1): a plain container contains"):
        states(Bag(net=Bag(items=items)))


# ---------------------------------------------------------------------------------------- messages


def test_paths_in_messages() -> None:
    assert path_text(("a", 0, "b")) == "a.0.b"
    assert path_text(()) == "the root"
    assert dotted_list([]) == ""
    assert dotted_list([("a",)] * 3, most=2) == "a, a, and 1 more"
    assert dotted_list((("a",) for _ in range(5000)), most=1) == "a, and 4,999 more"


def test_sizes_are_tuples_that_compare_without_a_doubt() -> None:
    assert is_size((1, "a", None))
    assert not is_size((1.0,))
    assert not is_size((True,))
    assert not is_size(([],))
