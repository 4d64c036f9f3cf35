"""Pooling to a given size, whatever the size of the input."""

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from brainlite._given import to_size
from brainlite.errors import SizeError
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import check_array
from brainlite.nn._layers.window import SpatialModule
from brainlite.state._face import refused
from brainlite.typing import Array, Shape, Size


class AdaptivePool(SpatialModule):
    """The base of layers that pool windows of (almost) equal size, as many as are asked for.

    Window i of m over n elements is from floor(i n / m) to ceil((i + 1) n / m), as in torch: where
    m does not divide n they overlap. (brainstate's do not: the first ones are larger by one.)

    Parameters
    ----------
    target_size : int, None, or a sequence of these
        The number of windows, for all axes or for each; None keeps the size of the input.
    channel_axis : int or None
        The axis of the channels in the input as it is passed, which is not pooled. Of the others
        the last ones are, and those before are batch axes.
    name : str, optional
        A name of its own.
    in_size : int or sequence of int, optional
        The shape of one sample, channels included; out_size follows from it.

    Raises
    ------
    SizeError
        Sizes that are none, or not one for each axis.
    InputError
        Input with too few axes, or without elements.

    References
    ----------
    ``torch.nn.functional.adaptive_avg_pool2d`` and its siblings, for the windows.

    Examples
    --------
    >>> brainlite.nn.AdaptiveAvgPool2d((7, None))(jnp.ones((8, 30, 20, 3))).shape
    (8, 7, 20, 3)
    >>> brainlite.nn.AdaptiveMaxPool1d(3)(jnp.arange(7.0)[:, None])[:, 0]
    Array([2., 4., 6.], dtype=float32)
    """

    _mean: ClassVar[bool]

    def __init__(
        self,
        target_size: int | Sequence[int | None] | None,
        channel_axis: int | None = -1,
        name: str | None = None,
        in_size: Size | None = None,
    ) -> None:
        given = target_size if isinstance(target_size, Sequence) else (target_size,) * self._rank
        where = type(self).__name__
        sizes = [n and to_size(n, name="target_size", where=where)[0] for n in given]
        if len(sizes) != self._rank or 0 in sizes:
            raise SizeError(
                "target_size does not fit the axes that are pooled",
                where=where,
                expected=f"an int or None, or {self._rank} of them, each at least 1",
                got=f"target_size={target_size!r}",
                fix="pass the number of windows along each axis; None keeps the input's",
            )
        self.target_size: tuple[int | None, ...] = tuple(sizes)
        self._set_sizes(name, channel_axis, in_size)

    def update(self, x: Array) -> Array:
        """Pool an array.

        Parameters
        ----------
        x : array, shape (..., *spatial, channels)

        Returns
        -------
        array, shape (..., *target_size, channels)
        """
        check_array(self, x)
        shape = self._shape_of(x.shape)
        return _pooled(x, tuple((axis, shape[axis]) for axis in self._axes(x.shape)), self._mean)

    def _shape_of(self, shape: Shape) -> Shape:
        """Return the shape of the output, or raise where there is nothing to pool."""
        axes = self._axes(shape)
        if 0 in (shape[axis] for axis in axes):
            raise refused(
                self,
                "there is nothing to pool",
                expected="at least one element along each spatial axis",
                got=f"an array of shape {shape}",
                fix="pass input with elements",
            )
        sizes = zip(axes, self.target_size, strict=True)
        return self._replaced(shape, [shape[axis] if n is None else n for axis, n in sizes])


class AdaptiveAvgPool(AdaptivePool):
    """The mean of each window; the windows are those of :class:`AdaptivePool`."""

    _mean = True


class AdaptiveMaxPool(AdaptivePool):
    """The maximum of each window; the windows are those of :class:`AdaptivePool`."""

    _mean = False


class AdaptiveAvgPool1d(AdaptiveAvgPool, rank=1):
    """The mean of each of a number of windows, over (..., length, channels)."""


class AdaptiveAvgPool2d(AdaptiveAvgPool, rank=2):
    """The mean of each of a number of windows, over (..., height, width, channels)."""


class AdaptiveAvgPool3d(AdaptiveAvgPool, rank=3):
    """The mean of each of a number of windows, over (..., depth, height, width, channels)."""


class AdaptiveMaxPool1d(AdaptiveMaxPool, rank=1):
    """The maximum of each of a number of windows, over (..., length, channels)."""


class AdaptiveMaxPool2d(AdaptiveMaxPool, rank=2):
    """The maximum of each of a number of windows, over (..., height, width, channels)."""


class AdaptiveMaxPool3d(AdaptiveMaxPool, rank=3):
    """The maximum of each of a number of windows, over (..., depth, height, width, channels)."""


@kernel("counts", "mean")
def _pooled(x: Array, counts: tuple[tuple[int, int], ...], mean: bool) -> Array:
    """Return the mean or the maximum of so many windows along each of the axes."""
    dtype = jnp.result_type(x.dtype, float) if mean else x.dtype
    if mean:
        x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    for axis, count in counts:
        size, inside = x.shape[axis], None
        if size % count == 0:  # the windows are the rows of a matrix
            x = x.reshape(*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
        else:
            x, inside = _overlapping(x, axis, count)
        # The elements that are not inside repeat the last one: they do not change a maximum.
        x = jnp.mean(x, axis + 1, where=inside) if mean else jnp.max(x, axis + 1)
    return x.astype(dtype)


def _overlapping(x: Array, axis: int, count: int) -> tuple[Array, Any]:
    """Return windows in the rows of a matrix, and which elements are inside."""
    size, number = x.shape[axis], np.arange(count)
    starts, ends = number * size // count, -(-(number + 1) * size // count)
    places = starts[:, None] + np.arange((ends - starts).max())
    inside = np.expand_dims(places < ends[:, None], tuple(range(2, x.ndim - axis + 1)))
    return jnp.take(x, np.minimum(places, ends[:, None] - 1), axis), inside
