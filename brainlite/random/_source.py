"""What the families of draws ask of a generator, and what they share."""

from collections.abc import Callable

from brainlite.random._arguments import (
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

__all__ = ["KeySource"]


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
        return sampler(self._take_key(key), *arrays, shape, dtype)

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
