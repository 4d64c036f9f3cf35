"""What the families of draws ask of a generator, and what they share."""

from collections.abc import Callable

from brainlite.random._arguments import Numbers, draw_shape, require_non_negative, to_floats
from brainlite.random._size import to_size
from brainlite.typing import Array, DTypeLike, Key, SeedOrKey, Shape, Size

__all__ = ["KeySource"]


class KeySource:
    """Where draws take their keys from. :class:`RandomState` is the one there is.

    Each family of draws is a class on top of this one. A draw checks its arguments first and
    takes its key last, so that a call that fails leaves the generator as it was.
    """

    __slots__ = ()

    def _take_key(self, key: SeedOrKey | None) -> Key:
        """Return the key of a draw: the one given, or the generator's next."""
        raise NotImplementedError

    def _draw_located(
        self,
        draw: Callable[[Key, Shape, DTypeLike], Array],
        loc: Numbers | None,
        scale: Numbers | None,
        size: Size | None,
        key: SeedOrKey | None,
        dtype: DTypeLike,
    ) -> Array:
        """Draw from a standard distribution, stretch by ``scale`` and shift by ``loc``."""
        # Most draws are standard: then there is nothing to check, to broadcast or to add.
        if loc is None and scale is None:
            shape = () if size is None else to_size(size)
            return draw(self._take_key(key), shape, dtype)
        center = 0 if loc is None else loc
        width = 1 if scale is None else scale
        shift, factor = to_floats(dtype, center, width)
        shape = draw_shape(size, loc=shift, scale=factor)
        require_non_negative(scale=width)
        return draw(self._take_key(key), shape, dtype) * factor + shift
