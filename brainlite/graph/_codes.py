"""Codes: how the attributes of nodes are written down in a graph's definition.

A code is a reference to a node or a state, a :class:`ContainerSpec` for a container, and for
anything else the value itself. References count from the node that has them. So layers that are
alike have equal codes, wherever they are, and a large model is described by few of them.
"""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from brainlite.graph._contents import ATOMS


class NodeRef(int):
    """A reference to a node: its number less that of the node where the reference is."""

    __slots__ = ()


class StateRef(int):
    """A reference to a state: its number less that of the first state met after the node."""

    __slots__ = ()


class ContainerSpec:
    """A container: its type, its keys (see ``Opened``), and the codes of its items."""

    __slots__ = ("items", "keys", "kind")

    def __init__(self, kind: type, keys: object, items: tuple[object, ...]) -> None:
        self.kind: type = kind
        self.keys: object = keys
        self.items: tuple[object, ...] = items

    def __reduce__(self) -> tuple[object, ...]:
        return ContainerSpec, (self.kind, self.keys, self.items)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, ContainerSpec)
            and self.kind is other.kind
            and bool(self.keys == other.keys)
            and _all_same(self.items, other.items)
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.keys, *map(code_hash, self.items)))


class NodeSpec:
    """A node: its type, the codes of its attributes, and the names of those that are no values.

    ``metadata`` is what the ``flatten`` of a registered class has returned.
    """

    __slots__ = ("attributes", "kind", "links", "metadata")

    def __init__(
        self,
        kind: type[object],
        attributes: dict[str, object],
        links: list[str],
        metadata: object = None,
    ) -> None:
        self.kind: type[object] = kind
        self.attributes: dict[str, object] = attributes
        self.links: list[str] = links
        self.metadata: object = metadata

    def __reduce__(self) -> tuple[object, ...]:
        return NodeSpec, (self.kind, self.attributes, self.links, self.metadata)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, NodeSpec)
            and self.kind is other.kind
            and list(self.attributes) == list(other.attributes)
            and self.links == other.links
            and _all_same(self.attributes.values(), other.attributes.values())
            and same_code(self.metadata, other.metadata)
        )

    def __hash__(self) -> int:
        return hash((self.kind, *self.attributes, *map(code_hash, self.attributes.values())))


def _all_same(left: Iterable[object], right: Iterable[object]) -> bool:
    ours, theirs = list(left), list(right)
    return len(ours) == len(theirs) and all(map(same_code, ours, theirs))


def same_code(left: Any, right: Any) -> bool:
    """Say whether two codes are one: the same object, or of one type and equal."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    try:
        if isinstance(left, jax.Array | np.ndarray):
            return bool(
                left.shape == right.shape
                and left.dtype == right.dtype
                and np.array_equal(np.asarray(left), np.asarray(right))
            )
        return bool(left == right)
    except Exception:  # a traced array, a key, a foreign __eq__: then only identity counts
        return False


def is_exact(kind: type) -> bool:
    """Say whether codes of this one type are the same if ``==`` says so, and at once."""
    plain: Any = object.__eq__
    return kind in _EXACT or kind.__eq__ is plain


_EXACT = ATOMS | {NodeRef, StateRef, ContainerSpec, tuple}  # the only tuples among codes are sizes


def code_hash(code: object) -> int:
    """Return a hash that is the same for the same codes; by type alone where there is none."""
    try:
        return hash((type(code), code))
    except TypeError:
        return hash(type(code))
