"""Sizes as users give them, turned into shapes."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.errors import SizeError
from brainlite.typing import Shape, Size


def to_size(size: Size, name: str = "size", where: str | None = None) -> Shape:
    """Return a size as a tuple of ints, or raise a SizeError.

    Numpy's ints are welcome; floats and bools are not. For the message, ``name`` is what the user
    calls the size and ``where`` the layer it is for.

    Examples
    --------
    >>> to_size(3), to_size([2, 3])
    ((3,), (2, 3))
    """
    given: Any = size
    if isinstance(given, np.ndarray):
        given = given.tolist()
    axes: Sequence[Any] = given if isinstance(given, Sequence) else (given,)
    for axis in axes:
        fix = _complaint(axis)
        if fix is not None:
            raise SizeError(
                f"{name} is no size",
                where=where,
                expected="a whole number, 0 or more, or a sequence of them",
                got=f"{axis!r}" if axis is size else f"{axis!r} in {size!r}",
                fix=fix,
            )
    return tuple(operator.index(axis) for axis in axes)


def _complaint(axis: Any) -> str | None:
    """Return how to mend an axis that is no size; None when it is one."""
    if isinstance(axis, Tracer):
        return "take it from `x.shape`, or pass it in as a plain int: jax must know it beforehand"
    if isinstance(axis, bool | np.bool_):
        return "write the number of elements"
    try:
        number = operator.index(axis)
    except TypeError:
        whole = isinstance(axis, float) and axis.is_integer()
        return f"write {int(axis)}" if whole else "write the number of elements as an int"
    return None if number >= 0 else "write the number of elements; -1 is not worked out"
