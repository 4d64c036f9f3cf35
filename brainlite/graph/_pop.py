"""Take states out of a graph."""

from collections.abc import Iterator
from typing import Any, overload

from typing_extensions import TypeVar

from brainlite.errors import GraphError
from brainlite.graph._contents import container_items, graph_below, path_text
from brainlite.graph._filters import StateFilter
from brainlite.graph._find import states
from brainlite.graph._foreign import node_types
from brainlite.graph._node import fields
from brainlite.graph._state_dict import StateDict
from brainlite.graph._walk import iter_node
from brainlite.state._face import AnyState
from brainlite.typing import Filter, Path

S1 = TypeVar("S1", bound=AnyState, default=AnyState)
S2 = TypeVar("S2", bound=AnyState, default=AnyState)


@overload
def pop_states(node: Any, f1: StateFilter[S1], /) -> StateDict[S1]: ...
@overload
def pop_states(
    node: Any, f1: StateFilter[S1], f2: StateFilter[S2], /
) -> tuple[StateDict[S1], StateDict[S2]]: ...
@overload
def pop_states(
    node: Any, f1: Filter, f2: Filter, f3: Filter, /, *fs: Filter
) -> tuple[StateDict[AnyState], ...]: ...
def pop_states(node: object, /, *filters: Filter) -> object:
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
    in_attributes: list[tuple[Any, str]] = []
    for path, owner in iter_node(node):
        for name, value in fields(owner).items():
            if id(value) in gone:
                in_attributes.append((owner, name))
            else:
                in_containers.update(_places(value, gone, (*path, name)))
    for owner, name in in_attributes:
        _remove(owner, name)
    for container, key in reversed(in_containers.values()):  # in a list the last one first
        del container[key]
    return popped


def _places(
    value: object, gone: set[int], path: Path
) -> Iterator[tuple[tuple[int, Any], tuple[Any, Any]]]:
    """Yield (container, key) for each of the states in a container and those that it holds."""
    for inner, state in graph_below(value, path):
        if id(state) in gone and inner != path:
            holder = value
            for part in inner[len(path) : -1]:
                holder = dict(container_items(holder))[part]
            if not isinstance(holder, list | dict):
                raise GraphError(
                    f"a state in a {type(holder).__name__} cannot be taken out",
                    where=path_text(inner),
                    expected="a list or a dict",
                    got=f"a {type(holder).__name__}",
                    fix="keep the state in a list instead",
                )
            yield (id(holder), inner[-1]), (holder, inner[-1])


def _remove(node: object, name: str) -> None:
    """Delete an attribute of a node."""
    if type(node) in node_types:
        node_types[type(node)].pop_key(node, name)
    else:
        delattr(node, name)
