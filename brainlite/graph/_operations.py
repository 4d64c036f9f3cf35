"""Split, merge, update, clone: what one does with a whole object graph."""

from collections.abc import Mapping
from typing import Any, TypeAlias, overload

from typing_extensions import TypeVar

from brainlite.display._face import Construction, construction_of
from brainlite.errors import GraphError
from brainlite.graph._contents import dotted_list
from brainlite.graph._filters import StateFilter, sort
from brainlite.graph._graphdef import Described, GraphDef, build, describe
from brainlite.graph._node import Node, note_all
from brainlite.graph._state_dict import NestedDict, StateDict
from brainlite.graph._walk import iter_leaf
from brainlite.state._face import AnyState, current_frame, make_states
from brainlite.typing import Filter, Path

States: TypeAlias = StateDict[AnyState] | NestedDict[AnyState]
M = TypeVar("M")
S1 = TypeVar("S1", bound=AnyState, default=AnyState)
S2 = TypeVar("S2", bound=AnyState, default=AnyState)
S3 = TypeVar("S3", bound=AnyState, default=AnyState)


def _described(root: object) -> Described:
    """Describe a graph. A traced function then depends on all that is in it."""
    description = describe(root)
    if current_frame.get() is not None:
        for node in description.nodes:
            note_all(node)
    return description


@overload
def split(node: M) -> tuple[GraphDef[M], StateDict[AnyState]]: ...
@overload
def split(node: M, f1: StateFilter[S1], /) -> tuple[GraphDef[M], StateDict[S1]]: ...
@overload
def split(
    node: M, f1: StateFilter[S1], f2: StateFilter[S2], /
) -> tuple[GraphDef[M], StateDict[S1], StateDict[S2]]: ...
@overload
def split(
    node: M, f1: StateFilter[S1], f2: StateFilter[S2], f3: StateFilter[S3], /
) -> tuple[GraphDef[M], StateDict[S1], StateDict[S2], StateDict[S3]]: ...
@overload
def split(
    node: M, f1: Filter, f2: Filter, f3: Filter, f4: Filter, /, *fs: Filter
) -> tuple[GraphDef[M], *tuple[StateDict[AnyState], ...]]: ...
def split(node: object, *filters: Filter) -> object:
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
    FilterError
        One of them is no filter.

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> graphdef, params, rest = brainlite.graph.split(model, brainlite.ParamState, ...)
    >>> len(params), len(rest)
    (2, 0)
    """
    definition, _, found = _described(node)
    copies = make_states(definition.states, [state.value for state in found])
    if not filters:
        return definition, StateDict[AnyState].__of__(definition.paths, copies)
    bins, left = sort(zip(definition.paths, found, copies, strict=True), filters)
    if left:
        raise GraphError(
            "some states are selected by no filter",
            expected="filters that together select every state",
            got=f"nothing for {dotted_list(path for path, *_ in left)}",
            fix="pass `...` as the last filter, for the rest",
        )
    return (definition, *(StateDict((path, copy) for path, _, copy in each) for each in bins))


def merge(graphdef: GraphDef[M], /, *states: States) -> M:
    """Make a new graph from a structure and states; the counterpart of :func:`split`.

    Parameters
    ----------
    graphdef : GraphDef
        The structure.
    *states : StateDict or NestedDict
        Together, one state for each that the structure names. Their values may have any shape: the
        structure knows none.

    Returns
    -------
    The root, of the type that was split, with new states that hold the same values.

    Raises
    ------
    GraphError
        A state is missing, given twice, or not part of the structure.

    Examples
    --------
    >>> twin = brainlite.graph.merge(*brainlite.graph.split(brainlite.nn.Linear(2, 3)))
    >>> twin.out_size
    (3,)
    """
    values = _values(graphdef, list(map(_flat, states)))
    return build(graphdef, make_states(graphdef.states, values))


def _flat(states: States) -> StateDict[AnyState]:
    """Return states by path, from any of the collections that hold them."""
    given: Any = states
    flat: Any = given.to_flat() if isinstance(given, NestedDict) else given
    if isinstance(flat, StateDict):
        found: StateDict[AnyState] = flat
        return found
    raise GraphError(
        "this is no collection of states",
        expected="a StateDict, as split and states return it",
        got=f"a {type(given).__name__}",
        fix="to write plain values by path, use `states(model).assign(values)`",
    )


def _values(graphdef: GraphDef[Any], states: list[StateDict[AnyState]]) -> list[Any]:
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
    """Return the error for values whose paths are not those of the graph."""
    missing = [path for path in wanted if path not in given]
    extra = [path for path in given if path not in set(wanted)]
    return GraphError(
        "the states do not belong to this structure",
        expected=f"states for {dotted_list(wanted) or 'nothing'}",
        got=f"missing: {dotted_list(missing) or 'none'}; "
        f"unexpected: {dotted_list(extra) or 'none'}",
        fix="pass every collection that split returned, for the same model",
    )


def update_states(node: object, /, *states: States) -> None:
    """Write the values of ``states`` into the states of a graph, by path. All or none.

    Parameters
    ----------
    node : Node, or containers of nodes
        What is written to.
    *states : StateDict, or mapping of paths to values
        What to write.

    Raises
    ------
    GraphError
        A path names no state of the graph.
    StateValueError
        A value does not fit its state.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 3)
    >>> graphdef, before = brainlite.graph.split(model)
    >>> model.weight.value = brainlite.nn.Linear(2, 3).weight.value
    >>> brainlite.graph.update_states(model, before)
    """
    values: dict[Path, Any] = {}
    for each in states:
        values.update(_flat(each).to_values())
    StateDict(iter_leaf(node)).assign(values)


def graphdef(node: M) -> GraphDef[M]:
    """Return the structure of a graph.

    Parameters
    ----------
    node : Node, or containers of nodes
        What to describe.

    Returns
    -------
    GraphDef

    Examples
    --------
    >>> brainlite.graph.graphdef(brainlite.nn.Linear(2, 3)).nodes[0].kind.__name__
    'Linear'
    """
    return _described(node).definition


def clone(node: M) -> M:
    """Return a copy of a graph: new nodes and states, with the same sharing and values.

    Parameters
    ----------
    node : Node, or containers of nodes
        What to copy.

    Returns
    -------
    of the same type, with states of its own

    Raises
    ------
    GraphError
        A container in it cannot be made anew: its type takes other arguments than its items.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 3)
    >>> twin = brainlite.graph.clone(model)
    >>> twin.weight is model.weight
    False
    """
    definition, _, found = _described(node)
    copy: M = build(definition, make_states(definition.states, [state.value for state in found]))
    return copy


@construction_of.register(Node)
def _construction_of(node: Node) -> Construction:
    return Construction(merge, split(node))
