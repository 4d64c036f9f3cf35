"""The arguments that draws have in common: parameters, sizes, dtypes, and what is allowed."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite._given import to_size
from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError, SizeError
from brainlite.typing import ArrayLike, DTypeLike, SeedOrKey, Shape, Size

Numbers: TypeAlias = ArrayLike | Sequence[Any]
"""A number, an array, or a nested list of numbers."""

AnyArray: TypeAlias = jax.Array | np.ndarray[Any, Any]

AnySize: TypeAlias = Size | None
"""The shape of a draw, or None for that of its parameters."""

AnyKey: TypeAlias = SeedOrKey | None
"""The seed or key of one draw, or None for the next key of the generator."""

AnyDType: TypeAlias = DTypeLike | None
"""The dtype of a draw, or None for that of the environment."""

_HOST: Final = (bool, int, float, np.ndarray, np.generic)


def to_numbers(value: Numbers, dtype: AnyDType = None) -> AnyArray:
    """Return an array; what is no jax array yet stays on the host, which is ten times faster."""
    if isinstance(value, _HOST) or (isinstance(value, Sequence) and not _is_traced(value)):
        return np.asarray(value, dtype)
    return jnp.asarray(value, dtype)


def float_dtype(dtype: AnyDType, *, or_complex: bool = False) -> DTypeLike:
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


def int_dtype(dtype: AnyDType) -> DTypeLike:
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


def draw_shape(size: AnySize, **parameters: AnyArray) -> Shape:
    """Return the shape of a draw, to which every parameter must broadcast."""
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


def _is_traced(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_traced, value))
    return isinstance(value, Tracer)


class Parameter(NamedTuple):
    """A parameter of a draw, and what has to hold for all of its numbers."""

    value: Numbers
    holds: Callable[[Any], Any]
    condition: str


def _numbers_with(
    holds: Callable[[Any], Any], condition: str
) -> Callable[[Numbers | None], Parameter]:
    # What may be left out is a scale, which then is 1.
    return lambda value: Parameter(1 if value is None else value, holds, condition)


anything = _numbers_with(lambda array: True, "")
positive = _numbers_with(lambda array: array > 0, "> 0")
non_negative = _numbers_with(lambda array: array >= 0, ">= 0")
probability = _numbers_with(lambda array: (array >= 0) & (array <= 1), "within [0, 1]")
# Of what is waited for: at 0 the waiting would never end.
chance_of_success = _numbers_with(lambda array: (array > 0) & (array <= 1), "above 0, at most 1")


def excess(chances: AnyArray) -> AnyArray:
    """Return by how much probabilities sum to more than 1, or below; 0 where they were rounded."""
    finfo: Any = jnp.finfo
    floating = jnp.issubdtype(chances.dtype, jnp.floating)
    eps = float(finfo(chances.dtype).eps) if floating else 0.0
    off = np.asarray(chances, np.float64).sum(-1) - 1
    return np.where(np.abs(off) <= max(1e-5, eps**0.5), 0.0, off)  # numpy allows as much


def prepare(
    size: AnySize, dtype: AnyDType, check_valid: bool = True, /, **parameters: Parameter
) -> tuple[list[AnyArray], Shape]:
    """Return the parameters of a draw as arrays of its dtype, checked, and its shape."""
    arrays = {name: to_numbers(each.value, dtype) for name, each in parameters.items()}
    shape = draw_shape(size, **arrays)
    if check_valid:
        require(**parameters)
    return list(arrays.values()), shape


def require(**parameters: Parameter) -> None:
    """Raise an OptionError unless each parameter holds everywhere. Traced ones pass unseen."""
    for name, (value, holds, condition) in parameters.items():
        if _is_traced(value):
            continue
        array = np.asarray(value)
        index = _first(~np.asarray(holds(array)))
        if index is not None:
            raise OptionError(
                f"the argument {name!r} of a random draw is out of range",
                expected=f"{name} {condition}",
                got=f"{array[index]!s}{_at(index)}",
                fix=f"check where {name} is computed, or limit it with jnp.clip",
            )


def require_order(name: str, value: object, sign: str, other_name: str, other: object) -> None:
    """Raise an OptionError unless ``value < other``, or ``value >= other``, everywhere."""
    if _is_traced(value) or _is_traced(other):
        return
    one, two = np.broadcast_arrays(np.asarray(value), np.asarray(other))
    index = _first(~(one < two if sign == "<" else one >= two))
    if index is not None:
        raise OptionError(
            f"the arguments {name!r} and {other_name!r} of a random draw are in the wrong order",
            expected=f"{name} {sign} {other_name}",
            got=f"{name} = {one[index]!s}, {other_name} = {two[index]!s}{_at(index)}",
            fix="swap them, or check where they are computed",
        )


def _first(wrong: np.ndarray[Any, Any]) -> tuple[int, ...] | None:
    """Return the first index at which something is wrong."""
    return tuple(map(int, np.argwhere(wrong)[0])) if wrong.any() else None


def _at(index: tuple[int, ...]) -> str:
    return f" at index {index}" if index else ""
