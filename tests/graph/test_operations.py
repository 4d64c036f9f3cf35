"""Split, merge, update, clone, pop: what one does with a whole graph."""

import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import GraphError, RawTransformError, StateValueError
from brainlite.graph import (
    StateDict,
    clone,
    graphdef,
    iter_leaf,
    iter_node,
    merge,
    pop_states,
    split,
    states,
    update_states,
)
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._frame import Frame
from brainlite.typing import Array
from tests.graph.models import Bag, Linear, Net, chain
from tests.graph.random_graphs import isomorphic


class Pair(NamedTuple):
    left: Any
    right: Any


def copy_by_split(root: Any) -> Any:
    return merge(*split(root))


COPIES: list[Callable[[Any], Any]] = [copy_by_split, clone]


# -------------------------------------------------------------------------------- split and merge


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_has_new_nodes_and_states_of_the_same_values(copied: Callable[[Any], Any]) -> None:
    net = Net()
    twin = copied(net)
    assert isinstance(twin, Net)
    for (path, state), (twin_path, twin_state) in zip(iter_leaf(net), iter_leaf(twin), strict=True):
        assert path == twin_path
        assert state is not twin_state
        assert type(state) is type(twin_state)
        assert state.value is twin_state.value
    twin.h.value = jnp.ones(2)
    assert net.h.value.tolist() == [0, 0]
    assert twin.encoder.size == 2


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_keeps_sharing_cycles_and_containers(copied: Callable[[Any], Any]) -> None:
    shared = State(1.0)
    child = Bag(w=shared)
    root = Bag(
        a=[child, {"x": (child, 1), 3: shared}], b=Pair(shared, [child]), c=child, d={1: shared}
    )
    root.me = root
    child.parent = root
    twin = copied(root)
    assert isomorphic(root, twin)
    assert twin.me is twin
    assert twin.c.parent is twin
    assert twin.a[0] is twin.a[1]["x"][0] is twin.b.right[0] is twin.c
    assert twin.c.w is twin.a[1][3] is twin.b.left is twin.d[1]
    assert isinstance(twin.b, Pair)


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize(
    "root", [[Linear(), State(1.0)], {"a": Linear(), 2: (State(1.0),)}, State(1.0), 3]
)
def test_the_root_may_be_a_container_a_state_or_a_value(
    copied: Callable[[Any], Any], root: Any
) -> None:
    twin = copied(root)
    assert type(twin) is type(root)
    assert graphdef(twin) == graphdef(root)


@pytest.mark.parametrize("copied", COPIES)
def test_containers_of_a_copy_can_be_edited_by_themselves(copied: Callable[[Any], Any]) -> None:
    net = Net()
    twin = copied(net)
    twin.layers.append(Linear())
    twin.heads.clear()
    assert (len(net.layers), len(net.heads)) == (2, 2)


def test_split_states_do_not_follow_the_model() -> None:
    linear = Linear()
    _, found = split(linear)
    linear.bias.value = jnp.ones(2)
    assert found["bias",].value.tolist() == [0, 0]
    found["weight",].value = jnp.zeros((2, 2))
    assert linear.weight.value.tolist() == [[1, 1], [1, 1]]


def test_a_shared_state_is_split_once_under_its_first_path() -> None:
    shared = State(1.0)
    _, found = split(Bag(a=[shared], b=shared))
    assert list(found) == [("a", 0)]


def test_states_are_split_by_filters() -> None:
    net = Net()
    definition, *parts = split(net, HiddenState, "bias", ParamState, ...)
    assert [len(each) for each in parts] == [1, 5, 5, 1]
    again = states(merge(definition, *reversed(parts)))
    assert all(again[path].value is state.value for path, state in states(net).items())


def test_filters_that_leave_states_out_raise_and_name_them() -> None:
    with pytest.raises(GraphError, match="some states are selected by no filter") as error:
        split(Net(), ParamState, HiddenState)
    assert "got:      nothing for mean" in str(error.value)
    assert "pass `...` as the last filter, for the rest" in str(error.value)


@pytest.mark.parametrize("root", [Bag(), [], Bag(size=1)])
def test_a_graph_without_states_can_be_split(root: Any) -> None:
    definition, found = split(root)
    assert len(found) == 0
    assert graphdef(merge(definition)) == graphdef(merge(definition, found)) == definition


def test_merging_without_some_states_raises_and_names_them() -> None:
    definition, params, _ = split(Net(), ParamState, ...)
    with pytest.raises(GraphError, match="the states do not belong to this structure") as error:
        merge(definition, params)
    assert "missing: h, mean; unexpected: none" in str(error.value)
    assert "expected: states for encoder.weight, encoder.bias, layers.0.weight" in str(error.value)
    assert "pass every collection that split returned, for the same model" in str(error.value)


def test_merging_with_unknown_states_raises_and_names_them() -> None:
    definition, found = split(Linear())
    extra = StateDict[State[Any]]([(("layers", 3), State(1.0))])
    with pytest.raises(GraphError, match=r"missing: none; unexpected: layers\.3"):
        merge(definition, found, extra)
    with pytest.raises(GraphError, match=r"expected: states for nothing\n.*unexpected: the root"):
        merge(graphdef(Bag()), StateDict[State[Any]]([((), State(1.0))]))


@pytest.mark.parametrize("given", [{("weight",): 1.0}, jnp.ones(2), None])
def test_what_is_no_collection_of_states_raises(given: Any) -> None:
    linear = Linear()
    for use in (lambda: merge(graphdef(linear), given), lambda: update_states(linear, given)):
        with pytest.raises(GraphError, match="this is no collection of states") as error:
            use()
        assert f"got:      a {type(given).__name__}" in str(error.value)
        assert "use `states(model).assign(values)`" in str(error.value)


def test_of_many_missing_states_some_are_named() -> None:
    definition = graphdef([Linear() for _ in range(100)])
    with pytest.raises(GraphError, match=r"missing: 0\.weight, .*, and 180 more; unexp"):
        merge(definition)


def test_merging_with_a_state_given_twice_raises_and_names_it() -> None:
    definition, found = split(Linear())
    with pytest.raises(GraphError, match="a state was given twice") as error:
        merge(definition, found, states(Linear(), "bias"))
    assert "expected: each path in one collection\n  got:      bias\n" in str(error.value)


def test_merged_states_are_of_the_kinds_of_the_structure() -> None:
    definition, _ = split(Bag(w=ParamState(1.0, tag="slow")))
    merged = merge(definition, StateDict[State[Any]]([(("w",), HiddenState(jnp.ones(3)))]))
    assert isinstance(merged.w, ParamState)
    assert merged.w.tag == frozenset({"slow"})
    assert merged.w.value.shape == (3,)


def test_a_graph_is_split_in_a_frame_as_it_is_there() -> None:
    net = Bag(h=HiddenState(1.0))
    with Frame("jit", hoist=False):
        net.h.value = 2.0
        net.child = Bag(w=State(3.0))
        _, found = split(net)
        assert found.to_values() == {("h",): 2.0, ("child", "w"): 3.0}
        twin = clone(net)
        assert (twin.h.value, twin.child.w.value) == (2.0, 3.0)
    assert list(split(net)[1]) == [("h",)]


# ----------------------------------------------------------------------------------------- update


def test_update_writes_by_path() -> None:
    net, other = Net(), Net()
    other.h.value = jnp.ones(2)
    other.mean.value = jnp.ones(2)
    hidden, rest = states(other, HiddenState, ...)
    update_states(net, hidden)
    assert (net.h.value.tolist(), net.mean.value.tolist()) == ([1, 1], [0, 0])
    update_states(net, hidden, rest)
    assert net.mean.value.tolist() == [1, 1]


def test_update_writes_all_or_nothing() -> None:
    net = Net()
    before = states(net).to_values()
    wrong = StateDict[State[Any]](
        [(("h",), State(jnp.ones(2))), (("encoder", "bias"), State(jnp.ones(9)))]
    )
    with pytest.raises(StateValueError, match=r"^Net\.encoder\.bias \(ParamState\): "):
        update_states(net, wrong)
    assert all(states(net)[path].value is value for path, value in before.items())


def test_update_with_an_unknown_path_raises() -> None:
    linear = Linear()
    unknown = StateDict[State[Any]]([(("weights",), State(1.0))])
    with pytest.raises(GraphError, match=r"paths that are not here[\s\S]*\('weights',\)"):
        update_states(linear, states(linear), unknown)


def test_update_under_a_plain_jax_transform_raises() -> None:
    net = Net()
    _, found = split(net)

    def body(found: StateDict[Any], x: Array) -> Array:
        update_states(net, found)
        return x

    with pytest.raises(RawTransformError, match="written inside a plain jax transform"):
        jax.vmap(body, in_axes=(None, 0))(found, jnp.ones(3))


# ------------------------------------------------------------------------------------ deep graphs


def test_a_chain_deeper_than_the_recursion_limit_is_split_merged_and_cloned() -> None:
    root = chain(10_000, states_every=500)
    definition, found = split(root)
    merged = merge(definition, found)
    assert graphdef(merged) == definition
    assert hash(graphdef(merged)) == hash(definition)
    twin = clone(merged)
    update_states(twin, found)
    assert [path for path, _ in iter_leaf(twin)] == list(found)
    assert sum(1 for _ in iter_node(twin)) == 10_001
    assert isomorphic(root, twin)
    assert len(pop_states(twin, ParamState)) == 20


@pytest.mark.slow
def test_a_chain_with_a_state_at_every_node_stays_within_bounds() -> None:
    # The paths alone are of quadratic size: 10,000 of up to 10,000 steps are 400 MB.
    root = chain(10_000)
    tracemalloc.start()
    definition, found = split(root)
    twin = merge(definition, found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(states(twin)) == 10_000
    assert peak < 1e9
