"""Random graphs with sharing and cycles, and whether two graphs are the same but for identity."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from hypothesis import strategies as st

from brainlite.graph import Node
from brainlite.state import BatchState, HiddenState, ParamState, State
from tests.graph.models import Bag

KINDS: list[type[State[Any]]] = [State, ParamState, HiddenState, BatchState]


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Record:
    left: Any
    right: Any


class OtherBag(Bag):
    """A node of another type."""


class Ref(NamedTuple):
    """A reference to a node or a state by its number, modulo how many there are."""

    to: str
    number: int


Plan = Any
"""Attributes by name, for each node: plain values, references, and containers of them."""


class Blueprint(NamedTuple):
    """What a graph is made from; two graphs of one blueprint are isomorphic."""

    nodes: list[tuple[type[Bag], dict[str, Plan]]]
    states: list[tuple[type[State[Any]], float, str | None]]
    root: Plan

    def build(self) -> Any:
        nodes = [kind() for kind, _ in self.nodes]
        states = [kind(value, tag=tag) for kind, value, tag in self.states]
        for node, (_, attributes) in zip(nodes, self.nodes, strict=True):
            for name, plan in attributes.items():
                setattr(node, name, _follow(plan, nodes, states))
        return _follow(self.root, nodes, states)


def _follow(plan: Plan, nodes: list[Bag], states: list[State[Any]]) -> Any:
    if isinstance(plan, Ref):
        objects: list[Any] = nodes if plan.to == "node" else states
        return objects[plan.number % len(objects)] if objects else None
    if isinstance(plan, Pair):
        return Pair(*(_follow(item, nodes, states) for item in plan))
    if isinstance(plan, Record):
        return Record(*(_follow(item, nodes, states) for item in (plan.left, plan.right)))
    if isinstance(plan, list | tuple):
        return type(plan)(_follow(item, nodes, states) for item in plan)
    if isinstance(plan, dict):
        return {key: _follow(item, nodes, states) for key, item in plan.items()}
    return plan


def _containers(inner: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    return (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(Record, inner, inner)
        | st.dictionaries(st.sampled_from(["x", "y", 0, 1]), inner, max_size=3)
    )


_refs = st.builds(Ref, st.sampled_from(["node", "state"]), st.integers(0, 5))
_plans = st.recursive(
    _refs | _refs | st.sampled_from([None, 1, True, 0.5, "text", len]), _containers, max_leaves=6
)
_nodes = st.tuples(
    st.sampled_from([Bag, OtherBag]), st.dictionaries(st.sampled_from("abcd"), _plans, max_size=4)
)
_states = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 9).map(float), st.sampled_from([None, "slow"])
)

blueprints: st.SearchStrategy[Blueprint] = st.builds(
    Blueprint,
    st.lists(_nodes, min_size=1, max_size=6),
    st.lists(_states, max_size=5),
    st.just(Ref("node", 0)) | _plans,
)
"""Graphs of up to six nodes and five states, any of which may refer to any other."""


def isomorphic(left: Any, right: Any, *, disjoint: bool = True) -> bool:
    """Say whether two graphs have the same structure, sharing, kinds, labels and values.

    ``disjoint`` asks as well that they have no node and no state in common.
    """
    there: dict[int, int] = {}
    back: dict[int, int] = {}
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, Node | State):
            met = id(one) in there
            if there.setdefault(id(one), id(other)) != id(other):
                return False
            if back.setdefault(id(other), id(one)) != id(one) or (disjoint and one is other):
                return False
            if met:
                continue
        pairs = _parts(one, other)
        if pairs is None:
            return False
        waiting += pairs
    return True


def _parts(one: Any, other: Any) -> list[tuple[Any, Any]] | None:
    """Return what must be the same below; None if the two differ themselves."""
    if isinstance(one, State):
        same = (one.name, one.tag, one.value) == (other.name, other.tag, other.value)
        return [] if same else None
    if isinstance(one, Node | Record):
        one, other = vars(one), vars(other)
    if isinstance(one, dict):
        same = list(one) == list(other)
        return list(zip(one.values(), other.values(), strict=True)) if same else None
    if isinstance(one, list | tuple):
        return list(zip(one, other, strict=True)) if len(one) == len(other) else None
    return [] if one == other else None
