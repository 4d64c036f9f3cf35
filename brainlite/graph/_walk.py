"""Walking an object graph: every node and state once, with the path where it is met first.

The walk goes through the attributes of nodes and through containers, in the order of insertion, a
parent before its children. It keeps its own stack: graphs may be deeper than Python's
recursion limit.
"""

from collections.abc import Callable, Container, Iterator
from itertools import count
from typing import Any

from brainlite.graph._contents import (
    ATOMS,
    NODE,
    OPAQUE,
    RECORD,
    STATE,
    graph_below,
    is_plain,
    is_size,
    role_of,
)
from brainlite.graph._node import Node, all_items, fields, note
from brainlite.graph._notes import ALL
from brainlite.state import State
from brainlite.state._face import AnyState, current_frame
from brainlite.typing import Path

_EVERYWHERE = (0, 2**31 - 1)

# Notes of these names are of a whole node: which children a walk meets there.
_NODES, _STATES = "\0nodes", "\0states"


def was_walked(looked: Container[tuple[int, str]], node: Node, value: object) -> bool:
    """Say whether a walk that would have met ``value`` in an attribute has come to ``node``."""
    only_state = isinstance(value, State)
    names = (ALL, _STATES) if only_state else (ALL, _STATES, _NODES)
    return any((id(node), name) in looked for name in names)


def walk_note(node: Node, name: str) -> list[Any]:
    """Return what a walk meets at ``node``: its children, its states where they matter, or all."""
    if name == ALL:
        return all_items(node)
    return [
        item
        for attribute, value in fields(node).items()
        for path, child in graph_below(value, (attribute,))
        if name == _STATES or not isinstance(child, State)
        for item in (path, child)
    ]


Links = list[tuple[str, Any, int]]
"""The attributes of a node that hold more than a value: name, what it holds, its role."""


def visit(
    root: object, numbers: dict[int, int], *, states: bool
) -> Iterator[tuple[Path, Any, Links | None, bool]]:
    """Yield (path, object, links, settled) as :func:`walk` does; links are None for a state.

    Nodes and states are numbered, each kind by itself, in ``numbers`` by their id. A node is
    settled if everything that it links to has its number already.
    """
    frame = current_frame.get()
    note_name = _STATES if states else _NODES
    roles: dict[type, int] = dict.fromkeys(ATOMS, OPAQUE)
    next_node, next_state = count().__next__, count().__next__
    stack: list[tuple[Path, Any]] = [*graph_below(root)][::-1]
    while stack:
        path, item = stack.pop()
        if id(item) in numbers:
            continue
        if isinstance(item, State):
            if states:
                numbers[id(item)] = next_state()
                yield path, item, None, True
            continue
        numbers[id(item)] = next_node()
        if frame is not None:
            note(frame, item, note_name, walk_note(item, note_name))
        links: Links = []
        below: list[tuple[Path, Any]] = []
        first: list[tuple[Path, Any, None, bool]] = []  # states that nothing else comes before
        for name, value in fields(item).items():
            kind = type(value)
            role = roles.get(kind)
            if role is None:
                role = roles[kind] = role_of(value)
            if not role or (kind is tuple and is_size(value)):
                continue
            links.append((name, value, role))
            if role == STATE and not below:
                key = id(value)
                if states and key not in numbers:
                    numbers[key] = next_state()
                    first.append(((*path, name), value, None, True))
            elif role in (STATE, NODE):
                below.append(((*path, name), value))
            elif role == RECORD or not is_plain(value):
                below += graph_below(value, (*path, name))
        yield path, item, links, not below
        yield from first
        stack += below[::-1]


def walk(root: object, *, states: bool) -> Iterator[tuple[Path, Any]]:
    """Yield (path, object) for the root and every node, and if asked every state, below it."""
    return ((path, item) for path, item, _, _ in visit(root, {}, states=states))


def _at_depth(
    found: Iterator[tuple[Path, Any]],
    keep: Callable[[Any], bool],
    allowed_hierarchy: tuple[int, int],
) -> Iterator[tuple[Path, Any]]:
    low, high = allowed_hierarchy
    return ((path, item) for path, item in found if keep(item) and low <= len(path) <= high)


def iter_node(
    root: object, allowed_hierarchy: tuple[int, int] = _EVERYWHERE
) -> Iterator[tuple[Path, Node]]:
    """Yield (path, node) for every node of a graph, the root first, each once.

    Parameters
    ----------
    root : Node or container
        Where to start.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Returns
    -------
    iterator over (path, Node)

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> [path for path, node in iter_node(model)]
    [(), ('Wrz',), ('Wh',)]
    """
    return _at_depth(
        walk(root, states=False), lambda item: not isinstance(item, State), allowed_hierarchy
    )


def iter_leaf(
    root: object, allowed_hierarchy: tuple[int, int] = _EVERYWHERE
) -> Iterator[tuple[Path, AnyState]]:
    """Yield (path, state) for every state of a graph, each once.

    Parameters
    ----------
    root : Node or container
        Where to start.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Returns
    -------
    iterator over (path, State)

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> [path for path, state in iter_leaf(model)]
    [('Wrz', 'weight'), ('Wh', 'weight')]
    """
    return _at_depth(
        walk(root, states=True), lambda item: isinstance(item, State), allowed_hierarchy
    )
