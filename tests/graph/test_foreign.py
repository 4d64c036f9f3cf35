"""Classes that do not derive from Node and are nodes all the same."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.errors import GraphError
from brainlite.graph import (
    clone,
    graphdef,
    iter_node,
    merge,
    pop_states,
    register_graph_node_type,
    split,
    states,
    update_states,
)
from brainlite.graph._foreign import node_types
from brainlite.state import ParamState, State
from brainlite.transform import jit
from tests.graph.models import Bag


class Table:
    """A class of some other library: rows by name, and a title."""

    def __init__(self, title: str = "", **rows: Any) -> None:
        self.title = title
        self.rows: dict[Any, Any] = dict(rows) or {"a row": "by default"}


@pytest.fixture(autouse=True)
def _tables_are_nodes() -> Iterator[None]:
    register_graph_node_type(
        Table,
        flatten=lambda table: (table.rows.items(), table.title),
        set_key=lambda table, key, value: table.rows.__setitem__(key, value),
        pop_key=lambda table, key: table.rows.pop(key),
        create_empty=Table,
        clear=lambda table: table.rows.clear(),
    )
    yield
    del node_types[Table]


def test_it_is_walked() -> None:
    table = Table(w=State(1.0), inner=Bag(w=State(2.0)))
    assert list(states(Bag(t=[table]))) == [("t", 0, "w"), ("t", 0, "inner", "w")]
    assert [node for _, node in iter_node(table)] == [table, table.rows["inner"]]


def test_it_is_split_and_merged_with_sharing_and_cycles() -> None:
    shared = ParamState(1.0)
    table = Table("weights", w=shared, n=3)
    table.rows["me"] = table
    root = Bag(t=table, again=[table], tied=shared)
    for twin in (merge(*split(root)), clone(root)):
        assert type(twin.t) is Table
        assert twin.t is twin.again[0] is twin.t.rows["me"] is not table
        assert twin.t.rows["w"] is twin.tied is not shared
        assert (twin.t.title, list(twin.t.rows), twin.t.rows["n"]) == (
            "weights",
            ["w", "n", "me"],
            3,
        )


def test_its_metadata_is_part_of_the_definition() -> None:
    assert graphdef([Table("a"), Table("a")]) == graphdef([Table("a"), Table("a")])
    assert graphdef(Table("a")) != graphdef(Table("b"))
    assert graphdef(Table(a=1)) != graphdef(Table(a=2))
    assert "t=Table(" in repr(graphdef(Bag(t=Table(w=State(1.0)))))


def test_its_states_are_updated_and_popped() -> None:
    root = Bag(t=Table(w=State(1.0), v=ParamState(2.0)))
    _, found = split(root)
    root.t.rows["w"].value = 5.0
    update_states(root, found)
    assert root.t.rows["w"].value == 1.0
    assert list(pop_states(root, ParamState)) == [("t", "v")]
    assert list(root.t.rows) == ["w"]


def test_a_compiled_function_sees_what_is_put_into_it() -> None:
    model = Bag(t=Table(w=State(jnp.ones(2)), factor=2.0))
    model.t.rows["again"] = [model.t]
    traces: list[int] = []

    @jit
    def total() -> Any:
        traces.append(1)
        return model.t.rows["w"].value.sum() * model.t.rows["factor"]

    assert (total(), total(), len(traces)) == (4, 4, 1)
    model.t.rows["w"].value = jnp.zeros(2)
    assert (total(), len(traces)) == (0, 1)
    model.t.rows["w"] = State(jnp.ones(2))
    assert total() == 4
    model.t.rows["factor"] = 3.0
    assert total() == 6


def test_a_compiled_function_takes_a_module_that_holds_it() -> None:
    @jit
    def double(model: Bag) -> Any:
        state = model.t.rows["w"]
        state.value = state.value * 2
        return state.value.sum()

    one, two = Bag(t=Table(w=State(jnp.ones(2)))), Bag(t=Table(w=State(jnp.ones(2) * 5)))
    assert (double(one), double(two), double(one)) == (4, 20, 8)
    assert one.t.rows["w"].value.tolist() == [4, 4]


@pytest.mark.parametrize("kind", [Table, Bag, ParamState])
def test_a_class_is_registered_once(kind: Any) -> None:
    nothing: Any = None
    with pytest.raises(GraphError, match=f"{kind.__name__} is part of graphs already"):
        register_graph_node_type(kind, nothing, nothing, nothing, nothing, nothing)
