"""Convolutions whose weights are standardised."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from brainlite.errors import InputError
from brainlite.nn import init
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.conv import Conv
from brainlite.nn._layers.layer import Init
from brainlite.nn._layers.padding import PaddingMode
from brainlite.nn._layers.spatial import SpatialPadding
from brainlite.state import ParamState
from brainlite.typing import Array, DTypeLike, Size


def weight_standardization(
    w: Array, eps: float = 1e-4, gain: Array | None = None, out_axis: int = -1
) -> Array:
    r"""Scale a weight so that what each output adds up has mean zero and variance one.

    :math:`g\,(W - \mu) / \sqrt{\max(N \sigma^2, \epsilon)}`, with mean, variance and number N of
    the weights of one output.

    Parameters
    ----------
    w : array
        The weight.
    eps : float
        The least value under the root.
    gain : array, optional
        A factor, one for all outputs or one for each.
    out_axis : int
        The axis of the outputs.

    Returns
    -------
    array of the shape and dtype of ``w``, computed in float32 at least.

    Raises
    ------
    InputError
        There is no such axis, or not one gain for each output.

    References
    ----------
    .. [1] Qiao et al., "Micro-batch training with batch-channel normalization and weight
       standardization", 2019.
    .. [2] Brock, De and Smith, "Characterizing signal propagation to close the performance gap in
       unnormalized ResNets", 2021: the scale and the gain.

    Examples
    --------
    >>> brainlite.nn.weight_standardization(jnp.asarray([[1.0, 2.0], [3.0, 6.0]]))
    Array([[-0.70710677, -0.70710677],
           [ 0.70710677,  0.70710677]], dtype=float32)
    """
    outputs = w.shape[out_axis] if -w.ndim <= out_axis < w.ndim else None
    if outputs is None or not (gain is None or jnp.size(gain) in (1, outputs)):
        raise InputError(
            "the gain or out_axis does not fit the weight",
            where="weight_standardization",
            expected="an axis of the weight, and one gain for each of its elements, or for all",
            got=f"a weight of shape {w.shape}, out_axis={out_axis}, a gain of shape "
            f"{jnp.shape(0.0 if gain is None else gain)}",
            fix="pass the axis of the outputs, the last one of a convolution's weight",
        )
    return _standardize(w, eps, gain, out_axis)


@kernel("out_axis")
def _standardize(w: Array, eps: float, gain: Array | None, out_axis: int) -> Array:
    along = tuple(axis for axis in range(w.ndim) if axis != out_axis % w.ndim)
    wide = w.astype(jnp.promote_types(w.dtype, jnp.float32))
    centred = wide - wide.mean(along, keepdims=True)
    total = jnp.square(centred).sum(along, keepdims=True)  # N times the variance
    scaled = centred * jax.lax.rsqrt(jnp.maximum(total, eps))
    if gain is not None:
        scaled = scaled * jnp.expand_dims(jnp.reshape(gain, -1), along)
    return scaled.astype(w.dtype)


class ScaledWSConv(Conv):
    """The base of convolutions whose weight is standardised at every call.

    Parameters
    ----------
    ws_gain : bool
        Whether a gain for each channel of the output is learned; it starts from one.
    eps : float
        The least variance, times the number of weights, that is divided by.
    in_size, out_channels, kernel_size, stride, padding, lhs_dilation, rhs_dilation, groups
        As for :class:`Conv2d`.
    w_init, b_init, w_mask, channel_first, name, param_type, padding_mode, dtype, param_dtype
        As for :class:`Conv2d`; the mask is multiplied with the standardised weight.

    Attributes
    ----------
    weight : ParamState
        As for :class:`Conv`, with ``'gain': (1, ..., 1, out)`` if ws_gain.

    References
    ----------
    See :func:`weight_standardization`.

    Examples
    --------
    >>> conv = brainlite.nn.ScaledWSConv2d((28, 28, 3), out_channels=16, kernel_size=3)
    >>> conv(jnp.ones((32, 28, 28, 3))).shape
    (32, 28, 28, 16)
    """

    def __init__(
        self,
        in_size: Sequence[int],
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: SpatialPadding = "SAME",
        lhs_dilation: Size = 1,
        rhs_dilation: Size = 1,
        groups: int = 1,
        ws_gain: bool = True,
        eps: float = 1e-4,
        w_init: Init = init.XavierNormal(),
        b_init: Init | None = None,
        w_mask: Init | None = None,
        channel_first: bool = False,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        padding_mode: PaddingMode = "zeros",
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        sizes = (in_size, out_channels, kernel_size, stride, padding, lhs_dilation, rhs_dilation)
        made = (w_init, b_init, w_mask, channel_first, name, param_type, padding_mode)
        super().__init__(*sizes, groups, *made, dtype, param_dtype)
        self.eps = eps
        if ws_gain:
            shape = (*(1,) * (self._rank + 1), self.out_channels)
            gain = self._make(init.Constant(1.0), shape)
            self.weight: ParamState[dict[str, Array]] = param_type(
                {**self.weight.value, "gain": gain}
            )

    def _params(self) -> dict[str, Array]:
        params = self.weight.value
        weight = _standardize(params["weight"], self.eps, params.get("gain"), -1)
        return {**params, "weight": weight}


class ScaledWSConv1d(ScaledWSConv, rank=1):
    """Convolution of (..., L, C) with standardised weights."""


class ScaledWSConv2d(ScaledWSConv, rank=2):
    """Convolution of (..., H, W, C) with standardised weights."""


class ScaledWSConv3d(ScaledWSConv, rank=3):
    """Convolution of (..., D, H, W, C) with standardised weights."""
