"""Find states and nodes in a graph."""

from typing import Any, TypeAlias, overload

from typing_extensions import TypeVar

from brainlite.graph._filters import StateFilter, sort
from brainlite.graph._node import Node
from brainlite.graph._state_dict import NestedDict, StateDict
from brainlite.graph._walk import iter_leaf, iter_node
from brainlite.state._face import AnyState
from brainlite.typing import Filter, Path

# By default any state: what a filter that is no type selects.
S1 = TypeVar("S1", bound=AnyState, default=AnyState)
S2 = TypeVar("S2", bound=AnyState, default=AnyState)
S3 = TypeVar("S3", bound=AnyState, default=AnyState)
N1 = TypeVar("N1")
N2 = TypeVar("N2")
Hierarchy: TypeAlias = tuple[int, int]
_EVERYWHERE = (0, 2**31 - 1)


@overload
def states(node: object, *, allowed_hierarchy: Hierarchy = ...) -> StateDict[AnyState]: ...
@overload
def states(
    node: object, f1: StateFilter[S1], /, *, allowed_hierarchy: Hierarchy = ...
) -> StateDict[S1]: ...
@overload
def states(
    node: object,
    f1: StateFilter[S1],
    f2: StateFilter[S2],
    /,
    *,
    allowed_hierarchy: Hierarchy = ...,
) -> tuple[StateDict[S1], StateDict[S2]]: ...
@overload
def states(
    node: object,
    f1: StateFilter[S1],
    f2: StateFilter[S2],
    f3: StateFilter[S3],
    /,
    *,
    allowed_hierarchy: Hierarchy = ...,
) -> tuple[StateDict[S1], StateDict[S2], StateDict[S3]]: ...
@overload
def states(
    node: object, f1: Filter, f2: Filter, /, *fs: Filter, allowed_hierarchy: Hierarchy = ...
) -> tuple[StateDict[AnyState], ...]: ...
def states(node: object, *filters: Filter, allowed_hierarchy: Hierarchy = _EVERYWHERE) -> object:
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

    Raises
    ------
    FilterError
        One of them is no filter.

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> list(brainlite.graph.states(model, brainlite.ParamState))
    [('Wrz', 'weight'), ('Wh', 'weight')]
    """
    bins, _ = sort(iter_leaf(node, allowed_hierarchy), filters)
    found = tuple(StateDict[AnyState](each) for each in bins)
    return found if len(filters) > 1 else found[0]


# A type is a filter too: of the two overloads that take one, the exact one comes first.
@overload
def nodes(node: object, *, allowed_hierarchy: Hierarchy = ...) -> dict[Path, Node]: ...
@overload
def nodes(  # pyright: ignore[reportOverlappingOverload]  # on purpose: see above
    node: Any, f1: type[N1], /, *, allowed_hierarchy: Hierarchy = ...
) -> dict[Path, N1]: ...
@overload
def nodes(  # pyright: ignore[reportOverlappingOverload]  # on purpose: see above
    node: Any, f1: type[N1], f2: type[N2], /, *, allowed_hierarchy: Hierarchy = ...
) -> tuple[dict[Path, N1], dict[Path, N2]]: ...
@overload
def nodes(node: Any, f1: Filter, /, *, allowed_hierarchy: Hierarchy = ...) -> dict[Path, Node]: ...
@overload
def nodes(
    node: Any, f1: Filter, f2: Filter, /, *fs: Filter, allowed_hierarchy: Hierarchy = ...
) -> tuple[dict[Path, Node], ...]: ...
def nodes(node: object, *filters: Filter, allowed_hierarchy: Hierarchy = _EVERYWHERE) -> object:
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
        Typed by the filters where they are types: ``nodes(model, Linear)`` is a
        ``dict[Path, Linear]``.

    Raises
    ------
    FilterError
        One of them is no filter.

    Examples
    --------
    >>> list(brainlite.graph.nodes(brainlite.nn.GRUCell(2, 3)))
    [(), ('Wrz',), ('Wh',)]
    """
    bins, _ = sort(iter_node(node, allowed_hierarchy), filters)
    found = tuple(dict[Path, Node](each) for each in bins)
    return found if len(filters) > 1 else found[0]


@overload
def treefy_states(node: object) -> NestedDict[AnyState]: ...
@overload
def treefy_states(node: object, f1: StateFilter[S1], /) -> NestedDict[S1]: ...
@overload
def treefy_states(
    node: object, f1: Filter, f2: Filter, /, *fs: Filter
) -> tuple[NestedDict[AnyState], ...]: ...
def treefy_states(node: object, *filters: Filter) -> object:
    """Return the states of a graph in nested mappings: the states themselves, not copies.

    Parameters
    ----------
    node : Node or container
        The root of the graph.
    *filters : Filter
        Which states, as for :func:`states`.

    Returns
    -------
    NestedDict, or one for each of several filters

    Examples
    --------
    >>> found = brainlite.graph.treefy_states(brainlite.nn.GRUCell(2, 3))
    >>> found["Wh"]["weight"].value["bias"].shape
    (3,)
    """
    found: Any = states(node, *filters)
    return tuple(each.to_nest() for each in found) if len(filters) > 1 else found.to_nest()
