"""Guards: whether what a traced function depended on still holds."""

import copy
import functools
import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.graph import Node, clone, graphdef, iter_leaf, iter_node, split
from brainlite.graph._guards import Guards, Renaming, Watched, current_note, same_value
from brainlite.graph._notes import ABSENT
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._epoch import epoch
from brainlite.state._frame import Frame
from tests.graph.models import Bag, Linear, Net

Edit = Callable[[Any], object]


def guards_of(body: Callable[[], object]) -> Guards:
    with Frame("jit", hoist=False, watched=True) as frame:
        body()
    return Guards(frame.notes)


def holds(
    guards: Guards,
    pairs: Iterable[tuple[Any, Any]] = (),
    free: Iterable[Node] = (),
) -> bool:
    return guards.match(pairs, frozenset(map(id, free)), []) is not None


# ------------------------------------------------------------------------ what is still the same


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("train", "eval"),
        (None, 0),
        (np.tanh, np.sinh),
        ((1, 2), (1, 2, 3)),
        ((1, 2), [1, 2]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([1, [2]], [1, [3]]),
        (Linear(), Linear()),
        (State(1.0), 1.0),
        (State(1.0), HiddenState(1.0)),
        (np.ones(3), np.ones(3)),
    ],
    ids=repr,
)
def test_a_changed_attribute_is_seen(then: Any, now: Any) -> None:
    node = Bag(x=then)
    guards = guards_of(lambda: node.x)
    assert holds(guards)
    del node.x
    assert not holds(guards)
    node.x = now
    assert not holds(guards)
    assert guards.broken((), frozenset()) == [(node, "x")]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (1, 1),
        (float("nan"), float("nan")),
        ("a" * 3, "aaa"),
        ((1, 2.0), (1, 2.0)),
        ({"a": [1]}, {"a": [1]}),
        (State(1.0), State(2.0)),
        ([State(1.0)], [State(jnp.ones(3))]),
    ],
    ids=repr,
)
def test_an_equal_value_or_another_state_of_the_kind_holds(then: Any, now: Any) -> None:
    if then != then:  # only the same nan is the same
        now = then
    node = Bag(x=then)
    guards = guards_of(lambda: node.x)
    node.x = None
    node.x = now
    assert holds(guards)
    assert guards.broken((), frozenset()) == []


def test_an_attribute_that_was_not_read_does_not_matter() -> None:
    node = Bag(x=1, y=1)
    guards = guards_of(lambda: node.x)
    node.y = 2
    assert holds(guards)
    assert len(guards) == 1


def test_an_attribute_that_shadows_a_method_is_seen() -> None:
    class Cell(Bag):
        def activation(self) -> int:
            return 1

    node = Cell()
    guards = guards_of(lambda: node.activation)
    assert holds(guards)
    setattr(node, "activation", lambda: 2)
    assert not holds(guards)


EDITS_OF_CONTAINERS: list[Edit] = [
    lambda net: net.layers.append(Linear()),
    lambda net: net.layers.pop(),
    lambda net: net.layers.reverse(),
    lambda net: setattr(net.layers[0], "size", 9),
    lambda net: net.more["b"].append(1),
    lambda net: net.more.update(c=1),
    lambda net: net.more.update(a=2),
    lambda net: net.ordered.update(b=1),
]


@pytest.mark.parametrize("edit", EDITS_OF_CONTAINERS)
def test_an_edit_in_place_of_a_container_is_seen(edit: Edit) -> None:
    net = Bag(
        layers=[Linear(), Linear()], more={"a": 1, "b": [1]}, ordered=OrderedDict[str, int](a=1)
    )

    def body() -> None:
        _ = [layer.size for layer in net.layers], net.more, net.ordered

    guards = guards_of(body)
    assert holds(guards)
    edit(net)
    assert not holds(guards)


# ------------------------------------------------------------------------------------- walks


EDITS_OF_NODES: list[Edit] = [
    lambda net: setattr(net, "extra", Linear()),
    lambda net: net.layers.append(Linear()),
    lambda net: net.layers.pop(),
    lambda net: net.heads.pop(7),
    lambda net: delattr(net, "encoder"),
]


@pytest.mark.parametrize("edit", EDITS_OF_NODES)
def test_a_walk_over_nodes_depends_on_the_nodes(edit: Edit) -> None:
    net = Net()
    guards = guards_of(lambda: list(iter_node(net)))
    assert holds(guards)
    edit(net)
    assert not holds(guards)


def test_a_walk_over_nodes_does_not_depend_on_states_and_plain_values() -> None:
    net = Net()
    guards = guards_of(lambda: list(iter_node(net)))
    del net.mean
    net.encoder.size = 9
    assert holds(guards)


def test_a_walk_over_states_depends_on_the_states() -> None:
    net = Net()
    guards = guards_of(lambda: list(iter_leaf(net)))
    net.encoder.size = 9
    assert holds(guards)
    net.h = net.h.replace(jnp.ones(5))
    assert holds(guards)
    del net.encoder.weight
    assert not holds(guards)


WHOLES: list[Callable[[Net], object]] = [
    clone,
    split,
    graphdef,
    copy.deepcopy,
    lambda net: [vars(node) for _, node in iter_node(net)],
]
EDITS_OF_PARTS: list[Edit] = [
    lambda net: setattr(net.encoder, "size", 9),
    lambda net: setattr(net, "new", 1),
    lambda net: delattr(net.encoder, "size"),
    lambda net: net.heads.update(extra=1),
]


@pytest.mark.parametrize("edit", EDITS_OF_PARTS)
@pytest.mark.parametrize("use", WHOLES)
def test_what_uses_a_whole_graph_depends_on_every_attribute(
    use: Callable[[Net], object], edit: Edit
) -> None:
    net = Net()
    guards = guards_of(lambda: use(net))
    assert holds(guards)
    net.h = net.h.replace(jnp.zeros(5))
    assert holds(guards)
    edit(net)
    assert not holds(guards)


@pytest.mark.parametrize(
    ("value", "watched"),
    [((8, 8), 0), (((1, 2), "same"), 0), ((1, [2]), 1), ([1], 1), ({}, 1), ((), 0)],
)
def test_only_what_can_be_edited_is_watched(value: Any, watched: int) -> None:
    # A warm call asks each watched container; every layer has sizes, which are tuples of numbers.
    bag = Bag()
    bag.value = value
    guards = guards_of(lambda: bag.value)
    containers: list[Watched] = []
    assert guards.match((), frozenset(), containers) is not None
    assert len(containers) == watched


def test_a_container_that_a_walk_went_through_is_watched() -> None:
    net = Net()
    guards = guards_of(lambda: list(iter_leaf(net)))
    containers: list[Watched] = []
    assert guards.match((), frozenset(), containers) is not None
    assert all(watched.unchanged() for watched in containers)
    net.layers.append(Linear())
    assert not all(watched.unchanged() for watched in containers)


# ---------------------------------------------------------------------------------- renaming


def test_a_function_traced_on_one_model_serves_another_of_the_same_structure() -> None:
    then, now = Bag(cell=Linear(2)), Bag(cell=Linear(2))
    guards = guards_of(lambda: (then.cell.size, then.cell.weight))
    free = [node for _, node in iter_node(then)]
    renaming = guards.match([(then, now)], frozenset(map(id, free)), [])
    assert renaming is not None
    assert renaming[then.cell] is now.cell
    assert renaming[then.cell.weight] is now.cell.weight
    now.cell.size = 3
    assert not holds(guards, [(then, now)], free)


def test_a_node_that_is_not_an_argument_stands_for_itself() -> None:
    then, now = Bag(cell=Linear()), Bag(cell=Linear())
    guards = guards_of(lambda: then.cell)
    assert not holds(guards, [(then, now)], [then])
    assert holds(guards, [(then, now)], [then, then.cell])


def test_sharing_must_be_the_same() -> None:
    def tied(first: State[Any], second: State[Any]) -> Bag:
        return Bag(a=Bag(w=first), b=Bag(w=second))

    shared = ParamState(1.0)
    together, apart = tied(shared, shared), tied(ParamState(1.0), ParamState(1.0))
    for then, now in [(together, apart), (apart, together)]:

        def body(model: Bag = then) -> object:
            return model.a.w, model.b.w

        guards = guards_of(body)
        free = [node for _, node in iter_node(then)]
        assert holds(guards, [(then, then)], free)
        assert not holds(guards, [(then, now)], free)


def test_a_renaming_is_one_to_one() -> None:
    one, two, three = State(1.0), State(2.0), State(3.0)
    renaming = Renaming([(one, two)], frozenset())
    assert renaming.consistent
    assert renaming.bind(one, two)
    assert not renaming.bind(one, three)
    assert not renaming.bind(three, two)
    assert renaming.bind(three, three)
    assert (renaming[one], renaming[three], renaming["x"]) == (two, three, "x")
    assert not Renaming([(one, two), (one, three)], frozenset()).consistent
    assert not Renaming([(one, HiddenState(1.0))], frozenset()).consistent


def test_the_states_of_guards_are_those_reached_through_attributes() -> None:
    direct = State(1.0)
    node = Bag(h=State(1.0), more=[{"a": State(1.0)}], size=1)

    def body() -> None:
        _ = direct.value, node.h, node.more, node.size

    assert guards_of(body).states() == {node.h, node.more[0]["a"]}


def test_a_note_can_be_taken_again() -> None:
    node = Bag(x=1)
    assert current_note(node, "x") == 1
    assert current_note(node, "y") is ABSENT


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        (1, 1, True),
        (0.1, 0.1, True),
        (1, 1.0, False),
        (1, True, False),
        (0.0, -0.0, False),
        ("a", "a", True),
        ((1,), [1], False),
        (functools.partial(int), functools.partial(int), False),
        (jnp.tanh, jnp.tanh, True),
    ],
)
def test_settings_are_the_same_as_one_object_or_equal_atoms(
    then: Any, now: Any, same: bool
) -> None:
    assert same_value(then, now) is same


# ------------------------------------------------------------------------------- containers


EDITED: list[tuple[Any, Edit]] = [
    ([1, 2], lambda c: c.append(3)),
    ([1, 2], lambda c: operator.setitem(c, 0, 1.0)),
    ([Bag()], lambda c: operator.setitem(c, 0, Bag())),
    ([[1]], lambda c: c[0].append(2)),
    (([1],), lambda c: c[0].append(2)),
    ({"a": 1}, lambda c: c.update(a=2)),
    ({"a": 1, "b": 2}, lambda c: c.update(a=c.pop("a"))),
    ({"a": {"b": 1}}, lambda c: c["a"].clear()),
    (OrderedDict(a=1), lambda c: c.update(a=2)),
    ([OrderedDict(a=1)], lambda c: c[0].update(b=2)),
]


@pytest.mark.parametrize(("container", "edit"), EDITED)
def test_an_edited_container_is_no_longer_unchanged(container: Any, edit: Edit) -> None:
    watched = Watched(container)
    assert watched.unchanged()
    edit(container)
    assert not watched.unchanged()


def test_a_container_may_hold_arrays() -> None:
    watched = Watched([jnp.ones(3), np.ones(3)])
    assert watched.unchanged()


# ------------------------------------------------------------- what is not an attribute of a node


def test_whether_a_parameter_is_frozen_is_guarded_where_it_was_asked() -> None:
    weight = ParamState(jnp.ones(2))
    asked = guards_of(lambda: weight.requires_grad)
    read = guards_of(lambda: weight.value)
    weight.requires_grad = False
    assert not holds(asked)
    assert [name for _, name in asked.broken((), frozenset())] == ["requires_grad"]
    assert holds(read)
    weight.requires_grad = True
    assert holds(asked)


def test_the_mark_is_that_of_the_state_that_takes_the_place() -> None:
    bag = Bag(weight=ParamState(jnp.ones(2)))
    guards = guards_of(lambda: bag.weight.requires_grad)
    bag.weight = ParamState(jnp.zeros(2))
    assert holds(guards)
    bag.weight = ParamState(jnp.zeros(2), requires_grad=False)
    assert not holds(guards)


def test_a_parameter_that_was_made_in_the_trace_is_not_guarded() -> None:
    assert len(guards_of(lambda: ParamState(jnp.ones(2)).requires_grad)) == 0


def test_no_guard_holds_once_calls_do_more_than_before() -> None:
    guards = guards_of(lambda: None)
    assert holds(guards)
    epoch.advance_calls()
    assert not holds(guards)
    assert holds(guards_of(lambda: None))
