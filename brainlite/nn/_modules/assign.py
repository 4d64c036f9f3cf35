"""Writing values into a model by path, as far as they are known."""

from collections.abc import Mapping
from typing import Any

import jax

from brainlite._given import own
from brainlite.graph import states
from brainlite.graph._face import dotted
from brainlite.typing import Path


def assign_state_values(
    target: object,
    *state_by_abs_path: Mapping[Any, Any],  # the type of keys is invariant: no Path | str takes all
) -> tuple[list[Path | str], list[Path]]:
    """Write values into the states of a model by path. All that fit a path are written, or none.

    Unlike ``model.load_state_dict`` it writes whole states, those of a run among them, and
    leaves it to the caller what to make of paths without a partner.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    *state_by_abs_path : mapping
        Values by path, as ``model.states().to_values()`` has them, or by dotted name. Later ones
        hold. Numbers and lists become arrays.

    Returns
    -------
    unexpected_keys : list
        What was given for no state.
    missing_keys : list of tuple
        The paths of states for which nothing was given.

    Raises
    ------
    StateValueError
        A value does not fit its state.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> brainlite.nn.assign_state_values(model, model.states().to_values(), {"bias": 0.0})
    (['bias'], [])
    """
    members = states(target)
    names: dict[Any, Path] = {dotted(path): path for path in members}
    names.update({path: path for path in members})
    given: dict[Any, Any] = {}
    for each in state_by_abs_path:
        given.update(each)
    found = {names[key]: value for key, value in given.items() if key in names}
    values = {path: _to_arrays(members[path].value, value) for path, value in found.items()}
    members.assign(values)
    unexpected = [key for key in given if key not in names]
    return unexpected, [path for path in members if path not in values]


def _to_arrays(old: Any, value: Any) -> Any:
    try:
        return jax.tree.map(lambda _, new: own(new), old, value)
    except (TypeError, ValueError):  # it has another structure: to write it is an error
        return value
