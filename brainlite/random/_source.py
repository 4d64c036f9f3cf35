"""What the families of draws ask of a generator, and what they share."""

import math
from collections.abc import Callable

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
        return in_a_row(lambda row: sampler(used, *arrays, row, dtype), shape, *arrays)

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
        return self._draw(
            lambda key, shift, factor, *rest: draw(key, *rest) * factor + shift,
            size,
            key,
            dtype,
            loc=anything(0 if loc is None else loc),
            scale=non_negative(scale),
        )
