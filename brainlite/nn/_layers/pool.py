"""Pooling with a window that is moved over the input: maximum, mean, power mean."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypeVar

from brainlite._given import Doubt
from brainlite.errors import OptionError
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import check_array
from brainlite.nn._layers.spatial import SpatialPadding
from brainlite.nn._layers.window import Along, WindowModule
from brainlite.typing import Array, Size

B = TypeVar("B", Literal[True], Literal[False], default=Literal[False])


class MaxPool(WindowModule, Generic[B]):
    """The maximum of each window.

    Parameters
    ----------
    kernel_size : int or sequence of int
        The size of the window, for all axes or for each.
    stride : int or sequence of int, optional
        The step from window to window; by default kernel_size.
    padding : {'VALID', 'SAME'}, int, or sequence of int or of (before, after)
        How far windows reach over the edge. Padding is never the maximum.
    channel_axis : int or None
        The axis of the channels in the input as it is passed, which is not pooled. Of the others
        the last ones are, and those before are batch axes.
    return_indices : bool
        Whether to return where the maxima are, too: places in the flattened input, all its axes
        included, where torch counts within one channel of one sample.
    name : str, optional
        A name of its own.
    in_size : int or sequence of int, optional
        The shape of one sample, channels included; out_size follows from it.
    ceil_mode : bool
        Whether a last window that is not full counts, if it starts within the input.

    Raises
    ------
    SizeError, OptionError
        Sizes or padding that are none, or padding as large as the window.
    InputError
        Input with too few axes, or smaller than the window.

    References
    ----------
    Scherer, Müller and Behnke, "Evaluation of pooling operations in convolutional architectures for
    object recognition", ICANN 2010.

    Examples
    --------
    >>> brainlite.nn.MaxPool2d(2)(jnp.ones((8, 28, 28, 3))).shape
    (8, 14, 14, 3)
    >>> pool = brainlite.nn.MaxPool1d(2, channel_axis=None, return_indices=True)
    >>> pool(jnp.asarray([1.0, 4.0, 3.0, 2.0]))
    (Array([4., 3.], dtype=float32), Array([1, 2], dtype=int32))
    """

    return_indices: bool = False

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: SpatialPadding = "VALID",
        channel_axis: int | None = -1,
        return_indices: B = False,  # type: ignore[assignment]  # the default of B
        name: str | None = None,
        in_size: Size | None = None,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self._set_window(kernel_size, stride, padding, ceil_mode)
        self._set_sizes(name, channel_axis, in_size)
        if return_indices:
            self.return_indices = True

    if TYPE_CHECKING:

        @overload
        def __call__(self: "MaxPool[Literal[False]]", x: Array) -> Array: ...
        @overload
        def __call__(self: "MaxPool[Literal[True]]", x: Array) -> tuple[Array, Array]: ...
        def __call__(self: Any, x: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # exact where the base is general
            """Run ``update``."""

    def update(self, x: Array) -> Array | tuple[Array, Array]:
        """Pool an array.

        Parameters
        ----------
        x : array, shape (..., *spatial, channels)

        Returns
        -------
        array, shape (..., *pooled, channels), or (array, indices) with ``return_indices``
        """
        check_array(self, x)
        along = self._along(x.shape)
        return _first_maximum(x, along) if self.return_indices else _maximum(x, along)


class MaxPool1d(MaxPool[B], rank=1):
    """The maximum of each window, over (..., length, channels)."""


class MaxPool2d(MaxPool[B], rank=2):
    """The maximum of each window, over (..., height, width, channels)."""


class MaxPool3d(MaxPool[B], rank=3):
    """The maximum of each window, over (..., depth, height, width, channels)."""


class AvgPool(WindowModule):
    """The mean of each window.

    As in brainstate the stride is 1 by default and padding is left out of the mean; in torch they
    are ``stride=None`` and ``count_include_pad=True``.

    Parameters
    ----------
    kernel_size, padding, channel_axis, name, in_size, ceil_mode
        As in :class:`MaxPool`.
    stride : int or sequence of int, optional
        The step from window to window; None for kernel_size.
    count_include_pad : bool
        Whether padding counts as zeros; what ``ceil_mode`` adds never does.

    Raises
    ------
    SizeError, OptionError, InputError
        As in :class:`MaxPool`.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86:2278, 1998.

    Examples
    --------
    >>> brainlite.nn.AvgPool1d(3, 2, 1)(jnp.arange(5.0)[:, None])[:, 0]
    Array([0.5, 2. , 3.5], dtype=float32)
    """

    count_include_pad: bool = False

    @classmethod
    def _doubt(cls, kernel_size: Any = None, *rest: Any, **named: Any) -> Doubt | None:
        if rest or "stride" in named or kernel_size in (1, None):
            return None
        size = f"kernel_size={kernel_size}"
        return Doubt(size, "moves by 1", f"{size}, stride=None", f"{size}, stride=1")

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = 1,
        padding: SpatialPadding = "VALID",
        channel_axis: int | None = -1,
        name: str | None = None,
        in_size: Size | None = None,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
    ) -> None:
        self._set_window(kernel_size, stride, padding, ceil_mode)
        self._set_sizes(name, channel_axis, in_size)
        if count_include_pad:
            self.count_include_pad = True

    def update(self, x: Array) -> Array:
        """Pool an array.

        Parameters
        ----------
        x : array, shape (..., *spatial, channels)

        Returns
        -------
        array, shape (..., *pooled, channels)
        """
        check_array(self, x)
        return _mean(x, self._along(x.shape), self.count_include_pad)


class AvgPool1d(AvgPool, rank=1):
    """The mean of each window, over (..., length, channels)."""


class AvgPool2d(AvgPool, rank=2):
    """The mean of each window, over (..., height, width, channels)."""


class AvgPool3d(AvgPool, rank=3):
    """The mean of each window, over (..., depth, height, width, channels)."""


class LPPool(WindowModule):
    r"""The power mean of each window, :math:`(\mathrm{mean}\, |x|^p)^{1/p}`.

    As in brainstate it is a mean, where torch has a sum: theirs is ours times the number of
    elements of the window to the power 1/p. Padding counts as zeros.

    Parameters
    ----------
    norm_type : float
        The exponent p, greater than 0 and finite.
    kernel_size, stride, padding, channel_axis, name, in_size, ceil_mode
        As in :class:`MaxPool`.

    Raises
    ------
    SizeError, OptionError, InputError
        As in :class:`MaxPool`; norm_type is not greater than 0 or not finite.

    References
    ----------
    Gulcehre, Cho, Pascanu and Bengio, "Learned-norm pooling for deep feedforward and recurrent
    neural networks", ECML PKDD 2014.

    Examples
    --------
    >>> brainlite.nn.LPPool1d(2, 2)(jnp.asarray([[1.0], [7.0], [3.0], [3.0]]))[:, 0]
    Array([5., 3.], dtype=float32)
    """

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        padding: SpatialPadding = "VALID",
        channel_axis: int | None = -1,
        name: str | None = None,
        in_size: Size | None = None,
        *,
        ceil_mode: bool = False,
    ) -> None:
        if not 0 < norm_type < math.inf:
            raise OptionError(
                "norm_type is no exponent of a power mean",
                where=type(self).__name__,
                expected="a finite number greater than 0",
                got=f"norm_type={norm_type!r}",
                fix="pass norm_type=2, or use MaxPool for the limit of large exponents",
            )
        self.norm_type: float = float(norm_type)
        self._set_window(kernel_size, stride, padding, ceil_mode)
        self._set_sizes(name, channel_axis, in_size)

    def update(self, x: Array) -> Array:
        """Pool an array.

        Parameters
        ----------
        x : array, shape (..., *spatial, channels)

        Returns
        -------
        array, shape (..., *pooled, channels)
        """
        check_array(self, x)
        return _power_mean(x, self._along(x.shape), self.norm_type)


class LPPool1d(LPPool, rank=1):
    """The power mean of each window, over (..., length, channels)."""


class LPPool2d(LPPool, rank=2):
    """The power mean of each window, over (..., height, width, channels)."""


class LPPool3d(LPPool, rank=3):
    """The power mean of each window, over (..., depth, height, width, channels)."""


def _reach(along: Sequence[Along], rank: int) -> dict[str, Any]:
    """Return the window as `reduce_window` has it, with an entry for every axis."""
    rows: list[Any] = [(1, 1, (0, 0))] * rank
    for each in along:
        rows[each.axis] = (each.kernel, each.stride, (each.low, each.filled))
    names = ("window_dimensions", "window_strides", "padding")
    return dict(zip(names, zip(*rows, strict=True), strict=True))


@kernel("along")
def _maximum(x: Array, along: tuple[Along, ...]) -> Array:
    y: Array = jax.lax.reduce_window(x, _lowest(x), jax.lax.max, **_reach(along, x.ndim))
    return y


@kernel("along")
def _first_maximum(x: Array, along: tuple[Along, ...]) -> tuple[Array, Array]:
    """Return the maximum of each window, and where it is in the flattened array."""
    given = jax.lax.stop_gradient(x)
    places = jnp.arange(x.size, dtype=jnp.int32).reshape(x.shape)
    nowhere = np.array(np.iinfo(np.int32).max, np.int32)
    found: tuple[Array, Array] = jax.lax.reduce_window(
        (given, places), (_lowest(x), nowhere), _greater, **_reach(along, x.ndim)
    )
    return x.ravel()[found[1]], found[1]


@kernel("along", "with_padding")
def _mean(x: Array, along: tuple[Along, ...], with_padding: bool) -> Array:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return _sum_over_count(wide, along, with_padding).astype(jnp.result_type(x.dtype, float))


@kernel("along", "exponent")
def _power_mean(x: Array, along: tuple[Along, ...], exponent: float) -> Array:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = _sum_over_count(_power(jnp.abs(wide), exponent), along, with_padding=True)
    return _power(mean, 1 / exponent).astype(jnp.result_type(x.dtype, float))


def _sum_over_count(x: Array, along: Sequence[Along], with_padding: bool) -> Array:
    """Return the mean of each window, of the elements that count."""
    divisor: Any = np.ones((), x.dtype)
    for each in along:
        first = np.arange(each.windows) * each.stride - each.low
        start, end = 0, x.shape[each.axis]
        if with_padding:  # what fills up the last window never counts
            start, end = -each.low, end + each.high
        number = np.minimum(first + each.kernel, end) - np.maximum(first, start)
        if (number == number[0]).all():
            number = number[:1]
        divisor = divisor * np.expand_dims(number, tuple(range(1, x.ndim - each.axis)))
    zero = np.zeros((), x.dtype)
    total: Array = jax.lax.reduce_window(x, zero, jax.lax.add, **_reach(along, x.ndim))
    return total / jnp.asarray(divisor, x.dtype)


def _power(x: Array, exponent: float) -> Array:
    """Return a power of numbers that are not negative, with gradient 0 at 0."""
    return jnp.where(x == 0, 0, jnp.where(x == 0, 1, x) ** exponent)


def _lowest(x: Array) -> Any:
    """Return what no element is less than."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return np.array(-np.inf, x.dtype)
    return np.array(False if x.dtype == bool else np.iinfo(x.dtype).min, x.dtype)


def _greater(one: Any, two: Any) -> Any:
    """Return the greater of two (value, place); NaN is the greatest, the first of equals is."""
    (value, place), (other, elsewhere) = one, two
    equal = (value == other) | (_is_nan(value) & _is_nan(other))
    ahead = (value > other) | (_is_nan(value) & ~_is_nan(other))
    first = ahead | (equal & (place < elsewhere))
    return jnp.where(first, value, other), jnp.where(first, place, elsewhere)


def _is_nan(x: Any) -> Any:
    return x != x  # also for ints
