"""What is inside a value: the containers that a graph is looked for in.

Lists, tuples and dicts are containers. So are *records*, dataclasses and what is registered with
``jax.tree_util``, where they hold a state or a node; otherwise they
are opaque, as is anything else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax

from brainlite.errors import GraphError
from brainlite.graph._foreign import node_types
from brainlite.state import State
from brainlite.state._face import is_leaf
from brainlite.typing import Path, PathPart

OPAQUE, STATE, NODE, CONTAINER, RECORD = range(5)
"""What a value is to a graph. Its type alone decides, so whoever asks often can remember."""

ATOMS: frozenset[type] = frozenset({int, float, complex, str, bytes, bool, type(None)})
_SIZE = frozenset({int, str, type(None)})
_PLAIN = (list, tuple, dict)


class NodeBase:
    """What ``Node`` derives from, so that nodes can be told from other values down here."""

    __slots__ = ()


def role_of(value: object) -> int:
    """Say what a value is to a graph."""
    if type(value) in ATOMS:
        return OPAQUE
    if isinstance(value, State):
        return STATE
    if isinstance(value, NodeBase) or type(value) in node_types:
        return NODE
    if isinstance(value, _PLAIN):
        return CONTAINER
    # The values of a collection of states are no graph, though it is a pytree.
    record = _is_dataclass(value) or not (isinstance(value, Mapping) or is_leaf(value))
    return RECORD if record else OPAQUE


def is_graph(value: object) -> bool:
    """Say whether a value is a node or a state."""
    return isinstance(value, State | NodeBase) or type(value) in node_types


def _is_dataclass(value: object) -> bool:
    return hasattr(type(value), "__dataclass_fields__")


def is_plain(value: Any) -> bool:
    """Say whether a container holds numbers and strings only, as sizes do: nothing to look into."""
    return ATOMS.issuperset(map(type, value.values() if isinstance(value, dict) else value))


def is_size(value: Any) -> bool:
    """Say whether a tuple is a value like any other, which ``==`` compares without a doubt."""
    return _SIZE.issuperset(map(type, value))  # no floats: 1 and 1.0 are equal


class Opened(NamedTuple):
    """A container taken apart. With its type, that is all it takes to make it anew.

    ``keys`` are None for lists and tuples, the keys of a dict, the names of a dataclass's
    attributes, or jax's tree definition.
    """

    keys: object
    items: Iterable[object]


def open_container(value: object) -> Opened | None:
    """Take a container apart; None for all else, and for records that hold no graph."""
    if isinstance(value, list | tuple):
        return Opened(None, value)
    if isinstance(value, dict):
        return Opened(tuple(value), value.values())
    if role_of(value) != RECORD or not holds_graph(value):
        return None
    if _is_dataclass(value):
        attributes = _attributes(value)
        return Opened(tuple(attributes), attributes.values())
    keyed, structure = _one_level(value)
    return Opened(structure, [item for _, item in keyed])


def container_items(value: object) -> Iterable[tuple[PathPart, object]]:
    """Return (key or index, item) for what is in a container; nothing for all else."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list | tuple):
        return enumerate(value)
    if role_of(value) != RECORD:
        return ()
    if _is_dataclass(value):
        return _attributes(value).items()
    return [(_part(keys[0]), item) for keys, item in _one_level(value)[0]]


def _attributes(value: Any) -> dict[str, object]:
    if hasattr(value, "__dict__"):
        attributes: dict[str, object] = vars(value)
        return attributes
    names: Iterable[str] = value.__dataclass_fields__  # a dataclass with slots
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _one_level(value: object) -> tuple[list[tuple[Any, object]], object]:
    keyed, structure = jax.tree_util.tree_flatten_with_path(
        value, is_leaf=lambda item: item is not value
    )
    return keyed, structure


def _part(key: object) -> PathPart:
    """Return the step of a path for one of jax's keys: ``GetAttrKey('w')`` is 'w'."""
    for name in ("name", "key", "idx"):
        if hasattr(key, name):
            part: PathPart = getattr(key, name)
            return part
    return str(key)


def remake(kind: type, keys: Any, items: list[object]) -> object:
    """Make a container anew from what :func:`open_container` has returned."""
    if isinstance(keys, jax.tree_util.PyTreeDef):
        return jax.tree.unflatten(keys, items)
    if hasattr(kind, "_fields"):  # a named tuple takes its items one by one
        return kind(*items)
    if hasattr(kind, "__dataclass_fields__") and keys is not None:
        record: object = object.__new__(kind)
        for name, item in zip(keys, items, strict=True):
            object.__setattr__(record, name, item)  # it may be frozen
        return record
    content: object = items if keys is None else dict(zip(keys, items, strict=True))
    if kind is type(content):
        return content
    try:
        return kind(content)
    except Exception as error:
        raise GraphError(
            f"a container of type {kind.__name__} cannot be made anew",
            expected=f"a type that takes its content: {kind.__name__}(content)",
            got=f"{type(error).__name__}: {error}",
            fix="keep nodes and states in a list, tuple or dict",
        ) from error


def graph_below(value: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (path, object) for the graph objects in a value, in order, without entering nodes.

    Parameters
    ----------
    value : object
        A container, or a graph object itself.
    path : Path
        The path of ``value``.
    """
    # With each container go the containers that it sits in: (id, those around), innermost first.
    stack: list[tuple[Path, object, object]] = [(path, value, None)]
    roles: dict[type, int] = dict.fromkeys(ATOMS, OPAQUE)
    while stack:
        path, item, around = stack.pop()
        kind = type(item)
        role = roles.get(kind)
        if role is None:
            role = roles[kind] = role_of(item)
        if role in (STATE, NODE):
            yield path, item
        elif role == RECORD or (role == CONTAINER and not is_plain(item)):
            if _is_inside_itself(item, around, path, role):
                continue
            inside = (id(item), around)
            below = [((*path, part), inner, inside) for part, inner in container_items(item)]
            stack += below[::-1]


def _is_inside_itself(item: object, around: Any, path: Path, role: int) -> bool:
    """Say whether this is a record inside itself, which may hold no graph; other cycles raise."""
    while around is not None:
        number, around = around
        if number == id(item):
            if role == RECORD:
                return True
            raise cycle_error(item, path)
    return False


def cycle_error(item: object, path: Path) -> GraphError:
    """Return the error for a container that contains itself."""
    return GraphError(
        "a plain container contains itself",
        where=path_text(path),
        expected="lists, tuples, dicts and dataclasses that end",
        got=f"a {type(item).__name__} inside itself",
        fix="use a Node for a structure with cycles",
    )


def holds_graph(value: object) -> bool:
    """Say whether a value is, or contains, a node or a state."""
    if is_graph(value):
        return True
    return type(value) not in ATOMS and next(graph_below(value), None) is not None


def dotted(path: Path) -> str:
    """Return a path as a name: ``'layers.0.weight'``."""
    return ".".join(map(str, path))


def path_text(path: Path) -> str:
    """Return a path as it is written in messages."""
    return dotted(path) or "the root"


def dotted_list(paths: Iterable[Path], most: int = 20) -> str:
    """Return paths for a message, and how many more there are; empty when there are none."""
    written = list(map(path_text, paths))
    more = [f"and {len(written) - most:,} more"] if len(written) > most else []
    return ", ".join(written[:most] + more)
