"""Which axes a ``vmap`` maps over: whether they fit, and how many lanes there are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np

from brainlite._jax_compat import PyTreeDef, is_batched
from brainlite.errors import ArgumentError, OptionError, ResultError
from brainlite.state._face import type_text
from brainlite.typing import PyTree

Axes: TypeAlias = int | Sequence[PyTree] | Mapping[str, object] | None
"""One axis for all arguments, or a tree of axes for each."""


def check_axes(axes: object, option: str) -> None:
    """Raise unless these are whole numbers or None, in containers."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(axes, is_leaf=_is_none):
        if leaf is not None and (isinstance(leaf, bool) or not isinstance(leaf, int)):
            raise OptionError(
                f"{option} of vmap names no axis",
                where=f"{option}{jax.tree_util.keystr(path)}",
                expected="a whole number of Python's, or None for what has no such axis",
                got=f"{leaf!r}",
                fix=f"pass numbers of axes: {option}=0, or one for each part",
            )


def check_count(axes: Axes, count: int) -> None:
    """Raise unless ``in_axes`` fit this number of positional arguments."""
    if axes is None or isinstance(axes, int):
        return
    if not isinstance(axes, tuple | list) or len(axes) != count:
        raise ArgumentError(
            "in_axes of vmap do not fit the arguments",
            expected=f"one axis, or a tuple of {count}: one for each positional argument",
            got=f"in_axes={axes!r}",
            fix="arguments that are passed by keyword are mapped along their first axis, and have "
            "no place in in_axes",
        )


def check_size(axis_size: int | None) -> None:
    """Raise unless a number of lanes is a whole number, or left open."""
    whole = isinstance(axis_size, int) and not isinstance(axis_size, bool)
    if axis_size is not None and not (whole and axis_size >= 0):
        raise OptionError(
            "vmap cannot have such a number of lanes",
            expected="axis_size: a whole number, 0 or more",
            got=f"axis_size={axis_size!r}",
            fix="leave it out where an argument has the lanes",
        )


def axes_by_leaf(
    axes: object, value: PyTree, where: str, option: str
) -> Iterator[tuple[int | None, str, PyTree]]:
    """Yield (axis, path, leaf) for each leaf of ``value``."""
    structure: PyTreeDef
    each, structure = jax.tree.flatten(axes, is_leaf=_is_none)
    try:
        parts = structure.flatten_up_to(value)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"{option} of vmap does not have the structure of what it is for",
            where=where,
            expected="the containers of the value, or an axis for a whole container",
            got=f"{axes!r} for {type_text(value)}",
            fix=f"pass one axis for all of it: {option}=0",
        ) from error
    whole = [axis for axis, part in zip(each, parts, strict=True) for _ in jax.tree.leaves(part)]
    leaves = jax.tree_util.tree_leaves_with_path(value)
    for axis, (path, leaf) in zip(whole, leaves, strict=True):
        yield axis, jax.tree_util.keystr(path), leaf


def check_out_axes(out: PyTree, axes: object, trace: object) -> None:
    """Raise unless a result, as it is in one lane, can be stacked along ``out_axes``."""
    for axis, path, leaf in axes_by_leaf(axes, out, "result", "out_axes"):
        rank = np.ndim(leaf)
        if axis is None and is_batched(leaf, trace):
            raise ResultError(
                "a result has a different value in each lane, and no axis for the lanes",
                where=f"result{path}",
                expected="a value that all lanes share, or an axis in out_axes",
                got="out_axes=None",
                fix="pass out_axes=0, or reduce over the lanes",
            )
        if axis is not None and not -rank - 1 <= axis <= rank:
            raise ResultError(
                f"a result cannot have its lanes at axis {axis}",
                where=f"result{path}",
                expected=f"an axis from {-rank - 1} to {rank}",
                got=f"out_axes={axis} for {type_text(leaf)} in each lane",
                fix="out_axes counts the axes of the stacked result",
            )


def _is_none(leaf: object) -> bool:
    return leaf is None


def check_lanes(
    arguments: Mapping[str, tuple[object, object]],
    states: Sequence[tuple[str, object, int]],
    axis_size: int | None,
) -> None:
    """Raise unless all that is mapped has one number of lanes.

    Parameters
    ----------
    arguments : mapping
        The name of a mapped argument -> its axes, and its value.
    states : sequence
        Path, value and axis of each mapped state.
    axis_size : int, optional
        The number of lanes that was asked for.
    """
    sizes: dict[str, int] = {} if axis_size is None else {"axis_size": axis_size}
    for name, (axes, value) in arguments.items():
        for axis, path, leaf in axes_by_leaf(axes, value, f"argument {name}", "in_axes"):
            where = f"argument {name}{path}"
            if axis is not None:
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
    if not sizes:
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
        got=type_text(leaf),
        fix="pass None for it in `in_axes`, to share it between the lanes",
    )
