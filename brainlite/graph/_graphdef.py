"""GraphDef: the structure of an object graph without the values of its states."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple

from typing_extensions import TypeVar

from brainlite.display import Shown, notebook_repr, to_text, treescope_repr
from brainlite.graph._codes import (
    ContainerSpec,
    NodeRef,
    NodeSpec,
    StateRef,
    code_hash,
    is_exact,
    same_code,
)
from brainlite.graph._contents import (
    NODE,
    OPAQUE,
    STATE,
    cycle_error,
    holds_graph,
    is_size,
    open_container,
    remake,
    role_of,
)
from brainlite.graph._foreign import node_types
from brainlite.graph._node import Node, fields
from brainlite.graph._outline import Outline
from brainlite.graph._walk import Links, visit
from brainlite.state._face import AnyState, StateSpec, current_frame, specs_of
from brainlite.typing import Path

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class GraphDef(Generic[M_co]):
    """What an object graph is, apart from the values of its states.

    Hashable, comparable and picklable: two graphs of equal structure, with the same sharing, have
    equal definitions. It prints the tree of its types. :func:`split` makes it.

    Attributes
    ----------
    root : object
        The tree of containers from which all starts, with numbers in place of nodes and states.
    nodes : tuple
        The type and the static fields of each node.
    starts : tuple of int
        How many states are met before each node.
    states : tuple
        The kind, tags and metadata of each state, in the order in which they are met.
    paths : tuple of path
        Where each state is met first.

    Examples
    --------
    >>> a, _ = brainlite.graph.split(brainlite.nn.Linear(2, 3))
    >>> b, _ = brainlite.graph.split(brainlite.nn.Linear(2, 3))
    >>> a == b, hash(a) == hash(b)
    (True, True)
    """

    __slots__ = ("_hash", "nodes", "paths", "root", "starts", "states")

    def __init__(
        self,
        root: object,
        nodes: tuple[NodeSpec, ...],
        starts: tuple[int, ...],
        states: tuple[StateSpec, ...],
        paths: tuple[Path, ...],
    ) -> None:
        self.root: object = root
        self.nodes: tuple[NodeSpec, ...] = nodes
        self.starts: tuple[int, ...] = starts  # how many states are met before each node
        self.states: tuple[StateSpec, ...] = states
        self.paths: tuple[Path, ...] = paths  # of the states, where each is met first
        self._hash: int | None = None

    # Starts and paths follow from the rest.
    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, GraphDef)
            and self.states == other.states
            and self._has_the_nodes_of(other)
        )

    def _has_the_nodes_of(self, other: "GraphDef[Any]") -> bool:
        return self.nodes == other.nodes and same_code(self.root, other.root)

    def may_become(self, other: "GraphDef[Any]") -> bool:
        """Say whether both are equal, but for where the other declares its states to live."""
        return (
            len(self.states) == len(other.states)
            and all(map(StateSpec.may_become, self.states, other.states))
            and self._has_the_nodes_of(other)
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((code_hash(self.root), self.nodes, self.states))
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        # Without the hash, which another process would not compute alike.
        return GraphDef, (self.root, self.nodes, self.starts, self.states, self.paths)

    def __display__(self) -> Shown:
        root = Outline(self.root, self.nodes, self.starts, self.states, self.paths).root
        return Shown(
            "GraphDef", [("nodes", len(self.nodes)), ("states", len(self.states)), ("root", root)]
        )

    def __repr__(self) -> str:
        # Of a large graph the upper levels tell enough: the root and what is next to it.
        return to_text(self, depth=None if len(self.nodes) <= 100 else 3)

    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


class Described(NamedTuple):
    """A definition, with the objects that it was taken from, in its order."""

    definition: GraphDef[Any]
    nodes: list[Node]
    states: list[AnyState]


def describe(root: object) -> Described:
    """Take the definition of a graph."""
    numbers: dict[int, int] = {}
    nodes: list[Any] = []
    specs: list[Any] = []
    starts: list[int] = []
    later: list[tuple[int, Links]] = []
    states: list[AnyState] = []
    paths: list[Path] = []
    encode = _Encoder(numbers)
    for path, item, links, settled in visit(root, numbers, states=True):
        if links is None:
            states.append(item)
            paths.append(path)
            continue
        number, start = len(nodes), len(states)
        nodes.append(item)
        starts.append(start)
        # At once if it can be: what was just looked at is still in the processor's cache.
        specs.append(encode.node(item, links, number, start) if settled else None)
        if not settled:
            later.append((number, links))
    for number, links in later:
        specs[number] = encode.node(nodes[number], links, number, starts[number])
    definition = GraphDef[Any](
        encode.value(root, 0, 0), tuple(specs), tuple(starts), specs_of(states), tuple(paths)
    )
    return Described(definition, nodes, states)


class _Encoder:
    """Writes down attributes, given the numbers of nodes and of states by id.

    ``number`` is that of the node, and ``start`` that of the first state met after it.
    """

    def __init__(self, numbers: dict[int, int]) -> None:
        self._numbers = numbers
        self._roles: dict[type, int] = {}
        self._known: dict[object, NodeSpec] = {}  # specs of layers of which there may be many

    def node(self, node: Any, links: Links, number: int, start: int) -> NodeSpec:
        """Return the spec of a node: its attributes, with numbers for states and nodes."""
        kind: type[object] = type(node)
        attributes = fields(node).copy()
        numbers = self._numbers
        names: list[str] = []
        references: list[int] = []
        for name, value, role in links:
            if role == STATE:
                code: Any = StateRef(numbers[id(value)] - start)
                references.append(code)
            elif role == NODE:
                code = NodeRef(numbers[id(value)] - number)
                references.append(code)
            else:
                code = self.value(value, number, start)
                if code is value:
                    continue
            attributes[name] = code
            names.append(name)
        kinds = tuple(map(type, attributes.values()))
        key = (kind, kinds, *attributes, *references)
        known = self._known.get(key)
        if known is not None and known.attributes == attributes:
            return known
        metadata = node_types[kind].flatten(node)[1] if kind in node_types else None
        spec = NodeSpec(kind, attributes, names, metadata)
        if all(map(is_exact, kinds)) and metadata is None:
            self._known[key] = spec
        return spec

    def value(self, value: Any, number: int, start: int, around: tuple[object, ...] = ()) -> object:
        """Return the code of a value in an attribute, as :class:`ContainerSpec` and references."""
        kind = type(value)
        role = self._roles.get(kind)
        if role is None:
            role = self._roles[kind] = role_of(value)
        if role == STATE:
            return StateRef(self._numbers[id(value)] - start)
        if role == NODE:
            return NodeRef(self._numbers[id(value)] - number)
        if role == OPAQUE or (kind is tuple and is_size(value)):
            return value
        # Others, such as a `defaultdict`, are made anew only where they must be.
        if kind not in (list, tuple, dict) and not hasattr(kind, "_fields"):
            if not holds_graph(value):
                return value
            if any(value is each for each in around):
                raise cycle_error(value, ())
        opened = open_container(value)
        assert opened is not None
        around = (*around, value)
        codes = [self.value(item, number, start, around) for item in opened.items]
        return ContainerSpec(kind, opened.keys, tuple(codes))


def build(
    graphdef: GraphDef[M], states: Sequence[AnyState], kept: Mapping[int, object] | None = None
) -> M:
    """Make the graph that ``graphdef`` describes.

    Parameters
    ----------
    graphdef : GraphDef
        The structure.
    states : sequence of State
        The states, in its order.
    kept : mapping, optional
        Nodes that are there already, by number; the others are new.
    """
    kept = kept or {}
    nodes = [
        kept[number] if number in kept else _make_node(spec.kind, spec.metadata)
        for number, spec in enumerate(graphdef.nodes)
    ]

    def decode(code: Any, number: int, start: int) -> Any:
        kind = type(code)
        if kind is StateRef:
            return states[start + code]
        if kind is NodeRef:
            return nodes[number + code]
        if kind is ContainerSpec:
            items = [decode(item, number, start) for item in code.items]
            return remake(code.kind, code.keys, items)
        return code

    for number, (spec, start) in enumerate(zip(graphdef.nodes, graphdef.starts, strict=True)):
        if number not in kept:
            attributes = spec.attributes.copy()
            for name in spec.links:
                attributes[name] = decode(attributes[name], number, start)
            _fill_node(nodes[number], attributes)
    root: M = decode(graphdef.root, 0, 0)
    return root


def _make_node(kind: type[Any], metadata: object) -> object:
    """Return a node without attributes. Its constructor does not run."""
    if kind not in node_types:
        return Node.__new__(kind)
    node = node_types[kind].create_empty(metadata)
    node_types[kind].clear(node)
    frame = current_frame.get()
    if frame is not None:
        frame.born_nodes[id(node)] = node
    return node


_set_dict: Callable[[Node, dict[str, object]], None] = vars(Node)["__dict__"].__set__


def _fill_node(node: Any, attributes: dict[Any, Any]) -> None:
    """Give a new node its attributes, which were checked when they were first set."""
    if type(node) not in node_types:
        _set_dict(node, attributes)
        return
    for key, value in attributes.items():
        node_types[type(node)].set_key(node, key, value)
