"""Modules and states in the result of a transform.

jax returns arrays. So each module, state or collection of states in a result leaves the values of
its states in its place, and a :class:`Returned` tells how to make objects of them again. What the
function was given, or has found, comes back as the object that it is. Where there is one value for
each step or lane, a collection has states of its own (:func:`loosen`); new modules and states come
out of lanes, not of loops.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax

from brainlite._jax_compat import PyTreeDef, Tracer
from brainlite.errors import ResultError
from brainlite.graph import NestedDict, Node, StateDict
from brainlite.graph._face import (
    Described,
    build,
    describe,
    fields,
    holds_graph,
    node_dict,
    parts_within,
)
from brainlite.state import State
from brainlite.state._face import AnyState, Frame, adopt
from brainlite.transform._engine._effects import TAKEN, Effects, Renamed, called
from brainlite.typing import Path, PyTree


@jax.tree_util.register_pytree_node_class
class _Loose:
    """A collection of states as a pytree of their values, apart from the states.

    A new state has no value any more when the frame closes in which it was made.
    """

    __slots__ = ("structure", "values")

    def __init__(self, structure: PyTreeDef, values: Sequence[object]) -> None:
        self.structure: PyTreeDef = structure
        self.values: Sequence[object] = values

    def tree_flatten(self) -> tuple[Sequence[object], object]:
        return self.values, self.structure

    @classmethod
    def tree_unflatten(cls, structure: PyTreeDef, values: Sequence[object]) -> Self:
        return cls(structure, values)


def loosen(tree: object) -> object:
    """Replace each collection of states by its values, as they are in the open frame."""
    return jax.tree.map(_loose, tree, is_leaf=_is_collection)


def called_apart(
    frame: Frame, fun: Callable[..., object], args: Iterable[object], kwargs: Mapping[str, object]
) -> "tuple[object, Returned | None, Effects, list[object]]":
    """Do what ``called`` does, loosen the result, and take new modules and states out of it."""
    out, effects, values = called(frame, fun, args, kwargs)
    return *take_out(loosen(out), frame.is_new), effects, values


def fasten(tree: object) -> object:
    """Undo :func:`loosen`, with new states."""

    def fast(leaf: object) -> object:
        return leaf.structure.unflatten(leaf.values) if isinstance(leaf, _Loose) else leaf

    return jax.tree.map(fast, tree, is_leaf=_is_loose)


def _is_loose(leaf: object) -> bool:
    return isinstance(leaf, _Loose)


def _loose(leaf: object) -> object:
    if not _is_collection(leaf):
        return leaf
    values, structure = jax.tree.flatten(leaf, is_leaf=lambda item: item is not leaf)
    return _Loose(structure, values)


class _Root(NamedTuple):
    """A module, a state or a collection that is a leaf of a result."""

    states: list[AnyState]  # whose values come out in its place
    paths: tuple[Path, ...] | None = None  # for a collection
    nested: bool = False  # whether that is a NestedDict


class Returned(NamedTuple):
    """The modules, states and collections of states in a result.

    Attributes
    ----------
    structure : PyTreeDef
        That of the result, in which they are leaves.
    roots : list
        For each leaf what it is; None for an array.
    described : Described
        All of them as one graph: a list.
    fresh : frozenset of int
        Which of the nodes and states in it are new, by id.
    traced : list of (int, str)
        The plain attributes that hold arrays of the trace: number of the node, and name.
    """

    structure: PyTreeDef
    roots: list[_Root | None]
    described: Described
    fresh: frozenset[int]
    traced: list[tuple[int, str]]

    def layout(self, effects: Effects, renamed: Callable[[object], object]) -> object:
        """Return what is equal for two traces that return the same objects.

        ``renamed`` is from the objects of this trace to those that count.
        """
        made: dict[object, object] = {state: number for number, state in enumerate(effects.made)}

        def what(thing: object) -> object:
            if isinstance(thing, State) and thing in effects.merged:
                return "kept", id(renamed(effects.merged[thing]))
            if id(thing) in self.fresh:
                return "new", made.get(thing)
            return "kept", id(renamed(thing))

        things = [what(thing) for thing in (*self.described.states, *self.described.nodes)]
        kinds = [root and (root.paths, root.nested) for root in self.roots]
        return self.structure, kinds, self.described.definition, things, self.traced

    def put_back(self, result: object, homes: Mapping[int, object], now: Renamed) -> PyTree:
        """Return the result with its modules and states.

        Parameters
        ----------
        result : pytree
            What came out.
        homes : mapping
            The ids of new objects that exist already -> these.
        now : callable
            From the other objects of the trace to those of this call.
        """
        leaves = self.structure.flatten_up_to(result)
        values: dict[AnyState, object] = {}
        plain: list[object] = []
        for leaf, root in zip(leaves, self.roots, strict=True):
            if root is not None:
                came, arrays_of_nodes = (leaf.values, ()) if root.paths is not None else leaf
                values.update(zip(root.states, came, strict=True))
                plain += arrays_of_nodes

        def found(thing: object) -> PyTree:
            return homes.get(id(thing)) if id(thing) in self.fresh else now(thing)

        states: list[AnyState] = []
        for state in self.described.states:
            there = found(state)
            states.append(adopt(state, values[state]) if there is None else there)
        nodes = map(found, self.described.nodes)
        kept = {number: node for number, node in enumerate(nodes) if node is not None}
        objects: list[object] = build(self.described.definition, states, kept)
        if self.traced:
            made, arrays = describe(objects).nodes, iter(plain)
            for number, name in self.traced:
                attributes = node_dict(made[number])
                attributes[name] = jax.tree.map(
                    lambda leaf: next(arrays) if leaf is TAKEN else leaf, attributes[name]
                )
        remade = iter(objects)
        return self.structure.unflatten(
            leaf if root is None else _collected(root, next(remade))
            for leaf, root in zip(leaves, self.roots, strict=True)
        )


def take_out(result: object, is_fresh: Callable[[object], bool]) -> tuple[object, Returned | None]:
    """Take the modules and states out of the result of a function that is being traced.

    Parameters
    ----------
    result : pytree
        The result. It is read in the frame that is open.
    is_fresh : callable
        Whether a node or a state is new, and is to be made of what comes out.
    """
    structure: PyTreeDef
    try:
        leaves, structure = jax.tree.flatten(result, is_leaf=_is_root)
    except ValueError:  # keys that cannot be sorted: the check of results tells which
        return result, None
    graph = [_members(leaf) for leaf in leaves if _is_root(leaf)]
    if not graph:
        return result, None
    described = describe(graph)
    fresh = frozenset(id(x) for x in (*described.states, *described.nodes) if is_fresh(x))
    plain: list[object] = []  # the arrays of the trace
    traced = list(_take_plain(described, fresh, plain))
    if traced:
        described = describe(graph)
    # Each state's value comes out where it was met first.
    met: list[list[AnyState]] = [[] for _ in graph]
    for state, path in zip(described.states, described.definition.paths, strict=True):
        if id(state) in fresh:
            met[int(path[0])].append(state)
    first_met = iter(met)
    roots: list[_Root | None] = []
    for number, leaf in enumerate(leaves):
        if not _is_root(leaf):
            roots.append(None)
            continue
        root = _root_of(leaf, next(first_met))
        roots.append(root)
        if root.paths is not None:
            leaves[number] = _loose(leaf)
        else:
            leaves[number] = ([state.value for state in root.states], plain)
            plain = []
    return structure.unflatten(leaves), Returned(structure, roots, described, fresh, traced)


def homes(effects: Effects, now: Renamed) -> dict[int, object]:
    """Return, by their ids, the new objects of a trace that have been put in place by now."""
    found: dict[int, object] = {id(new): now(old) for new, old in effects.merged.items()}
    for place in effects.places:
        there = describe(fields(now(place.owner))[place.name])
        then = describe(place.value)
        for ours, theirs in ((then.nodes, there.nodes), (then.states, there.states)):
            found.update(zip(map(id, ours), theirs, strict=True))
    return found


def holds_collection(tree: object) -> bool:
    """Say whether there is a collection of states in ``tree``."""
    return any(map(_is_collection, jax.tree.leaves(tree, is_leaf=_is_collection)))


def _is_collection(value: object) -> bool:
    return isinstance(value, StateDict | NestedDict)


def _is_root(value: object) -> bool:
    return isinstance(value, Node | State | StateDict | NestedDict)


def _flat(collection: Any) -> StateDict[Any]:
    flat: StateDict[Any] = (
        collection.to_flat() if isinstance(collection, NestedDict) else collection
    )
    return flat


def _members(leaf: object) -> object:
    return list(_flat(leaf).values()) if _is_collection(leaf) else leaf


def _root_of(leaf: object, met: list[AnyState]) -> _Root:
    if not _is_collection(leaf):
        return _Root(met)
    paths, states = _flat(leaf).__parts__()
    return _Root(list(states), paths, isinstance(leaf, NestedDict))


def _collected(root: _Root, thing: PyTree) -> object:
    if root.paths is None:
        return thing
    flat = StateDict[Any].__of__(root.paths, thing)
    return flat.to_nest() if root.nested else flat


def _take_plain(
    described: Described, fresh: frozenset[int], arrays: list[object]
) -> Iterator[tuple[int, str]]:
    """Take the arrays of the trace out of the plain attributes of new nodes; yield which."""
    for number, node in enumerate(described.nodes):
        if id(node) not in fresh:
            continue
        for name, value in list(fields(node).items()):
            if not any(isinstance(leaf, Tracer) for leaf in parts_within(value)):
                continue
            if holds_graph(value):
                raise ResultError(
                    f"a {type(node).__name__} in the result holds states and arrays of the trace "
                    "in one container",
                    where=f"attribute {name!r}",
                    expected="States, or arrays in an attribute of their own",
                    got=f"a {type(value).__name__}",
                    fix="keep the arrays in a State",
                )
            structure: PyTreeDef
            leaves, structure = jax.tree.flatten(value)
            arrays += [leaf for leaf in leaves if isinstance(leaf, Tracer)]
            rest = [TAKEN if isinstance(leaf, Tracer) else leaf for leaf in leaves]
            node_dict(node)[name] = structure.unflatten(rest)
            yield number, name
