"""Whole models in lanes: states that hold one value for each of many runs of one model."""

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import TypeVar

from brainlite.graph import Not, states
from brainlite.nn._modules.collective import call_all_fns
from brainlite.random import RandomState
from brainlite.transform import vmap_new_states
from brainlite.typing import Filter

M = TypeVar("M")


def vmap_call_all_fns(
    target: M,
    fn_name: str,
    args: Sequence[Any] | Any = (),
    kwargs: Mapping[str, Any] | None = None,
    axis_size: int = 0,
    node_to_exclude: Filter = None,
    state_tag: str | None = None,
    fn_if_not_exist: str = "raise",
    *,
    state_to_exclude: Filter = None,
) -> M:
    """Call a method of every module in lanes: each state that it makes or writes holds them all.

    Such a state gets one value for each lane, along axis 0, and each lane draws random numbers of
    its own. The states that are there before are read as they are, the same in each lane.

    Parameters
    ----------
    target, fn_name, args, kwargs, node_to_exclude, fn_if_not_exist
        As in :func:`call_all_fns`.
    axis_size : int
        The number of lanes, 1 or more.
    state_tag : str, optional
        A tag that the new states get, by which a filter can select them.
    state_to_exclude : Filter
        States that all lanes share; see :func:`brainlite.transform.vmap_new_states`.

    Returns
    -------
    The model.

    Raises
    ------
    OptionError
        There is no ``axis_size``, or an option has a value that it cannot have.
    MapStateError
        An excluded state gets a different value in each lane.

    Examples
    --------
    >>> cell = brainlite.nn.GRUCell(2, 3)
    >>> cell = brainlite.nn.vmap_call_all_fns(cell, "init_state", axis_size=4)
    >>> cell.h.value.shape
    (4, 3)
    """
    known = states(target, Not((RandomState, state_to_exclude)))

    @vmap_new_states(
        axis_size=axis_size,
        state_tag=state_tag,
        state_to_exclude=state_to_exclude,
        out_states=list(known.values()),
    )
    def run() -> None:
        call_all_fns(target, fn_name, args, kwargs, node_to_exclude, fn_if_not_exist)

    run()
    return target


def vmap_init_all_states(
    target: M,
    *init_args: object,
    axis_size: int,
    node_to_exclude: Filter = None,
    state_to_exclude: Filter = None,
    state_tag: str | None = None,
    **init_kwargs: object,
) -> M:
    """Make the states of a model in lanes, by :func:`vmap_call_all_fns` of ``init_state``.

    Parameters
    ----------
    target : Node, or containers of nodes
        The model.
    *init_args, **init_kwargs
        What each ``init_state`` gets.
    axis_size, node_to_exclude, state_to_exclude, state_tag
        As for :func:`vmap_call_all_fns`.

    Returns
    -------
    target

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
