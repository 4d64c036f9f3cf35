"""Whole models in lanes: states that hold one value for each of many runs of one model."""

from collections.abc import Mapping, Sequence
from typing import Any, overload

from typing_extensions import TypeVar

from brainlite.graph import Not, states
from brainlite.nn._modules.collective import call_all_fns
from brainlite.random import RandomState
from brainlite.transform import vmap_new_states
from brainlite.transform._face import MappedStates, axes_of
from brainlite.typing import Filter

M = TypeVar("M")


def vmap_call_all_fns(
    target: M,
    fn_name: str,
    args: Sequence[Any] | Any = (),
    kwargs: Mapping[str, Any] | None = None,
    axis_size: int | None = None,
    node_to_exclude: Filter = None,
    state_tag: str | None = None,
    fn_if_not_exist: str = "raise",
    *,
    state_to_exclude: Filter = None,
    in_states: MappedStates = None,
) -> M:
    """Call a method of every module in lanes: each state that it makes or writes holds them all.

    Such a state gets one value for each lane, along axis 0, and each lane draws random numbers of
    its own. The states that are there before are read as they are, the same in each lane.

    Parameters
    ----------
    target, fn_name, args, kwargs, node_to_exclude, fn_if_not_exist
        As in :func:`call_all_fns`.
    axis_size : int, optional
        The number of lanes, 1 or more. Without it, it is that of ``in_states``.
    state_tag : str, optional
        A tag that the new states get, by which a filter can select them.
    state_to_exclude : Filter
        States that all lanes share; see :func:`brainlite.transform.vmap_new_states`.
    in_states : states, or dict from axis to states, optional
        States that hold one value for each lane before, along axis 0 or the one that is their key.

    Returns
    -------
    The model.

    Raises
    ------
    ArgumentError
        There is neither ``axis_size`` nor ``in_states``.
    OptionError
        An option has a value that it cannot have.
    MapStateError
        An excluded state gets a different value in each lane.
    FilterError
        ``state_to_exclude`` is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.GRUCell(2, 3)
    >>> cell = brainlite.nn.vmap_call_all_fns(cell, "init_state", axis_size=4)
    >>> cell.h.value.shape
    (4, 3)
    """
    mapped = axes_of(in_states, "in_states")
    known = states(target, Not((RandomState, state_to_exclude, lambda _, s: s in mapped)))

    @vmap_new_states(
        axis_size=axis_size,
        state_tag=state_tag,
        state_to_exclude=state_to_exclude,
        in_states=in_states,
        out_states=list(known.values()),
    )
    def run() -> None:
        call_all_fns(target, fn_name, args, kwargs, node_to_exclude, fn_if_not_exist)

    run()
    return target


@overload
def vmap_init_all_states(
    target: M,
    *init_args: object,
    axis_size: int,
    node_to_exclude: Filter = None,
    state_to_exclude: Filter = None,
    state_tag: str | None = None,
    in_states: MappedStates = None,
    **init_kwargs: object,
) -> M: ...
@overload
def vmap_init_all_states(
    target: M,
    *init_args: object,
    axis_size: None = None,
    in_states: MappedStates,
    node_to_exclude: Filter = None,
    state_to_exclude: Filter = None,
    state_tag: str | None = None,
    **init_kwargs: object,
) -> M: ...
def vmap_init_all_states(
    target: M,
    *init_args: object,
    axis_size: int | None = None,
    node_to_exclude: Filter = None,
    state_to_exclude: Filter = None,
    state_tag: str | None = None,
    in_states: MappedStates = None,
    **init_kwargs: object,
) -> M:
    """Make the states of a model in lanes, by :func:`vmap_call_all_fns` of ``init_state``.

    Parameters
    ----------
    target : Node, or containers of nodes
        The model.
    *init_args, **init_kwargs
        What each ``init_state`` gets.
    axis_size : int, optional
        The number of lanes. Without it, it is that of ``in_states``.
    node_to_exclude, state_to_exclude, state_tag
        As for :func:`vmap_call_all_fns`.
    in_states : states, or dict from axis to states, optional
        States that hold one value for each lane, from which the new ones are made.

    Returns
    -------
    target

    Raises
    ------
    ArgumentError
        There is neither ``axis_size`` nor ``in_states``.

    Examples
    --------
    >>> cell = brainlite.nn.vmap_init_all_states(brainlite.nn.GRUCell(2, 3), axis_size=4)
    >>> cell.h.value.shape
    (4, 3)
    """
    return vmap_call_all_fns(
        target,
        "init_state",
        init_args,
        init_kwargs,
        axis_size,
        node_to_exclude,
        state_tag,
        "pass",
        state_to_exclude=state_to_exclude,
        in_states=in_states,
    )


def vmap_reset_all_states(
    target: M,
    *reset_args: object,
    axis_size: int,
    node_to_exclude: Filter = None,
    state_tag: str | None = None,
    **reset_kwargs: object,
) -> M:
    """Set the states of a model back in lanes, by :func:`vmap_call_all_fns` of ``reset_state``.

    Parameters
    ----------
    target : Node, or containers of nodes
        The model.
    *reset_args, **reset_kwargs
        What each ``reset_state`` gets.
    axis_size, node_to_exclude, state_tag
        As for :func:`vmap_call_all_fns`.

    Returns
    -------
    target

    Examples
    --------
    >>> cell = brainlite.nn.vmap_init_all_states(brainlite.nn.GRUCell(2, 3), axis_size=4)
    >>> brainlite.nn.vmap_reset_all_states(cell, axis_size=4).h.value.shape
    (4, 3)
    """
    return vmap_call_all_fns(
        target,
        "reset_state",
        reset_args,
        reset_kwargs,
        axis_size,
        node_to_exclude,
        state_tag,
        "pass",
    )
