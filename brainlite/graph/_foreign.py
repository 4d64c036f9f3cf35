"""Classes that are not ours and are nodes of a graph all the same."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from typing_extensions import TypeVar

from brainlite.errors import GraphError
from brainlite.typing import PathPart

N = TypeVar("N")


class NodeType(NamedTuple):
    """How the objects of a class are taken apart and put together."""

    flatten: Callable[[Any], tuple[Iterable[tuple[PathPart, object]], object]]
    set_key: Callable[[Any, PathPart, object], None]
    pop_key: Callable[[Any, PathPart], object]
    create_empty: Callable[[object], object]
    clear: Callable[[Any], None]


node_types: dict[type, NodeType] = {}


def register_graph_node_type(
    type: type[N],  # noqa: A002  # brainstate's name
    flatten: Callable[[N], tuple[Iterable[tuple[PathPart, object]], object]],
    set_key: Callable[[N, PathPart, object], None],
    pop_key: Callable[[N, PathPart], object],
    create_empty: Callable[[Any], N],
    clear: Callable[[N], None],
) -> None:
    """Let the objects of a class that does not derive from ``Node`` be nodes of a graph.

    They are walked, split, merged and cloned as nodes are: sharing and cycles survive. To be
    passed to a transform as an argument, though, they must sit in a node.

    Parameters
    ----------
    type : type
        The class itself; subclasses are registered by themselves.
    flatten : callable
        From an object to its (key, value) pairs, in an order of its own, and metadata that compares
        by ``==``.
    set_key : callable
        Sets one child: object, key, value.
    pop_key : callable
        Removes one child: object, key.
    create_empty : callable
        From the metadata to a new object.
    clear : callable
        Removes the children that ``create_empty`` may have put into a new object.

    Raises
    ------
    GraphError
        The class is part of graphs already.

    Notes
    -----
    Compiled functions see what such an object holds where they reach it through an attribute
    of a node, or through a list, tuple or dict there: all its children are compared, by
    identity, at each call. One that is a global or closure variable is a plain Python object to
    them. A state that is put into such an object inside a transform does not outlive it.

    Examples
    --------
    >>> from brainlite.graph import Node, states
    >>> from brainlite.state import State
    >>> class Table:
    ...     def __init__(self) -> None:
    ...         self.rows: dict[str, State] = {}
    >>> register_graph_node_type(
    ...     Table,
    ...     flatten=lambda table: (table.rows.items(), None),
    ...     set_key=lambda table, key, value: table.rows.__setitem__(str(key), value),
    ...     pop_key=lambda table, key: table.rows.pop(str(key)),
    ...     create_empty=lambda metadata: Table(),
    ...     clear=lambda table: table.rows.clear(),
    ... )
    >>> table = Table()
    >>> table.rows["first"] = State(1.0)
    >>> list(states([table]))
    [(0, 'first')]
    """
    if type in node_types or hasattr(type, "__path_to__") or hasattr(type, "__held__"):
        raise GraphError(
            f"{type.__name__} is part of graphs already",
            expected="a class that is no Node, no State and not registered",
            got=repr(type),
            fix="register a class once, where it is defined",
        )
    node_types[type] = NodeType(flatten, set_key, pop_key, create_empty, clear)
