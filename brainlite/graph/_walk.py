"""Walking an object graph: every node and state once, with the path where it is met first.

The walk goes through the attributes of nodes and through lists, tuples and dicts, in the order
of insertion, a parent before its children. It keeps its own stack: graphs may be deeper than
Python's recursion limit.
"""

from collections.abc import Callable, Iterator
from typing import Any

from brainlite.errors import GraphError
from brainlite.graph._node import (
    Node,
    all_items,
    container_items,
    fields,
    holds_graph,
    note,
)
from brainlite.graph._notes import ALL
from brainlite.state import State
from brainlite.state._frame import current_frame
from brainlite.typing import Path

__all__ = ["is_walk", "iter_leaf", "iter_node", "walk", "walk_note"]

_EVERYWHERE = (0, 2**31 - 1)

# Notes of these names are of a whole node: which children a walk meets there.
_NODES, _STATES = "\0nodes", "\0states"


_CONTAINERS = (list, tuple, dict)
_ATOMS = frozenset({int, float, str, bool, type(None)})


def _plain(value: Any) -> bool:
    """Say whether a container holds numbers and strings only, as sizes do: nothing to look into."""
    return _ATOMS.issuperset(map(type, value.values() if isinstance(value, dict) else value))


def is_walk(name: str) -> bool:
    """Say whether a note of this name is of a walk rather than of one attribute."""
    return name[:1] == "\0"


def walk_note(node: Node, name: str) -> list[Any]:
    """Return what a walk meets at ``node``: its children, its states where they matter, or all."""
    if name == ALL:
        return all_items(node)
    kinds = (Node, State) if name == _STATES else (Node,)
    return [
        item
        for attribute, value in fields(node).items()
        if holds_graph(value)
        for path, child in _children(value, kinds)
        for item in ((attribute, *path), child)
    ]


def _children(value: Any, kinds: tuple[type, ...]) -> Iterator[tuple[Path, Any]]:
    """Yield the graph objects of the given kinds in nested containers, without entering nodes."""
    stack: list[tuple[Path, Any]] = [((), value)]
    open_containers: set[int] = set()
    while stack:
        path, item = stack.pop()
        if isinstance(item, kinds):
            yield path, item
        elif not isinstance(item, Node | State) and (steps := list(container_items(item))):
            if id(item) in open_containers and len(path) > 100:
                raise GraphError(
                    "a plain container contains itself",
                    expected="lists, tuples and dicts that end",
                    got=f"a {type(item).__name__} inside itself",
                    fix="use a Node for a structure with cycles",
                )
            open_containers.add(id(item))
            stack.extend(((*path, part), inner) for part, inner in reversed(steps))


def walk(root: Any, *, states: bool) -> Iterator[tuple[Path, Any]]:
    """Yield (path, object) for the root and every node, and if asked every state, below it."""
    frame = current_frame.get()
    kinds = (Node, State) if states else (Node,)
    seen: set[int] = set()
    stack: list[tuple[Path, Any]] = [((), root)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, Node | State):
            if id(item) in seen:
                continue
            seen.add(id(item))
            yield path, item
        below: list[tuple[Path, Any]] = []
        if isinstance(item, Node):
            if frame is not None:
                name = _STATES if states else _NODES
                note(frame, item, name, walk_note(item, name))
            for attribute, value in fields(item).items():
                if isinstance(value, kinds):
                    below.append(((*path, attribute), value))
                elif isinstance(value, _CONTAINERS) and not _plain(value):
                    below += [
                        ((*path, attribute, *inner), child)
                        for inner, child in _children(value, kinds)
                    ]
        elif not isinstance(item, State):
            below = [((*path, *inner), child) for inner, child in _children(item, kinds)]
        below.reverse()
        stack += below


def _at_depth(
    found: Iterator[tuple[Path, Any]],
    keep: Callable[[Any], bool],
    allowed_hierarchy: tuple[int, int],
) -> Iterator[tuple[Path, Any]]:
    low, high = allowed_hierarchy
    return ((path, item) for path, item in found if keep(item) and low <= len(path) <= high)


def iter_node(
    root: Any, allowed_hierarchy: tuple[int, int] = _EVERYWHERE
) -> Iterator[tuple[Path, Node]]:
    """Yield (path, node) for every node of a graph, the root first, each once.

    Parameters
    ----------
    root : Node or container
        Where to start.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> [path for path, node in iter_node(model)]
    [(), ('Wrz',), ('Wh',)]
    """
    return _at_depth(
        walk(root, states=False), lambda item: isinstance(item, Node), allowed_hierarchy
    )


def iter_leaf(
    root: Any, allowed_hierarchy: tuple[int, int] = _EVERYWHERE
) -> Iterator[tuple[Path, State[Any]]]:
    """Yield (path, state) for every state of a graph, each once.

    Parameters
    ----------
    root : Node or container
        Where to start.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> [path for path, state in iter_leaf(model)]
    [('Wrz', 'weight'), ('Wh', 'weight')]
    """
    return _at_depth(
        walk(root, states=True), lambda item: isinstance(item, State), allowed_hierarchy
    )
