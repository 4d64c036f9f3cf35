"""What may go into a transform and come out of it: arrays and numbers, in containers."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import valid_jaxtype
from brainlite.errors import ArgumentError, ResultError
from brainlite.graph._face import NodeBase
from brainlite.state import State
from brainlite.state._face import type_text
from brainlite.typing import PyTree

_ARRAYS = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)


def _is_value(leaf: object) -> bool:
    if isinstance(leaf, np.ndarray | np.generic):
        return _is_numeric(leaf.dtype)
    return isinstance(leaf, (*_ARRAYS, jax.ShapeDtypeStruct)) or valid_jaxtype(leaf)


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    # Those that numpy does not know, such as bfloat16, are void to it.
    return dtype.kind in "biufc" or any(jnp.issubdtype(dtype, kind) for kind in _EXTENDED)


_EXTENDED = (jnp.number, jax.dtypes.extended)


def _kind(leaf: object) -> str:
    if isinstance(leaf, str | bytes):
        return repr(leaf)
    if isinstance(leaf, np.ndarray):
        return f"an array of {leaf.dtype}, which is no type of jax"
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
    for path, leaf in _leaves_with_path(out, "result", label, ResultError):
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
    try:
        return all(map(_is_value, jax.tree.leaves(tree)))
    except ValueError:  # keys that cannot be sorted
        return False


def _leaves_with_path(
    value: PyTree, where: str, label: str, kind: type[ArgumentError | ResultError]
) -> list[tuple[Any, Any]]:
    try:
        return jax.tree_util.tree_leaves_with_path(value)
    except ValueError as error:
        raise unsortable(f"{label} takes", value, where, kind) from error


def unsortable(
    what: str,
    value: PyTree,
    where: str | None = None,
    kind: type[ArgumentError | ResultError] = ArgumentError,
) -> ArgumentError | ResultError:
    """Return the error for a dict whose keys jax cannot bring into an order."""
    shown = repr(value)
    return kind(
        f"{what} no dict whose keys cannot be sorted",
        where=where,
        expected="dicts whose keys are all texts, or all numbers",
        got=shown if len(shown) < 200 else f"a {type(value).__name__} with keys of several types",
        fix="use keys of one type",
    )


def check_arguments(by_name: Mapping[str, object], label: str) -> None:
    """Raise if any of the arguments, by name, is not made of arrays."""
    for name, value in by_name.items():
        for path, leaf in _leaves_with_path(value, f"argument {name}", label, ArgumentError):
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


def check_number(value: PyTree, name: str, label: str, *, whole: bool = False) -> None:
    """Raise unless ``value`` is one number, or truth value, that a transform can decide by."""
    known = _is_value(value) if isinstance(value, np.ndarray) else hasattr(value, "dtype")
    known = known or _is_value(value)
    if known and getattr(value, "shape", ()) == ():
        dtype = value.dtype if hasattr(value, "dtype") else jnp.result_type(value)
        if not whole or any(jnp.issubdtype(dtype, kind) for kind in (jnp.integer, jnp.bool_)):
            return
    raise ArgumentError(
        f"{label} cannot decide by this",
        where=name,
        expected="one whole number" if whole else "one truth value, or one number",
        got=type_text(value) if known else _kind(value),
        fix="reduce an array with .all() or .any(); let vmap choose for each lane",
    )


def check_condition(value: PyTree, label: str) -> None:
    """Raise unless the condition of a loop has returned one truth value."""
    where = "the result of cond_fun"
    check_number(value, where, label)
    dtype = value.dtype if hasattr(value, "dtype") else jnp.result_type(value)
    if not jnp.issubdtype(dtype, jnp.bool_):
        raise ArgumentError(
            f"{label} goes on as long as something is true, and a number is not",
            where=where,
            expected="one truth value",
            got=type_text(value),
            fix="compare: `x > 0` for a positive number, `x != 0` for what Python takes as true",
        )
