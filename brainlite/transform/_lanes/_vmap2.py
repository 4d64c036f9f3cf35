"""Vectorisation over states that filters select: ``vmap2`` and ``vmap2_new_states``."""

import functools
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeAlias, overload

from typing_extensions import ParamSpec, TypeVar

from brainlite.errors import MapStateError, OptionError
from brainlite.graph import Node, Not, states, to_predicate
from brainlite.random import RandomState
from brainlite.state import State
from brainlite.state._face import AnyState
from brainlite.transform._engine._reach import explore
from brainlite.transform._engine._transformed import SameSignature, Transformed
from brainlite.transform._lanes._axes import Axes
from brainlite.transform._lanes._new_lanes import arrange_lanes
from brainlite.transform._lanes._vmap import vmap
from brainlite.transform._lanes._vmap_new_states import vmap_new_states
from brainlite.typing import Filter, PyTree

P = ParamSpec("P")
R = TypeVar("R")

FilterByAxis: TypeAlias = Filter | Mapping[int, Filter]
# Keys of a mapping are invariant: one of None alone is neither of the others.
OutFilterByAxis: TypeAlias = FilterByAxis | Mapping[None, Filter] | Mapping[int | None, Filter]


class Initialised(Protocol):
    """A module, whose states are made by its ``init_all_states``."""

    def init_all_states(self, *args: PyTree, **kwargs: Any) -> object:
        """Make the states of the module and all below."""


@overload
def vmap2(
    fn: Callable[P, R],
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    state_in_axes: FilterByAxis = None,
    state_out_axes: FilterByAxis = None,
    unexpected_out_state_mapping: str = "raise",
) -> Callable[P, R]: ...
@overload
def vmap2(
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    state_in_axes: FilterByAxis = None,
    state_out_axes: FilterByAxis = None,
    unexpected_out_state_mapping: str = "raise",
) -> SameSignature: ...
def vmap2(
    fn: Callable[..., object] | None = None,
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    state_in_axes: FilterByAxis = None,
    state_out_axes: FilterByAxis = None,
    unexpected_out_state_mapping: str = "raise",
) -> object:
    """Return a function that maps ``fn`` over an axis, also of the states that filters select.

    It is :func:`vmap` with filters in place of ``in_states`` and ``out_states``. They choose among
    the states of all modules, and the states, that ``fn`` holds: of a module or a bound method
    these are its own, of a function those of its variables. They are looked up at each call.

    Parameters
    ----------
    fn : callable
        The function of one lane. Without it, ``vmap2`` is a decorator.
    in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As in :func:`vmap`.
    state_in_axes : Filter, or dict from axis to Filter, optional
        The states that hold one value for each lane, along axis 0 or along the axis that is the
        key of their filter; of several, the first that selects a state counts. Paths are those
        from the module that ``fn`` holds.
    state_out_axes : Filter, or dict from axis to Filter, optional
        The states that get one value for each lane, likewise. Those that come in with lanes and are
        written need not be named again.
    unexpected_out_state_mapping : {'raise'}
        What becomes of a state that no filter selects and that gets a different value in each
        lane: axes are never guessed.

    Returns
    -------
    callable
        With the signature of ``fn``.

    Raises
    ------
    MapStateError
        A state that no filter selects gets a different value in each lane, or has no such axis; or
        a filter, other than None, selects no state.
    OptionError
        Axes of states are to be guessed.
    ArgumentError
        As in :func:`vmap`.
    FilterError
        What should select states is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3), batch_size=4)
    >>> step = vmap2(cell, state_in_axes={0: brainlite.HiddenState})
    >>> step(jnp.ones((4, 2))).shape
    (4, 3)
    """
    given = dict(locals())
    _check_unexpected(unexpected_out_state_mapping)

    def decorate(fn: Callable[..., object]) -> Transformed:
        def mapped(*args: object, **kwargs: object) -> PyTree:
            run: Callable[..., object] = vmap(
                fn,
                in_axes=in_axes,
                out_axes=out_axes,
                axis_name=axis_name,
                axis_size=axis_size,
                spmd_axis_name=spmd_axis_name,
                in_states=_selected(fn, state_in_axes, "state_in_axes"),
                out_states=_selected(fn, state_out_axes, "state_out_axes"),
            )
            return run(*args, **kwargs)

        return Transformed(vmap2, fn, mapped, given)

    return decorate if fn is None else decorate(fn)


def vmap2_new_states(
    module: Initialised,
    init_kwargs: Mapping[str, object],
    state_tag: str | None = None,
    axis_size: int | None = None,
    state_out_axes: OutFilterByAxis = None,
    spmd_axis_name: Hashable | None = None,
) -> dict[int | None, list[AnyState]]:
    """Make the states of a module in lanes, along axes that filters choose.

    Parameters
    ----------
    module : Module
        What has ``init_all_states``.
    init_kwargs : dict
        The keyword arguments for it.
    state_tag : str, optional
        A tag that the new states get.
    axis_size : int
        The number of lanes, 1 or more.
    state_out_axes : Filter, or dict from axis to Filter, optional
        Along which axis the new states hold the lanes; None is for those that all lanes share. Of
        several filters the first that selects a state counts; what none selects has axis 0.
    spmd_axis_name : optional
        As in :func:`vmap`.

    Returns
    -------
    dict from axis to list of State
        The states that were made.

    Raises
    ------
    MapStateError
        A state that the lanes are to share gets a different value in each.
    OptionError
        There is no ``axis_size``.
    FilterError
        ``state_to_exclude`` is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.LSTMCell(2, 3)
    >>> made = vmap2_new_states(
    ...     cell, {}, axis_size=5, state_out_axes={1: brainlite.graph.PathContains("c")}
    ... )
    >>> cell.h.value.shape, cell.c.value.shape, made[1] == [cell.c]
    ((5, 3), (3, 5), True)
    """
    axes = _by_axis(state_out_axes)
    shared: Filter = axes.get(None)
    before = states(module).to_values()

    @vmap_new_states(
        axis_size=axis_size,
        state_tag=state_tag,
        state_to_exclude=shared,
        spmd_axis_name=spmd_axis_name,
        out_states=list(states(module, Not((RandomState, shared))).values()),
    )
    def init() -> None:
        module.init_all_states(**init_kwargs)

    init()
    every = states(module)
    made = arrange_lanes(module, before, axes)
    return {axis: [every[path] for path in paths] for axis, paths in made.items()}


def _by_axis(filters: Any) -> Mapping[Any, Filter]:
    if filters is None:
        return {}
    return filters if isinstance(filters, Mapping) else {0: filters}


def _check_unexpected(mapping: str) -> None:
    """Raise for any other wish than to raise: axes are not guessed."""
    if mapping == "raise":
        return
    raise OptionError(
        "vmap2 guesses no axes of states",
        expected="unexpected_out_state_mapping='raise'",
        got=f"unexpected_out_state_mapping={mapping!r}",
        fix="leave it out, and name the states that get a value in each lane: "
        "`state_out_axes={0: ...}` with a filter",
    )


def _selected(fun: object, filters: FilterByAxis, name: str) -> dict[int, list[AnyState]] | None:
    """Return the states that a function holds and filters select, by axis."""
    by_axis = _by_axis(filters)
    predicates = [(axis, to_predicate(each)) for axis, each in by_axis.items()]
    axes: dict[AnyState, int] = {}
    chosen: set[int] = set()
    held = _held(fun) if predicates else []
    for root in held:
        found = states(root).items() if isinstance(root, Node) else [((), root)]
        for path, state in found:
            selecting = [axis for axis, selects in predicates if selects(path, state)]
            chosen.update(selecting)
            if selecting:
                axes.setdefault(state, selecting[0])
    for axis, each in by_axis.items():
        if axis not in chosen and each is not None:
            raise _nothing_selected(fun, name, axis, each, held)
    return {axis: [s for s, own in axes.items() if own == axis] for axis in by_axis}


def _nothing_selected(
    fun: object, name: str, axis: int, chosen: object, held: list[PyTree]
) -> MapStateError:
    """Return the error for a filter that selects none of the states that a function holds."""
    kinds = {type(s).__name__ for root in held for s in states([root]).values()}
    return MapStateError(
        f"a filter in {name} of vmap2 selects no state",
        where=getattr(fun, "__qualname__", None) or type(fun).__name__,
        expected=f"states for axis {axis}: {chosen!r}",
        got=f"a function that holds {', '.join(sorted(kinds)) or 'no states'}",
        fix="make the states first (`init_all_states`), let the function hold the module itself, "
        "or leave the filter out",
    )


def _held(fun: object) -> list[PyTree]:
    """Return the modules and states that a function holds, what it is bound to first."""
    while isinstance(fun, functools.partial | Transformed):
        fun = fun.func if isinstance(fun, functools.partial) else fun.fun
    bound = [getattr(fun, "__self__", None), fun]
    things = [*bound, *explore(fun).objects.values()]
    return [each for each in things if isinstance(each, Node | State)]
