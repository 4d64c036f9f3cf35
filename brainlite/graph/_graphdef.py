"""GraphDef: the structure of an object graph without the values of its states."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, cast

import jax
import numpy as np
from typing_extensions import TypeVar

from brainlite.display import Shown, text_repr, treescope_repr
from brainlite.errors import GraphError
from brainlite.graph._node import Node, fields, holds_graph
from brainlite.graph._walk import walk
from brainlite.state import State
from brainlite.state._state import blank, is_frozen, template
from brainlite.typing import Path

__all__ = [
    "Description",
    "GraphDef",
    "Index",
    "Layout",
    "NodeSpec",
    "StateSpec",
    "Static",
    "build",
    "describe",
]

M_co = TypeVar("M_co", covariant=True)


class Index(NamedTuple):
    """A reference to a node or a state by its number: how sharing and cycles are kept."""

    of: str
    number: int


class Layout(NamedTuple):
    """A plain container: its type, its keys if it is a dict, and its items."""

    kind: type
    keys: tuple[Any, ...] | None
    items: tuple[Any, ...]


class Static:
    """Any other attribute value. Compared by type and value, or as the same object."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static) or type(self.value) is not type(other.value):
            return False
        if self.value is other.value:
            return True
        try:
            if isinstance(self.value, jax.Array | np.ndarray):
                return bool(
                    self.value.shape == other.value.shape
                    and self.value.dtype == other.value.dtype
                    and np.array_equal(np.asarray(self.value), np.asarray(other.value))
                )
            return bool(self.value == other.value)
        except Exception:  # a traced array, a key, a foreign __eq__: then only identity counts
            return False

    def __hash__(self) -> int:
        try:
            return hash((type(self.value), self.value))
        except TypeError:
            return hash(type(self.value))

    def __repr__(self) -> str:
        return repr(self.value)


class StateSpec:
    """A state without its value: kind, name, tags, and the path where it is met first."""

    __slots__ = ("path", "template")

    def __init__(self, path: Path, state: State[Any]) -> None:
        self.path: Path = path
        self.template: State[Any] = template(state)

    def _key(self) -> Any:
        state = self.template
        return self.path, type(state), state.name, state.tag, is_frozen(state)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateSpec) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __getstate__(self) -> tuple[Path, type[State[Any]], dict[str, Any]]:
        # A state without a value cannot be pickled by itself.
        return self.path, type(self.template), self.template.__fields__()

    def __setstate__(self, parts: tuple[Path, type[State[Any]], dict[str, Any]]) -> None:
        self.path, kind, fields = parts
        self.template = blank(kind, fields)


class NodeSpec(NamedTuple):
    """A node: its type, and for each attribute an Index, a Layout or a Static."""

    kind: type[Any]
    attributes: tuple[tuple[str, Any], ...]


class GraphDef(Generic[M_co]):
    """What an object graph is, apart from the values of its states.

    Hashable, comparable and picklable: two graphs of equal structure, with the same sharing, have
    equal definitions.

    Examples
    --------
    >>> import brainlite
    >>> a, _ = brainlite.graph.split(brainlite.nn.Linear(2, 3))
    >>> b, _ = brainlite.graph.split(brainlite.nn.Linear(2, 3))
    >>> a == b, hash(a) == hash(b)
    (True, True)
    """

    __slots__ = ("_hash", "nodes", "root", "states")

    def __init__(
        self, root: Any, nodes: tuple[NodeSpec, ...], states: tuple[StateSpec, ...]
    ) -> None:
        self.root: Any = root
        self.nodes: tuple[NodeSpec, ...] = nodes
        self.states: tuple[StateSpec, ...] = states
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, GraphDef)
            and self.root == other.root
            and self.nodes == other.nodes
            and self.states == other.states
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.root, self.nodes, self.states))
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the hash, which another process would not compute alike.
        return GraphDef, (self.root, self.nodes, self.states)

    def __display__(self) -> Shown:
        kind = self.nodes[0].kind.__name__ if self.nodes else type(self.root).__name__
        return Shown(
            "GraphDef",
            [("root", kind), ("nodes", len(self.nodes)), ("states", len(self.states))],
        )

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


class Description(NamedTuple):
    """A definition, with the objects that it was taken from, in its order."""

    definition: GraphDef[Any]
    nodes: list[Node]
    states: list[State[Any]]


def describe(root: Any) -> Description:
    """Take the definition of a graph."""
    numbers: dict[int, Index] = {}
    nodes: list[Node] = []
    states: list[State[Any]] = []
    specs: list[StateSpec] = []
    for path, item in walk(root, states=True):
        if isinstance(item, State):
            numbers[id(item)] = Index("state", len(states))
            states.append(item)
            specs.append(StateSpec(path, item))
        else:
            numbers[id(item)] = Index("node", len(nodes))
            nodes.append(item)
    described = tuple(
        NodeSpec(
            type(node),
            tuple((name, _encode(value, numbers)) for name, value in fields(node).items()),
        )
        for node in nodes
    )
    definition = GraphDef[Any](_encode(root, numbers), described, tuple(specs))
    return Description(definition, nodes, states)


def _encode(value: Any, numbers: dict[int, Index]) -> Any:
    number = numbers.get(id(value))
    if number is not None and isinstance(value, Node | State):
        return number
    if _is_special(value):
        return Static(value)
    if isinstance(value, dict):
        inner: dict[Any, Any] = value
        return Layout(
            type(inner), tuple(inner), tuple(_encode(item, numbers) for item in inner.values())
        )
    if isinstance(value, list | tuple):
        items: list[Any] | tuple[Any, ...] = value
        return Layout(type(items), None, tuple(_encode(item, numbers) for item in items))
    return Static(value)


def _is_special(value: Any) -> bool:
    """Say whether this is a container that may not be made anew, such as a ``defaultdict``."""
    kind: type = type(value)
    plain = kind in (list, tuple, dict) or hasattr(kind, "_fields")
    return not plain and not holds_graph(value)


def build(
    graphdef: GraphDef[Any],
    make_state: Callable[[int, StateSpec], State[Any]],
    kept: Mapping[int, Node] | None = None,
) -> Any:
    """Make the graph that ``graphdef`` describes.

    Each state is asked of ``make_state``; nodes are new but for those in ``kept``, by number.
    """
    kept = kept or {}
    made: dict[Index, Any] = {
        Index("state", number): make_state(number, spec)
        for number, spec in enumerate(graphdef.states)
    }
    nodes: list[Node] = [
        kept[number] if number in kept else Node.__new__(spec.kind)
        for number, spec in enumerate(graphdef.nodes)
    ]
    made.update((Index("node", number), node) for number, node in enumerate(nodes))
    for number, (node, spec) in enumerate(zip(nodes, graphdef.nodes, strict=True)):
        if number in kept:
            continue
        attributes = {name: _decode(value, made) for name, value in spec.attributes}
        # Straight into the dict: a new node has no watchers, and its attributes were checked once.
        object.__getattribute__(node, "__dict__").update(attributes)
    return _decode(graphdef.root, made)


def _decode(value: Any, made: dict[Index, Any]) -> Any:
    if isinstance(value, Index):
        return made[value]
    if isinstance(value, Layout):
        items = [_decode(item, made) for item in value.items]
        if value.keys is not None:
            return _remake(value.kind, dict(zip(value.keys, items, strict=True)))
        if hasattr(value.kind, "_fields"):  # a named tuple takes its items one by one
            return value.kind(*items)
        return _remake(value.kind, items)
    return cast("Static", value).value


def _remake(kind: type, content: Any) -> Any:
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
