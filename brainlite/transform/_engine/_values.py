"""What may go into a transform and come out of it: arrays and numbers, in containers."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import valid_jaxtype
from brainlite.errors import ArgumentError, ResultError
from brainlite.graph._face import NodeBase
from brainlite.state import State
from brainlite.state._face import summary

_ARRAYS = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)


def _is_value(leaf: object) -> bool:
    return isinstance(leaf, (*_ARRAYS, jax.ShapeDtypeStruct)) or valid_jaxtype(leaf)


def _kind(leaf: object) -> str:
    if isinstance(leaf, str | bytes):
        return repr(leaf)
    name = type(leaf).__name__
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"


def check_result(out: object, label: str, within: int = 0) -> None:
    """Raise if a traced function returns anything that is not made of arrays.

    Parameters
    ----------
    out : pytree
        What it returns.
    label : str
        The name of the transform.
    within : int
        How many containers around the user's result are the engine's.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(out):
        if _is_value(leaf):
            continue
        fix = "return arrays, and keep other values outside"
        if isinstance(leaf, NodeBase | State):
            fix = "return its values; the object itself is changed in place and need not come back"
        raise ResultError(
            f"the function under {label} returns something that is no array",
            where=f"result{jax.tree_util.keystr(path[within:])}",
            expected="arrays and numbers, in tuples, lists and dicts",
            got=_kind(leaf),
            fix=fix,
        )


def are_values(tree: object) -> bool:
    """Say whether something is made of arrays and numbers."""
    return all(map(_is_value, jax.tree.leaves(tree)))


def check_arguments(by_name: Mapping[str, Any], label: str) -> None:
    """Raise if any of the arguments, by name, is not made of arrays."""
    for name, value in by_name.items():
        for path, leaf in jax.tree_util.tree_leaves_with_path(value):
            if _is_value(leaf):
                continue
            fix = "pass arrays; let the function close over other values, or make them static"
            if isinstance(leaf, NodeBase | State):
                fix = "pass a module by position and on its own, or let the function close over it"
            raise ArgumentError(
                f"{label} cannot take this argument",
                where=f"argument {name}{jax.tree_util.keystr(path)}",
                expected="arrays and numbers, in tuples, lists and dicts",
                got=_kind(leaf),
                fix=fix,
            )


def check_number(value: Any, name: str, label: str, *, whole: bool = False) -> None:
    """Raise unless ``value`` is one number, or truth value, that a transform can decide by."""
    known = hasattr(value, "dtype") or _is_value(value)
    if known and getattr(value, "shape", ()) == ():
        dtype = value.dtype if hasattr(value, "dtype") else jnp.result_type(value)
        if not whole or any(jnp.issubdtype(dtype, kind) for kind in (jnp.integer, jnp.bool_)):
            return
    raise ArgumentError(
        f"{label} cannot decide by this",
        where=name,
        expected="one whole number" if whole else "one truth value, or one number",
        got=summary(value) if known else _kind(value),
        fix="reduce an array with .all() or .any(); let vmap choose for each lane",
    )


def check_lanes(
    arguments: Mapping[str, tuple[Any, Any]],
    states: Sequence[tuple[str, Any, int]],
    axis_size: int | None,
) -> None:
    """Raise unless all that is mapped has one number of lanes.

    Parameters
    ----------
    arguments : mapping
        The name of a mapped argument -> its axis, and its value. Axes that are no whole number
        are left to jax.
    states : sequence
        Path, value and axis of each mapped state.
    axis_size : int, optional
        The number of lanes that was asked for.
    """
    sizes: dict[str, int] = {} if axis_size is None else {"axis_size": axis_size}
    whole = True
    for name, (axis, value) in arguments.items():
        if not isinstance(axis, int):
            whole = False
        else:
            for path, leaf in jax.tree_util.tree_leaves_with_path(value):
                where = f"argument {name}{jax.tree_util.keystr(path)}"
                sizes[where] = _size(where, np.shape(leaf), axis, leaf)
    for name, value, axis in states:
        for leaf in jax.tree.leaves(value):
            sizes[name] = np.shape(leaf)[axis]
    if len(set(sizes.values())) > 1:
        raise ArgumentError(
            "what vmap maps over differs in the number of lanes",
            expected="one size along the mapped axes",
            got=", ".join(f"{size} in {name}" for name, size in sizes.items()),
            fix="pass arrays of one size, or None in `in_axes` for what all lanes share",
        )
    if not sizes and whole:
        raise ArgumentError(
            "vmap has nothing to map over",
            expected="an array with a mapped axis, states in `in_states`, or `axis_size`",
            got="neither",
            fix="pass `axis_size=` for the number of lanes",
        )


def _size(where: str, shape: tuple[int, ...], axis: int, leaf: object) -> int:
    """Return the length of an axis to map over, or raise where there is none."""
    if -len(shape) <= axis < len(shape):
        return shape[axis]
    raise ArgumentError(
        f"this argument has no axis {axis} to map over",
        where=where,
        expected=f"at least {axis + 1 if axis >= 0 else -axis} axes",
        got=summary(leaf),
        fix="pass None for it in `in_axes`, to share it between the lanes",
    )
