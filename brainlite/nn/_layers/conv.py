"""Convolutions."""

from collections.abc import Sequence
from typing import Any

from brainlite.errors import OptionError, SizeError
from brainlite.nn import init
from brainlite.nn._layers.convolution import Convolution, Windows
from brainlite.nn._layers.layer import Init
from brainlite.nn._layers.padding import PaddingMode, most_padding
from brainlite.nn._layers.spatial import Pads, SpatialPadding, per_axis, to_padding, to_pads
from brainlite.state import ParamState
from brainlite.typing import DTypeLike, Shape, Size


class Conv(Convolution):
    r"""The base of convolutions over the spatial axes; strictly speaking, of correlations.

    :math:`y_{n,o} = b_o + \sum_{k,i} W_{k,i,o}\, x_{s n + d k - p,\, i}` with stride s, dilation d
    and padding p.

    Parameters
    ----------
    in_size : sequence of int
        The shape of one sample, (*spatial, channels); (channels, *spatial) if channel_first. Input
        must have it, as in brainstate, where torch takes all sizes: out_size follows from it.
    out_channels : int
        The number of channels of the output.
    kernel_size, stride : int or sequence of int
        The size of the kernel, and the step from window to window; for all axes or for each.
    padding : {'SAME', 'VALID'}, int, or sequence of int or of (before, after)
        How far windows reach over the edge: so that there are size / stride of them, rounded up;
        not at all; or so many elements. With one axis (1, 2) is before and after. Where 'SAME' is
        odd, the larger part goes behind; torch's 'same' is that for stride 1.
    lhs_dilation, rhs_dilation : int or sequence of int
        The distance between elements of the input, with zeros between, and of the kernel (torch's
        ``dilation``).
    groups : int
        How many groups the channels are cut into. A group of outputs sees one of inputs.
    w_init : callable or array
        The weight, or what makes it from its shape (*kernel_size, in / groups, out).
    b_init : callable, array or None
        The bias, or what makes it from its shape; None, the default, for no bias.
    w_mask : callable, array or None
        Multiplied with the weight at every call; or what makes it from the shape of the weight.
    channel_first : bool
        Whether the channels come before the spatial axes, in in_size, input and output.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the parameters.
    padding_mode : {'zeros', 'reflect', 'replicate', 'circular'}
        What stands outside, as in torch.
    dtype, param_dtype : dtype, optional
        What the layer computes in, and the type of the parameters; see ``Linear``.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (*kernel_size, in / groups, out), 'bias': (1, ..., out)}``; the bias if there
        is one, of shape (1, out, 1, ...) if channel_first.

    Raises
    ------
    SizeError
        A size is no size, groups does not divide the channels, the kernel is larger than the input
        with its padding, or the padding wider than the input has elements to give.
    OptionError
        There is no such padding or padding_mode.
    InputError
        The last axes of the input are not in_size.

    References
    ----------
    .. [1] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.
    .. [2] Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", 2010: the default initialiser.

    Examples
    --------
    >>> conv = brainlite.nn.Conv2d((28, 28, 3), out_channels=16, kernel_size=5, stride=2)
    >>> conv.out_size, conv(jnp.ones((32, 28, 28, 3))).shape
    ((14, 14, 16), (32, 14, 14, 16))
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
        self.name = name
        self._set_kernel(
            in_size, out_channels, kernel_size, stride, rhs_dilation, groups, channel_first
        )
        kind = type(self).__name__
        self.padding: str | Pads = to_padding(padding, self._rank, kind)
        self.lhs_dilation: Shape = per_axis(lhs_dilation, self._rank, "lhs_dilation", kind)
        self.padding_mode: PaddingMode = padding_mode
        self._check_mode()
        self._finish(w_init, b_init, w_mask, param_type, dtype, param_dtype)

    def _plan(self) -> Windows:
        """Return what is to be done, for input of in_size."""
        sizes = zip(self._spatial(), self.lhs_dilation, strict=True)
        dilated = tuple((size - 1) * step + 1 for size, step in sizes)
        return Windows(
            self.stride,
            to_pads(self.padding, dilated, self._spans(), self.stride),
            self.lhs_dilation,
            self.rhs_dilation,
            self.groups,
            self.channel_first,
            self.padding_mode,
        )

    def _check_mode(self) -> None:
        """Raise unless there is such a padding_mode, and it can be had with the other options."""
        mode, kind = self.padding_mode, type(self).__name__
        known = ("zeros", "reflect", "replicate", "circular")
        dilated = max(self.lhs_dilation) > 1 and mode != "zeros"
        if mode not in known or dilated:
            raise OptionError(
                f"padding_mode has a value {'to go without lhs_dilation' * dilated}"
                f"{'that it does not know' * (not dilated)}",
                where=kind,
                expected="'zeros'" if dilated else " or ".join(map(repr, known)),
                got=f"padding_mode={mode!r}, lhs_dilation={self.lhs_dilation}",
                fix="pass one of these",
            )
        for size, pair in zip(self._spatial(), self._plan().pads, strict=True):
            if max(pair) > most_padding(mode, size):
                raise SizeError(
                    "the padding is wider than what the input has to give",
                    where=kind,
                    expected=f"{max(most_padding(mode, size), 0)} at most along an axis of {size}, "
                    f"for padding_mode={mode!r}",
                    got=f"padding of {pair}, with in_size={self.in_size}",
                    fix="pass less padding, or padding_mode='zeros'",
                )


class Conv1d(Conv, rank=1):
    """Convolution of (..., L, C) along one axis."""


class Conv2d(Conv, rank=2):
    """Convolution of (..., H, W, C) over two axes."""


class Conv3d(Conv, rank=3):
    """Convolution of (..., D, H, W, C) over three axes."""
