"""The arguments that draws have in common: parameters, sizes, dtypes, and what is allowed."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError, SizeError
from brainlite.random._size import to_size
from brainlite.typing import ArrayLike, DTypeLike, Shape, Size

__all__ = [
    "AnyArray",
    "Numbers",
    "count_dtype",
    "draw_shape",
    "float_dtype",
    "int_dtype",
    "largest_int",
    "require",
    "require_at_least",
    "require_below",
    "require_non_negative",
    "require_positive",
    "require_probability",
    "to_count",
    "to_floats",
    "to_numbers",
]

Numbers: TypeAlias = ArrayLike | Sequence[Any]
"""A number, an array, or a nested list of numbers."""

AnyArray: TypeAlias = jax.Array | np.ndarray[Any, Any]

_HOST: Final = (bool, int, float, np.ndarray, np.generic)


def to_numbers(value: Numbers, dtype: DTypeLike | None = None) -> AnyArray:
    """Return an array; what is no jax array yet stays on the host, which is ten times faster."""
    if isinstance(value, _HOST) or (isinstance(value, Sequence) and not _is_traced(value)):
        return np.asarray(value, dtype)
    return jnp.asarray(value, dtype)


def to_floats(dtype: DTypeLike, *values: Numbers) -> tuple[AnyArray, ...]:
    """Return parameters as arrays of the dtype of the draw."""
    return tuple(to_numbers(value, dtype) for value in values)


def float_dtype(dtype: DTypeLike | None, *, or_complex: bool = False) -> DTypeLike:
    """Return the dtype of a draw of floats: the one asked for, or that of the environment."""
    if dtype is None:
        return environ.dftype()
    if not jnp.issubdtype(dtype, jnp.inexact if or_complex else jnp.floating):
        raise OptionError(
            "this random draw makes floats",
            expected="a float dtype",
            got=f"dtype={jnp.dtype(dtype)}",
            fix="leave dtype out and convert the result, or draw with randint",
        )
    return dtype


def int_dtype(dtype: DTypeLike | None) -> DTypeLike:
    """Return the dtype of a draw of whole numbers: the one asked for, or the environment's."""
    return environ.ditype() if dtype is None else dtype


def count_dtype() -> DTypeLike:
    """Return the float dtype in which counts are worked out: the widest that jax has now.

    A count must not depend on the precision of the environment: float16 ends at 2048.
    """
    return jnp.result_type(float)


def largest_int(dtype: DTypeLike) -> int:
    """Return the largest number of a dtype of ints."""
    return int(np.iinfo(jnp.dtype(dtype).name).max)


def to_count(values: jax.Array, dtype: DTypeLike) -> jax.Array:
    """Return floats as whole numbers; what is too large becomes the largest."""
    largest = largest_int(dtype)
    return jnp.where(values >= largest, jnp.asarray(largest, dtype), values.astype(dtype))


def draw_shape(size: Size | None, **parameters: AnyArray) -> Shape:
    """Return the shape of a draw, to which every parameter must broadcast.

    Raises
    ------
    SizeError
        The parameters do not fit each other, or not the size.
    """
    shapes = [parameter.shape for parameter in parameters.values()]
    try:
        broadcast = np.broadcast_shapes(*shapes)
        if size is None:
            return broadcast
        shape = to_size(size)
        if np.broadcast_shapes(broadcast, shape) == shape:
            return shape
    except ValueError as error:
        if isinstance(error, SizeError):
            raise
    given = ", ".join(f"{name} {value.shape}" for name, value in parameters.items())
    raise SizeError(
        "the parameters of a random draw do not fit "
        + ("each other" if size is None else "its size"),
        expected="shapes that broadcast together" if size is None else f"shapes within {size}",
        got=given,
        fix="give the parameters axes of length 1 where they should repeat"
        if size is None
        else "leave size out to take the shape of the parameters, or put their axes last in it",
    )


def _is_traced(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_traced, value))
    return isinstance(value, Tracer)


def require(name: str, value: Any, holds: Callable[[Any], Any], condition: str) -> None:
    """Raise an OptionError unless ``holds(value)`` everywhere. A traced value passes unseen."""
    if _is_traced(value):
        return
    array = np.asarray(value)
    good = np.asarray(holds(array))
    if good.all():
        return
    index = tuple(int(axis) for axis in np.argwhere(~good)[0])
    raise OptionError(
        f"the argument {name!r} of a random draw is out of range",
        expected=f"{name} {condition}",
        got=str(array[index]) + (f" at index {index}" if index else ""),
        fix=f"check where {name} is computed, or limit it with jnp.clip",
    )


def require_positive(**values: Any) -> None:
    """Raise unless each value is above 0."""
    for name, value in values.items():
        require(name, value, lambda array: array > 0, "> 0")


def require_non_negative(**values: Any) -> None:
    """Raise unless each value is 0 or more."""
    for name, value in values.items():
        require(name, value, lambda array: array >= 0, ">= 0")


def require_probability(**values: Any) -> None:
    """Raise unless each value is a probability."""
    for name, value in values.items():
        require(name, value, lambda array: (array >= 0) & (array <= 1), "within [0, 1]")


def require_below(low_name: str, low: Any, high_name: str, high: Any) -> None:
    """Raise unless ``low < high`` everywhere."""
    _require_order(low_name, low, high_name, high, np.less, "<")


def require_at_least(high_name: str, high: Any, low_name: str, low: Any) -> None:
    """Raise unless ``high >= low`` everywhere."""
    _require_order(high_name, high, low_name, low, np.greater_equal, ">=")


def _require_order(
    name: str, value: Any, other_name: str, other: Any, compare: Callable[..., Any], sign: str
) -> None:
    if _is_traced(value) or _is_traced(other):
        return
    one, two = np.broadcast_arrays(np.asarray(value), np.asarray(other))
    good = np.asarray(compare(one, two))
    if good.all():
        return
    index = tuple(int(axis) for axis in np.argwhere(~good)[0])
    raise OptionError(
        f"the arguments {name!r} and {other_name!r} of a random draw are in the wrong order",
        expected=f"{name} {sign} {other_name}",
        got=f"{name} = {one[index]!s}, {other_name} = {two[index]!s}"
        + (f" at index {index}" if index else ""),
        fix="swap them, or check where they are computed",
    )
