"""What undoes a maximum pooling: values back to the places they came from."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import to_size, whole
from brainlite._jax_compat import Tracer
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import check_array
from brainlite.nn._layers.window import WindowModule
from brainlite.state._face import locate, refused
from brainlite.typing import Array, Shape, Size


class MaxUnpool(WindowModule):
    """Values at the places that ``MaxPool(..., return_indices=True)`` found, zeros elsewhere.

    Parameters
    ----------
    kernel_size, stride, channel_axis, name, in_size
        As in ``MaxPool``; in_size is the shape of one pooled sample.
    padding : int or sequence of int
        That of the pooling.

    Raises
    ------
    SizeError, InputError
        As in ``MaxPool``; the indices don't have the shape of the input, or are no ints; or one
        leads out of the output, or into another sample or channel. Without ``output_size`` one
        outside of the window of its value is refused, too: it tells that what was pooled was
        larger than the output. Under a transform, which does not see it, such a value is NaN, and
        of whole numbers the greatest.
    OptionError
        The padding is no padding: a word that there is not.

    Notes
    -----
    With ``output_size`` an index may lead anywhere in its sample and channel, as in torch; of
    several values for one place any may stay.

    References
    ----------
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901,
    2013.

    Examples
    --------
    >>> pool = brainlite.nn.MaxPool1d(2, channel_axis=None, return_indices=True)
    >>> y, indices = pool(jnp.asarray([1.0, 4.0, 3.0, 2.0]))
    >>> brainlite.nn.MaxUnpool1d(2, channel_axis=None)(y, indices)
    Array([0., 4., 3., 0.], dtype=float32)
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        channel_axis: int | None = -1,
        name: str | None = None,
        in_size: Size | None = None,
    ) -> None:
        self._set_window(kernel_size, stride, padding)
        self._set_sizes(name, channel_axis, in_size)

    def update(self, x: Array, indices: Array, output_size: Size | None = None) -> Array:
        """Put values back.

        Parameters
        ----------
        x, indices : array, shape (..., *pooled, channels)
            The values, and where they go in the flattened output, as the pooling of the same
            array returned it.
        output_size : int or sequence of int, optional
            The spatial sizes, or the whole shape, of what was pooled: by default the smallest
            that it can have been. Give it where the windows did not cover all.

        Returns
        -------
        array, shape (..., *spatial, channels)
        """
        check_array(self, x)
        check_array(self, indices, "indices")
        if indices.shape != x.shape or not jnp.issubdtype(indices.dtype, jnp.integer):
            raise refused(
                self,
                "the indices do not fit the values",
                expected=f"ints of shape {x.shape}",
                got=f"{indices.dtype} of shape {indices.shape}",
                fix="pass both as `MaxPool(..., return_indices=True)` returned them",
            )
        shape = self._shape_of(x.shape) if output_size is None else self._asked(x, output_size)
        pads = [(0, 0)] * self._rank if isinstance(self.padding, str) else self.padding
        lows = [low for low, _ in pads]
        windows = tuple(zip(self._axes(x.shape), self.kernel_size, self.stride, lows, strict=True))
        if output_size is not None:  # so that there is no doubt what the indices count
            windows = tuple((axis, shape[axis], 0, 0) for axis, *_ in windows)
        y, fits = _unpooled(x, whole(indices), shape, windows)
        if not isinstance(fits, Tracer) and not fits:
            raise refused(
                self,
                "an index is outside of the window of its value"
                if output_size is None
                else "an index is outside of the sample and channel of its value",
                expected=f"indices into an array of shape {shape}",
                got="those of an array of another shape",
                fix="pass `output_size=`, the shape of the array that was pooled: where windows "
                "do not cover it, as at odd lengths, it is larger than the smallest possible one",
            )
        return y

    def _asked(self, x: Array, output_size: Size) -> Shape:
        """Return the shape of the output as the user has it."""
        sizes = to_size(output_size, "output_size", locate(self) or type(self).__name__)
        axes = self._axes(x.shape)
        whole = sizes if len(sizes) == x.ndim else None
        if whole is None and len(sizes) == self._rank:
            whole = self._replaced(x.shape, sizes)
        if whole is None or any(whole[n] != x.shape[n] for n in range(x.ndim) if n not in axes):
            raise refused(
                self,
                "output_size does not fit the input",
                expected=f"{self._rank} spatial sizes, or a shape like {x.shape} but for these",
                got=f"output_size={output_size!r}",
                fix="pass the shape of the array that was pooled",
            )
        return whole

    def _shape_of(self, shape: Shape) -> Shape:
        pads = [(0, 0)] * self._rank if isinstance(self.padding, str) else self.padding
        windows = zip(self._axes(shape), self.kernel_size, self.stride, pads, strict=True)
        sizes = [(shape[n] - 1) * step + size - sum(pad) for n, size, step, pad in windows]
        return self._replaced(shape, sizes)


@kernel("shape", "windows")
def _unpooled(
    x: Array, indices: Array, shape: Shape, windows: tuple[tuple[int, int, int, int], ...]
) -> tuple[Array, Array]:
    """Put values back; say whether each lies in its window: (axis, kernel, stride, low padding)."""
    fits = (indices >= 0) & (indices < math.prod(shape))
    pooled = {axis: window for axis, *window in windows}
    for axis, at in enumerate(jnp.unravel_index(indices, shape)):
        size, step, low = pooled.get(axis, (1, 1, 0))
        first = jax.lax.broadcasted_iota(at.dtype, x.shape, axis) * step - low
        fits &= (at >= first) & (at < first + size)
    # A number that is seen to be none stands where one would be wrong.
    x = jnp.where(fits, x, _nonsense(x.dtype))
    flat = jnp.zeros(math.prod(shape), x.dtype).at[indices.ravel()].set(x.ravel())
    return flat.reshape(shape), fits.all()


def _nonsense(dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.inexact):
        return jnp.asarray(jnp.nan, dtype)
    kind: Any = dtype
    return np.iinfo(kind).max if jnp.issubdtype(dtype, jnp.integer) else True


class MaxUnpool1d(MaxUnpool, rank=1):
    """Maxima back at their places, over (..., length, channels)."""


class MaxUnpool2d(MaxUnpool, rank=2):
    """Maxima back at their places, over (..., height, width, channels)."""


class MaxUnpool3d(MaxUnpool, rank=3):
    """Maxima back at their places, over (..., depth, height, width, channels)."""
