"""What the families of draws ask of a generator, and what they share."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import as_array, counted, on_host
from brainlite._jax_compat import Tracer
from brainlite.random._arguments import (
    AnyArray,
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    Parameter,
    anything,
    count_dtype,
    int_dtype,
    non_negative,
    prepare,
)
from brainlite.typing import Array, DTypeLike, Key, Shape


def in_a_row(draw: Callable[[Shape], Array], shape: Shape, *parameters: AnyArray) -> Array:
    """Draw for three axes or more along a single one: the same numbers.

    On a CPU, XLA takes 1 to 10 seconds to compile the random bits of an array of several axes, and
    half a second for those of a row.
    """
    if len(shape) < 3 or any(each.ndim for each in parameters):
        return draw(shape)
    return draw((math.prod(shape),)).reshape(shape)


# How many numbers rows have at first: 16 times as many take less time than a compilation. Longer
# ones have a fifth too many at most.
_LEVELS: Final = (1 << 12, 1 << 16, 1 << 20)
_MOST: Final = 1 << 23

# What is drawn for nothing is counted for each shape and length. When it adds up to so much, a
# shorter row is compiled, which other shapes use, too; and when it adds up to what is drawn in the
# time of a compilation, the shape itself. A call takes as long as so many numbers.
_MUCH: Final = 1 << 21
_COMPILATION: Final = 1 << 23
_CALL: Final = 1 << 12

# An array with so short a last axis is compiled to other code than a row: where a draw rounds (a
# logarithm, a root), the last digit may differ.
_NARROW: Final = 64

# The samplers of floats whose number at a place depends on the key and the place alone, and whether
# they round.
_BY_PLACE: Final[dict[Callable[..., Any], bool]] = {
    jax.random.uniform: False,
    jax.random.normal: True,
}


class _Buckets:
    """The rows that one sampler was compiled for, and what was drawn in them for nothing."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._wasted: Counter[Hashable] = Counter()

    def size_for(self, shape: Shape) -> int | None:
        """Return of how many numbers to draw a row, or None to draw only what is asked for."""
        count = math.prod(shape)
        least = _rounded(count)
        wasted = counted(self._wasted, shape, least - count + _CALL)
        if least > _MOST or wasted > _COMPILATION:
            return None
        fitting = min((each for each in self.sizes if each >= least), default=None)
        if fitting is not None:
            wasted = counted(self._wasted, least, fitting - least)
            if fitting == least or wasted <= _MUCH:
                return fitting
        size = next((each for each in _LEVELS if each >= least), least)
        if fitting is not None and size >= fitting:
            size = least
        self.sizes.append(size)
        return size


def _rounded(count: int) -> int:
    """Return the length of a row for so many numbers: a power of two, or a quarter between two."""
    if count <= _LEVELS[-1]:
        return max(_LEVELS[0], 1 << max(count - 1, 1).bit_length())
    step = 1 << (count - 1).bit_length() - 3
    return -(-count // step) * step


_buckets: defaultdict[Hashable, _Buckets] = defaultdict(_Buckets)


def in_a_bucket(
    sampler: Hashable,
    draw: Callable[[Shape], Array],
    key: Key,
    shape: Shape,
    *parameters: AnyArray,
    rounds: bool = False,
    after: Callable[[Any], Any] = lambda drawn: drawn,
) -> Array:
    """Draw so that another shape costs no other compilation: the same numbers.

    What is drawn is a longer row, which numpy cuts and shapes. That is done on a CPU, and while it
    takes less time than the compilation would; else it is :func:`in_a_row`.

    Parameters
    ----------
    sampler : hashable
        What is compiled apart: the function, and the dtype if there are several.
    draw : callable
        From a shape to what is drawn; the number at a place may depend on no other thing.
    key : key
        What it draws with.
    shape : tuple of int
        The shape of the result.
    *parameters : array
        What it uses.
    rounds : bool
        Whether what XLA makes of it differs in the last digit for arrays that are narrow.
    after : callable
        What is done with each number: products and sums, which numpy rounds as XLA does.
    """
    narrow = rounds and len(shape) == 2 and shape[-1] < _NARROW
    plain = not any(isinstance(each, Tracer) or each.ndim for each in parameters)
    if not narrow and plain and _is_counted(key):
        size = _buckets[sampler].size_for(shape)
        if size is not None:
            row = np.asarray(draw((size,)))[: math.prod(shape)].reshape(shape)
            # A copy: the bucket goes.
            return as_array(np.array(after(row)))
    drawn: Array = after(in_a_row(draw, shape, *parameters))
    return drawn


def _is_by_place(sampler: Callable[..., Any], dtype: DTypeLike) -> bool:
    return sampler in _BY_PLACE and bool(jnp.issubdtype(dtype, jnp.floating))


def _is_counted(key: Key) -> bool:
    """Say whether the bits that a key gives at a place are the same in arrays of any size."""
    settings: Any = jax.config  # its values have no types
    return bool(
        not isinstance(key, Tracer)
        and settings.jax_threefry_partitionable
        and jax.random.key_impl(key) == "threefry2x32"
        and not key.committed
        and on_host()
    )


class KeySource:
    """Where draws take their keys from. :class:`RandomState` is the one there is.

    Each family of draws is a class on top of this one. A draw checks its arguments first and
    takes its key last, so that a call that fails leaves the generator as it was.
    """

    __slots__ = ()

    def _take_key(self, key: AnyKey) -> Key:
        """Return the key of a draw: the one given, or the generator's next."""
        raise NotImplementedError

    def _draw(
        self,
        sampler: Callable[..., Array],
        size: AnySize,
        key: AnyKey,
        dtype: DTypeLike,
        check_valid: bool = True,
        /,
        **parameters: Parameter,
    ) -> Array:
        """Return ``sampler(key, *parameters, shape, dtype)``."""
        arrays, shape = prepare(size, dtype, check_valid, **parameters)
        used = self._take_key(key)
        if not _is_by_place(sampler, dtype):
            return in_a_row(lambda row: sampler(used, *arrays, row, dtype), shape, *arrays)
        return in_a_bucket(
            (sampler, jnp.dtype(dtype)),
            lambda row: sampler(used, row, dtype),
            used,
            shape,
            rounds=_BY_PLACE[sampler],
        )

    def _count(
        self,
        sampler: Callable[..., Array],
        size: AnySize,
        key: AnyKey,
        dtype: AnyDType,
        check_valid: bool = True,
        /,
        **parameters: Parameter,
    ) -> Array:
        """Return whole numbers in the same way, their parameters at the widest precision."""
        arrays, shape = prepare(size, count_dtype(), check_valid, **parameters)
        return sampler(self._take_key(key), *arrays, shape, int_dtype(dtype))

    def _draw_located(
        self,
        draw: Callable[[Key, Shape, DTypeLike], Array],
        loc: Numbers | None,
        scale: Numbers | None,
        size: AnySize,
        key: AnyKey,
        dtype: DTypeLike,
    ) -> Array:
        """Draw from a standard distribution, stretch by ``scale`` and shift by ``loc``."""
        # Most draws are standard: then there is nothing to check, to broadcast or to add.
        if loc is None and scale is None:
            return self._draw(draw, size, key, dtype)
        given = {"loc": anything(0 if loc is None else loc), "scale": non_negative(scale)}
        (shift, factor), shape = prepare(size, dtype, **given)
        used = self._take_key(key)

        def located(drawn: Any) -> Any:
            return drawn * factor + shift

        if not _is_by_place(draw, dtype):
            return in_a_row(lambda row: located(draw(used, row, dtype)), shape, shift, factor)
        return in_a_bucket(
            (draw, jnp.dtype(dtype)),
            lambda row: draw(used, row, dtype),
            used,
            shape,
            shift,
            factor,
            rounds=_BY_PLACE[draw],
            after=located,
        )
