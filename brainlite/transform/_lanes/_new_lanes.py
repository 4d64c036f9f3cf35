"""Along which axis states hold the lanes that they were made in."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from brainlite.graph import states, to_predicate
from brainlite.random import RandomState
from brainlite.state._face import AnyState, overwrite, with_axis, without_axis
from brainlite.typing import Filter, Path


def arrange_lanes(
    module: object, before: Mapping[Path, object], axes: Mapping[Any, Filter]
) -> dict[Any, list[Path]]:
    """Move the lanes of states that were made in lanes from axis 0 to where filters say.

    Parameters
    ----------
    module : Node
        What holds the states.
    before : mapping from path to value
        What was there before; what is the same object now was not made.
    axes : mapping from axis, or None, to Filter
        The first filter that selects a state counts; 0 where none does. What None stands for has
        no lanes, and stays.

    Returns
    -------
    dict from axis to list of Path
        The states that were made.
    """
    predicates = [(axis, to_predicate(each)) for axis, each in axes.items()]
    made: dict[Any, list[Path]] = {}
    for path, state in states(module).items():
        if path in before and not _is_other(state, before[path]):
            continue
        axis = next((axis for axis, selects in predicates if selects(path, state)), 0)
        made.setdefault(axis, []).append(path)
        if axis:
            _move_lanes(state, axis)
    return made


def _is_other(state: AnyState, before: object) -> bool:
    """Whether a state was written in lanes: its value is another object."""
    now, then = jax.tree.leaves(state.value), jax.tree.leaves(before)
    same = len(now) == len(then) and all(map(lambda a, b: a is b, now, then))
    return not same and not isinstance(state, RandomState)


def _move_lanes(state: AnyState, axis: int) -> None:
    """Let the lanes of a new state lie along another axis than the first."""
    declared = state.sharding
    state.sharding = None
    overwrite([state], [jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, axis), state.value)])
    if declared is not None:
        state.sharding = with_axis(without_axis(declared, 0), axis)
