"""Transposed convolutions."""

from collections.abc import Sequence
from typing import Any

from brainlite.nn import init
from brainlite.nn._layers.convolution import Convolution, Windows
from brainlite.nn._layers.layer import Init
from brainlite.nn._layers.spatial import Pads, SpatialPadding, per_axis, to_padding
from brainlite.state import ParamState
from brainlite.typing import DTypeLike, Shape, Size


class ConvTranspose(Convolution):
    """The base of transposed convolutions: each element of the input adds a kernel to the output.

    The input is spread out, with ``stride - 1`` zeros between its elements; ``padding`` is *added*
    around that, and the kernel, turned around, moves over it by steps of one. So padding makes the
    output larger, as in brainstate and ``jax.lax.conv_transpose``. Torch's ``padding=p`` takes
    away from the output: it is ``padding=rhs_dilation * (kernel_size - 1) - p`` here.

    Parameters
    ----------
    in_size, out_channels, kernel_size : sequence of int, int, int or sequence of int
        As for :class:`Conv`.
    stride : int or sequence of int
        The distance in the output between what two elements of the input add.
    padding : {'SAME', 'VALID'}, int, or sequence of int or of (before, after)
        'SAME' for ``size * stride`` elements, 'VALID' for all that a kernel reaches, at least as
        many; else what is added at both ends.
    rhs_dilation : int or sequence of int
        The distance between elements of the kernel (torch's ``dilation``).
    groups : int
        How many groups the channels are cut into. A group of outputs sees one of inputs.
    w_init, b_init, w_mask, channel_first, name, param_type
        As for :class:`Conv`; the shape of the weight is (*kernel_size, out, in / groups), where
        torch has (in, out / groups, *kernel_size).
    output_padding : int or sequence of int
        How many elements the output is longer at its end, as in torch.
    dtype, param_dtype : dtype, optional
        What the layer computes in, and the type of the parameters; see ``Linear``.

    Raises
    ------
    SizeError, OptionError, InputError
        As for :class:`Conv`.

    References
    ----------
    .. [1] Zeiler et al., "Deconvolutional networks", 2010.
    .. [2] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> up = brainlite.nn.ConvTranspose2d((7, 7, 16), out_channels=3, kernel_size=4, stride=2)
    >>> up(jnp.ones((32, 7, 7, 16))).shape
    (32, 14, 14, 3)
    """

    def __init__(
        self,
        in_size: Sequence[int],
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: SpatialPadding = "SAME",
        rhs_dilation: Size = 1,
        groups: int = 1,
        w_init: Init = init.XavierNormal(),
        b_init: Init | None = None,
        w_mask: Init | None = None,
        channel_first: bool = False,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        output_padding: Size = 0,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        self._set_kernel(
            in_size, out_channels, kernel_size, stride, rhs_dilation, groups, channel_first
        )
        kind = type(self).__name__
        self.padding: str | Pads = to_padding(padding, self._rank, kind)
        self.output_padding: Shape = per_axis(
            output_padding, self._rank, "output_padding", kind, least=0
        )
        self._finish(w_init, b_init, w_mask, param_type, dtype, param_dtype)

    def _plan(self) -> Windows:
        """Return the convolution of the stretched input that a transposed one is."""
        pads = self.padding
        if isinstance(pads, str):
            whole, along = pads == "VALID", zip(self._spans(), self.stride, strict=True)
            pads = tuple(_named(span, stride, whole) for span, stride in along)
        more = zip(pads, self.output_padding, strict=True)
        return Windows(
            stride=(1,) * self._rank,
            pads=tuple((before, after + extra) for (before, after), extra in more),
            lhs_dilation=self.stride,
            rhs_dilation=self.rhs_dilation,
            groups=self.groups,
            channel_first=self.channel_first,
            transposed=True,
        )


def _named(span: int, stride: int, whole: bool) -> tuple[int, int]:
    """Return the padding for all that a kernel reaches, or for size * stride elements."""
    if whole:
        return span - 1, max(span, stride) - 1
    total = span + stride - 2
    before = span - 1 if stride > span - 1 else -(-total // 2)
    return before, total - before


class ConvTranspose1d(ConvTranspose, rank=1):
    """Transposed convolution of (..., L, C) along one axis."""


class ConvTranspose2d(ConvTranspose, rank=2):
    """Transposed convolution of (..., H, W, C) over two axes."""


class ConvTranspose3d(ConvTranspose, rank=3):
    """Transposed convolution of (..., D, H, W, C) over three axes."""
