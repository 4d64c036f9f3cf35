"""Vectorisation over states that filters select: ``vmap2``."""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

from typing_extensions import ParamSpec, TypeVar

from brainlite.graph import Node, states, to_predicate
from brainlite.state import State
from brainlite.transform._engine._reach import explore
from brainlite.transform._engine._transformed import Transformed
from brainlite.transform._lanes._vmap import Axes, vmap
from brainlite.typing import Filter

P = ParamSpec("P")
R = TypeVar("R")

FilterByAxis: TypeAlias = Filter | Mapping[int, Filter]


def vmap2(
    fn: Callable[P, R],
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: object = None,
    state_in_axes: FilterByAxis = None,
    state_out_axes: FilterByAxis = None,
) -> Callable[P, R]:
    """Return a function that maps ``fn`` over an axis, also of the states that filters select.

    It is :func:`vmap` with filters in place of ``in_states`` and ``out_states``. They choose among
    the states of all modules, and the states, that ``fn`` holds: of a module or a bound method
    these are its own, of a function those of its variables. They are looked up at each call.

    Parameters
    ----------
    fn : callable
        The function of one lane.
    in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As in :func:`vmap`.
    state_in_axes : Filter, or dict from axis to Filter, optional
        The states that hold one value for each lane, along axis 0 or along the axis that is the
        key of their filter; of several, the first that selects a state counts. Paths are those
        from the module that ``fn`` holds.
    state_out_axes : Filter, or dict from axis to Filter, optional
        The states that get one value for each lane, likewise. Those that come in with lanes and are
        written need not be named again.

    Returns
    -------
    callable
        With the signature of ``fn``.

    Raises
    ------
    MapStateError
        A state that no filter selects gets a different value in each lane, or has no such axis.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3), batch_size=4)
    >>> step = vmap2(cell, state_in_axes={0: brainlite.HiddenState})
    >>> step(jnp.ones((4, 2))).shape
    (4, 3)
    """
    given = dict(locals())

    def mapped(*args: P.args, **kwargs: P.kwargs) -> R:
        run = vmap(
            fn,
            in_axes=in_axes,
            out_axes=out_axes,
            axis_name=axis_name,
            axis_size=axis_size,
            spmd_axis_name=spmd_axis_name,
            in_states=_selected(fn, state_in_axes),
            out_states=_selected(fn, state_out_axes),
        )
        return run(*args, **kwargs)

    return Transformed(vmap2, fn, mapped, given)


def _selected(fun: object, filters: FilterByAxis) -> dict[int, list[State[Any]]] | None:
    """Return the states that a function holds and filters select, by axis."""
    if filters is None:
        return None
    by_axis: Mapping[int, Filter] = filters if isinstance(filters, Mapping) else {0: filters}
    predicates = [(axis, to_predicate(each)) for axis, each in by_axis.items()]
    axes: dict[State[Any], int] = {}
    for root in _held(fun):
        found = states(root).items() if isinstance(root, Node) else [((), root)]
        for path, state in found:
            axis = next((axis for axis, selects in predicates if selects(path, state)), None)
            if axis is not None:
                axes.setdefault(state, axis)
    return {axis: [s for s, own in axes.items() if own == axis] for axis in by_axis}


def _held(fun: object) -> list[Any]:
    """Return the modules and states that a function holds, what it is bound to first."""
    while isinstance(fun, functools.partial | Transformed):
        fun = fun.func if isinstance(fun, functools.partial) else fun.fun
    bound = [getattr(fun, "__self__", None), fun]
    things = [*bound, *explore(fun).objects.values()]
    return [each for each in things if isinstance(each, Node | State)]
