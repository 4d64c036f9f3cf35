"""Split, merge, update, clone: what one does with a whole object graph."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, overload

from typing_extensions import TypeVar

from brainlite.errors import GraphError
from brainlite.graph._contents import container_items, dotted, dotted_list
from brainlite.graph._filters import to_predicate
from brainlite.graph._graphdef import Description, GraphDef, build, describe
from brainlite.graph._node import Node, fields, note_all
from brainlite.graph._state_dict import StateDict
from brainlite.graph._walk import iter_leaf, iter_node
from brainlite.state import State
from brainlite.state._frame import current_frame
from brainlite.state._spec import make_states
from brainlite.typing import Filter, Path

__all__ = [
    "clone",
    "graphdef",
    "merge",
    "nodes",
    "pop_states",
    "split",
    "states",
    "update_states",
]

AnyState = State[Any]
Entry = TypeVar("Entry", bound=tuple[Any, ...])
M = TypeVar("M")
S1 = TypeVar("S1", bound=AnyState)
S2 = TypeVar("S2", bound=AnyState)
S3 = TypeVar("S3", bound=AnyState)
_EVERYWHERE = (0, 2**31 - 1)


def _sort(
    found: Iterable[Entry], filters: tuple[Filter, ...]
) -> tuple[list[list[Entry]], list[Entry]]:
    """Put each entry, a path and an object, into the bin of the first filter that selects it.

    Also return what is left. Whatever else is in an entry goes along.
    """
    if not filters:
        return [list(found)], []
    bins: list[list[Entry]] = [[] for _ in filters]
    left: list[Entry] = []
    choices = list(zip(bins, map(to_predicate, filters), strict=True))
    for entry in found:
        for chosen, selects in choices:
            if selects(entry[0], entry[1]):
                chosen.append(entry)
                break
        else:
            left.append(entry)
    return bins, left


def _described(root: Any) -> Description:
    """Describe a graph. A traced function then depends on all that is in it."""
    description = describe(root)
    if current_frame.get() is not None:
        for node in description.nodes:
            note_all(node)
    return description


@overload
def states(node: Any, /) -> StateDict[AnyState]: ...
@overload
def states(node: Any, f1: type[S1], /) -> StateDict[S1]: ...
@overload
def states(node: Any, f1: type[S1], f2: type[S2], /) -> tuple[StateDict[S1], StateDict[S2]]: ...
@overload
def states(
    node: Any, f1: type[S1], f2: type[S2], f3: type[S3], /
) -> tuple[StateDict[S1], StateDict[S2], StateDict[S3]]: ...
@overload
def states(
    node: Any, f1: Filter, /, *, allowed_hierarchy: tuple[int, int] = ...
) -> StateDict[AnyState]: ...
@overload
def states(
    node: Any, f1: Filter, f2: Filter, /, *fs: Filter, allowed_hierarchy: tuple[int, int] = ...
) -> tuple[StateDict[AnyState], ...]: ...
def states(node: Any, /, *filters: Filter, allowed_hierarchy: tuple[int, int] = _EVERYWHERE) -> Any:
    """Return the states of a graph by path: the states themselves, not copies.

    Parameters
    ----------
    node : Node or container
        The root of the graph.
    *filters : Filter
        None for all states; one for those that it selects; several for one collection each, where
        a state goes to the first filter that selects it.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Returns
    -------
    StateDict or tuple of StateDict

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> list(brainlite.graph.states(model, brainlite.ParamState))
    [('Wrz', 'weight'), ('Wh', 'weight')]
    """
    bins, _ = _sort(iter_leaf(node, allowed_hierarchy), filters)
    found = tuple(StateDict[AnyState](each) for each in bins)
    return found if len(filters) > 1 else found[0]


def nodes(node: Any, /, *filters: Filter, allowed_hierarchy: tuple[int, int] = _EVERYWHERE) -> Any:
    """Return the nodes of a graph by path, the root first.

    Parameters
    ----------
    node : Node or container
        The root of the graph.
    *filters : Filter
        As in :func:`states`.
    allowed_hierarchy : (int, int)
        The least and the greatest length of a path.

    Returns
    -------
    dict or tuple of dict

    Examples
    --------
    >>> import brainlite
    >>> list(brainlite.graph.nodes(brainlite.nn.GRUCell(2, 3)))
    [(), ('Wrz',), ('Wh',)]
    """
    bins, _ = _sort(iter_node(node, allowed_hierarchy), filters)
    found = tuple(dict[Path, Node](each) for each in bins)
    return found if len(filters) > 1 else found[0]


@overload
def split(node: M, /) -> tuple[GraphDef[M], StateDict[AnyState]]: ...
@overload
def split(node: M, f1: type[S1], /) -> tuple[GraphDef[M], StateDict[S1]]: ...
@overload
def split(
    node: M, f1: type[S1], f2: type[S2], /
) -> tuple[GraphDef[M], StateDict[S1], StateDict[S2]]: ...
@overload
def split(
    node: M, f1: type[S1], f2: Filter, /
) -> tuple[GraphDef[M], StateDict[S1], StateDict[AnyState]]: ...
@overload
def split(node: M, f1: Filter, /) -> tuple[GraphDef[M], StateDict[AnyState]]: ...
@overload
def split(
    node: M, f1: Filter, f2: Filter, /
) -> tuple[GraphDef[M], StateDict[AnyState], StateDict[AnyState]]: ...
@overload
def split(
    node: M, f1: Filter, f2: Filter, f3: Filter, /
) -> tuple[GraphDef[M], StateDict[AnyState], StateDict[AnyState], StateDict[AnyState]]: ...
@overload
def split(
    node: M, f1: Filter, f2: Filter, f3: Filter, f4: Filter, /, *fs: Filter
) -> tuple[GraphDef[M], *tuple[StateDict[AnyState], ...]]: ...
def split(node: Any, /, *filters: Filter) -> Any:
    """Split a graph into its structure and copies of its states.

    Parameters
    ----------
    node : Node or container
        The root of the graph.
    *filters : Filter
        One collection of states for each filter; together they must select every state (let
        ``...`` be the last one for the rest). Without filters there is one collection.

    Returns
    -------
    tuple
        The :class:`GraphDef`, then one :class:`StateDict` for each filter. A state that is
        shared appears once, under the path where it is met first.

    Raises
    ------
    GraphError
        A state is selected by no filter.

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> graphdef, params, rest = brainlite.graph.split(model, brainlite.ParamState, ...)
    >>> len(params), len(rest)
    (2, 0)
    """
    definition, _, found = _described(node)
    copies = make_states(definition.states, [state.value for state in found])
    if not filters:
        return definition, StateDict[AnyState].__of__(definition.paths, copies)
    bins, left = _sort(zip(definition.paths, found, copies, strict=True), filters)
    if left:
        raise GraphError(
            "some states are selected by no filter",
            expected="filters that together select every state",
            got=f"nothing for {dotted_list(path for path, *_ in left)}",
            fix="pass `...` as the last filter, for the rest",
        )
    return (definition, *(StateDict((path, copy) for path, _, copy in each) for each in bins))


def merge(graphdef: GraphDef[M], /, *states: StateDict[AnyState]) -> M:
    """Make a new graph from a structure and states; the counterpart of :func:`split`.

    Parameters
    ----------
    graphdef : GraphDef
        The structure.
    *states : StateDict
        Together, one state for each that the structure names.

    Returns
    -------
    The root, of the type that was split, with new states that hold the same values.

    Raises
    ------
    GraphError
        A state is missing, given twice, or not part of the structure.

    Examples
    --------
    >>> import brainlite
    >>> twin = brainlite.graph.merge(*brainlite.graph.split(brainlite.nn.Linear(2, 3)))
    >>> twin.out_size
    (3,)
    """
    root: M = build(graphdef, make_states(graphdef.states, _values(graphdef, states)))
    return root


def _values(graphdef: GraphDef[Any], states: tuple[StateDict[AnyState], ...]) -> list[Any]:
    """Return the values of ``states`` in the order of the structure."""
    if len(states) == 1:
        paths, members = states[0].__parts__()
        if paths is graphdef.paths:
            return [state.value for state in members]
    given: dict[Path, AnyState] = {}
    for each in states:
        twice = [path for path in each if path in given]
        if twice:
            raise GraphError(
                "a state was given twice",
                expected="each path in one collection",
                got=dotted_list(twice),
                fix="pass the collections of one split",
            )
        given.update(each)
    if len(given) != len(graphdef.paths) or not all(map(given.__contains__, graphdef.paths)):
        raise _mismatch(graphdef.paths, given)
    return [given[path].value for path in graphdef.paths]


def _mismatch(wanted: tuple[Path, ...], given: Mapping[Path, AnyState]) -> GraphError:
    missing = [path for path in wanted if path not in given]
    extra = [path for path in given if path not in set(wanted)]
    return GraphError(
        "the states do not belong to this structure",
        expected=f"states for {dotted_list(wanted) or 'nothing'}",
        got=f"missing: {dotted_list(missing) or 'none'}; "
        f"unexpected: {dotted_list(extra) or 'none'}",
        fix="pass every collection that split returned, for the same model",
    )


def update_states(node: Any, /, *states: StateDict[AnyState]) -> None:
    """Write the values of ``states`` into the states of a graph, by path. All or none.

    Raises
    ------
    GraphError
        A path names no state of the graph.
    StateValueError
        A value does not fit its state.

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.Linear(2, 3)
    >>> graphdef, before = brainlite.graph.split(model)
    >>> model.weight.value = brainlite.nn.Linear(2, 3).weight.value
    >>> brainlite.graph.update_states(model, before)
    """
    values: dict[Path, Any] = {}
    for each in states:
        values.update(each.to_values())
    StateDict(iter_leaf(node)).assign(values)


def graphdef(node: M, /) -> GraphDef[M]:
    """Return the structure of a graph.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.graph.graphdef(brainlite.nn.Linear(2, 3)).nodes[0].kind.__name__
    'Linear'
    """
    return _described(node).definition


def clone(node: M, /) -> M:
    """Return a copy of a graph: new nodes and states, with the same sharing and values.

    Examples
    --------
    >>> import brainlite
    >>> model = brainlite.nn.Linear(2, 3)
    >>> twin = brainlite.graph.clone(model)
    >>> twin.weight is model.weight
    False
    """
    definition, _, found = _described(node)
    copy: M = build(definition, make_states(definition.states, [state.value for state in found]))
    return copy


def pop_states(node: Any, /, *filters: Filter) -> Any:
    """Take states out of a graph, and return them by path.

    Parameters
    ----------
    node : Node or container
        The root of the graph.
    *filters : Filter
        Which states; at least one.

    Returns
    -------
    StateDict or tuple of StateDict
        As from :func:`states`. The attributes that held them are deleted.

    Raises
    ------
    GraphError
        No filter was given, or a state sits in a tuple.

    Examples
    --------
    >>> import brainlite
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> list(brainlite.graph.pop_states(cell, brainlite.HiddenState)), hasattr(cell, "h")
    ([('h',)], False)
    """
    if not filters:
        raise GraphError(
            "pop_states was asked for nothing",
            expected="at least one filter",
            got="none",
            fix="pass a state type, or `...` for all states",
        )
    popped: Any = states(node, *filters)
    gone = {
        id(state) for each in (popped if len(filters) > 1 else [popped]) for state in each.values()
    }
    # All are found before the first is deleted: an error leaves the graph as it was.
    in_containers: dict[tuple[int, Any], tuple[Any, Any]] = dict(_places(node, gone, ()))
    in_attributes: list[tuple[Node, str]] = []
    for path, owner in iter_node(node):
        for name, value in fields(owner).items():
            if id(value) in gone:
                in_attributes.append((owner, name))
            in_containers.update(_places(value, gone, (*path, name)))
    for owner, name in in_attributes:
        delattr(owner, name)
    for container, key in reversed(in_containers.values()):  # in a list the last one first
        del container[key]
    return popped


def _places(
    value: Any, gone: set[int], path: Path
) -> Iterator[tuple[tuple[int, Any], tuple[Any, Any]]]:
    """Yield (container, key) for each state in nested lists and dicts, after what is its own."""
    for key, item in container_items(value):
        if id(item) not in gone:
            yield from _places(item, gone, (*path, key))
        elif isinstance(value, tuple):
            raise GraphError(
                "a state in a tuple cannot be taken out",
                where=dotted((*path, key)),
                expected="a list or a dict",
                got="a tuple",
                fix="keep the state in a list instead",
            )
        else:
            yield (id(value), key), (value, key)
