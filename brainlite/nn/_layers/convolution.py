"""What convolutions share: sizes, parameters, and the one operation behind them."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite._given import Elsewhere, to_size
from brainlite.display import Shown
from brainlite.errors import SizeError
from brainlite.nn import init
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.families import ByRank
from brainlite.nn._layers.layer import Init, Layer, batched, check_array
from brainlite.nn._layers.padding import PaddingMode, pad
from brainlite.nn._layers.spatial import Pads, per_axis
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.state import ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, DTypeLike, Shape, Size


class Windows(NamedTuple):
    """What a convolution does along its axes; static under jit."""

    stride: Shape
    pads: Pads
    lhs_dilation: Shape
    rhs_dilation: Shape
    groups: int
    channel_first: bool
    padding_mode: PaddingMode = "zeros"
    transposed: bool = False


class Convolution(Layer, ByRank):
    """The base of convolutions. A subclass says with ``_plan`` what it does along its axes."""

    out_channels: int
    groups: int

    w_mask: Array | None = None

    if not TYPE_CHECKING:
        bias = Elsewhere()

    @abstractmethod
    def _plan(self) -> Windows:
        """Return what is to be done, for input of in_size."""

    def _set_kernel(
        self,
        in_size: Sequence[int],
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        rhs_dilation: Size,
        groups: int,
        channel_first: bool,
    ) -> None:
        """Check and keep sizes, strides, dilations and groups."""
        rank, kind = self._rank, type(self).__name__
        self.in_size = to_size(in_size, name="in_size", where=kind)
        if len(self.in_size) != rank + 1:
            raise SizeError(
                "in_size has the wrong number of axes",
                where=kind,
                expected=f"{rank + 1} sizes: {rank} of the spatial axes, one of the channels",
                got=f"in_size={in_size!r}",
                fix="pass the shape of one sample",
            )
        self.channel_first = channel_first
        self.in_channels: int = self.in_size[0 if channel_first else -1]
        (self.out_channels,) = per_axis(out_channels, 1, "out_channels", kind)
        self.kernel_size: Shape = per_axis(kernel_size, rank, "kernel_size", kind)
        self.stride: Shape = per_axis(stride, rank, "stride", kind)
        self.rhs_dilation: Shape = per_axis(rhs_dilation, rank, "rhs_dilation", kind)
        (self.groups,) = per_axis(groups, 1, "groups", kind)
        common = math.gcd(self.in_channels, self.out_channels)
        if common % self.groups:
            raise SizeError(
                "groups does not divide the channels",
                where=kind,
                expected=f"a divisor of both numbers of channels, so of {common}",
                got=f"groups={groups}, with {self.in_channels} in and {self.out_channels} out",
                fix="pass such a number of groups, or other numbers of channels",
            )

    def _spatial(self) -> Shape:
        return self.in_size[1:] if self.channel_first else self.in_size[:-1]

    def _spans(self) -> Shape:
        """Return how far the kernel reaches along each axis."""
        pairs = zip(self.kernel_size, self.rhs_dilation, strict=True)
        return tuple((size - 1) * step + 1 for size, step in pairs)

    def _finish(
        self,
        w_init: Init,
        b_init: Init | None,
        w_mask: Init | None,
        param_type: type[ParamState[Any]],
        dtype: DTypeLike | None,
        param_dtype: DTypeLike | None,
    ) -> None:
        """Set out_size and the parameters, when all the rest is there."""
        plan, ones = self._plan(), (1,) * self._rank
        sizes = self._out_spatial(plan)
        self.out_size = (
            (self.out_channels, *sizes) if self.channel_first else (*sizes, self.out_channels)
        )
        self._set_dtypes(dtype, param_dtype)
        fan = (self.in_channels // self.groups, self.out_channels)
        shape = (*self.kernel_size, *(reversed(fan) if plan.transposed else fan))
        if w_mask is not None:
            self.w_mask = init.param(w_mask, shape)
        params = {"weight": self._make(w_init, shape)}
        if b_init is not None:
            one_each = (*ones, fan[1])
            params["bias"] = self._make(
                b_init, (1, fan[1], *ones) if self.channel_first else one_each
            )
        self.weight: ParamState[dict[str, Array]] = param_type(params)

    def _out_spatial(self, plan: Windows) -> Shape:
        """Return the sizes of the output, or raise where no window fits."""
        found: list[int] = []
        along = zip(
            self._spatial(), plan.lhs_dilation, plan.pads, self._spans(), plan.stride, strict=True
        )
        for size, step, pads, span, stride in along:
            room = max((size - 1) * step + 1, 0) + sum(pads) - span
            if room < 0 or size < 1:
                raise SizeError(
                    "the kernel is larger than the input with its padding",
                    where=type(self).__name__,
                    expected=f"at least {span} elements along an axis, for kernel_size="
                    f"{self.kernel_size} and rhs_dilation={self.rhs_dilation}",
                    got=f"{room + span}, of in_size={self.in_size} and padding={plan.pads}",
                    fix="pass a smaller kernel, larger input, or more padding",
                )
            found.append(room // stride + 1)
        return tuple(found)

    def update(self, x: Array) -> Array:
        """Convolve the spatial axes.

        Parameters
        ----------
        x : array, shape (..., *in_size)

        Returns
        -------
        array, shape (..., *out_size)
        """
        check_array(self, x)
        self._check(x.shape)
        params = self._params()
        if self.dtype is not None:
            x, params = self._cast(x, params)
        plan, mask = self._plan(), self.w_mask
        return batched(lambda xs: convolve(plan, params, mask, xs), x, self._rank + 1)

    def _params(self) -> dict[str, Array]:
        return self.weight.value

    def _check(self, shape: Shape) -> None:
        """Raise unless the last axes of the input are those of in_size."""
        size = self.in_size
        if shape[-len(size) :] == size:
            return
        axis = -len(size) if self.channel_first else -1
        if len(shape) < len(size):
            problem, fix = "the input has too few axes", "pass spatial axes and channels"
        elif shape[axis] != self.in_channels:
            where = "first" if self.channel_first else "last"
            problem = "the input has the wrong number of channels"
            fix = f"pass {self.in_channels} channels in the {where} axis of each sample"
            if shape[1 - len(size) + axis if axis == -1 else -1] == self.in_channels:
                old, new = (-len(size), -1)[:: -1 if self.channel_first else 1]
                fix += f", as by `jnp.moveaxis(x, {old}, {new})`, or make the layer with "
                fix += f"channel_first={not self.channel_first}"
        else:
            problem = "the input has other sizes than the layer"
            fix = "make a layer for these sizes and load the parameters, which fit any size"
        expected = f"an array of shape (..., {', '.join(map(str, size))})"
        raise refused(self, problem, expected=expected, got=f"one of shape {shape}", fix=fix)

    def _torch_views(self) -> list[TorchView]:
        groups = self.groups if self._plan().transposed else 1
        names = {"weight": _torch_kernel(self._rank, groups), "bias": self._torch_bias()}
        return [view_of(self.weight, names)]

    def _torch_bias(self) -> TorchLayout:
        shape = (-1, *[1] * self._rank) if self.channel_first else (*[1] * self._rank, -1)
        lead = (1,) if self.channel_first else ()
        return TorchLayout(
            "bias", lambda bias: bias.reshape(-1), lambda bias: bias.reshape(lead + shape)
        )

    def _image_size(self) -> Shape | None:
        return None if self.channel_first else self.out_size

    def __display__(self) -> Shown:
        ones = (1,) * self._rank
        usual = {
            "in_channels": self.in_channels,  # in the sizes, too
            "out_channels": self.out_channels,
            "lhs_dilation": ones,
            "rhs_dilation": ones,
            "groups": 1,
            "channel_first": False,
            "padding_mode": "zeros",
            "output_padding": (0,) * self._rank,
        }
        shown = super().__display__()
        given = [(k, v) for k, v in shown.fields if k not in usual or v != usual[k]]
        return shown._replace(fields=given)


def _torch_kernel(rank: int, groups: int) -> TorchLayout:
    """Return how torch has a kernel: (*kernel, in, out) as (out, in, *kernel).

    A transposed one, (*kernel, out, in / groups), it has as (in, out / groups, *kernel).
    """
    spatial = range(rank)

    def take(weight: Any) -> Any:  # (*K, A, G B) -> (G, B, ...)
        *sizes, second, first = weight.shape
        if groups == 1:
            return weight.transpose(rank + 1, rank, *spatial)
        parts = weight.reshape(*sizes, groups, second // groups, first)
        ordered = parts.transpose(rank, rank + 2, rank + 1, *spatial)
        return ordered.reshape(groups * first, second // groups, *sizes)

    def put(weight: Any) -> Any:
        first, second, *sizes = weight.shape
        if groups == 1:
            return weight.transpose(*range(2, rank + 2), 1, 0)
        parts = weight.reshape(groups, first // groups, second, *sizes)
        ordered = parts.transpose(*range(3, rank + 3), 0, 2, 1)
        return ordered.reshape(*sizes, groups * second, first // groups)

    return TorchLayout("weight", take, put)


@kernel("plan")
def convolve(plan: Windows, params: dict[str, Array], mask: Array | None, x: Array) -> Array:
    """Convolve an array with one batch axis."""
    weight = params["weight"]
    if mask is not None:
        weight = weight * mask.astype(weight.dtype)  # the model may have been cast
    dtype = jnp.result_type(x, weight)
    pads, rank = plan.pads, len(plan.pads)
    if plan.padding_mode != "zeros":
        x = pad(x, pads, plan.padding_mode, first=2 if plan.channel_first else 1)
        pads = ((0, 0),) * rank
    if plan.transposed:
        weight = jnp.flip(weight, range(rank))
    axes = "DHW"[-rank:]
    data = f"NC{axes}" if plan.channel_first else f"N{axes}C"
    y = jax.lax.conv_general_dilated(
        x.astype(dtype),
        weight.astype(dtype),
        plan.stride,
        pads,
        plan.lhs_dilation,
        plan.rhs_dilation,
        (data, axes + ("OI" if plan.transposed else "IO"), data),
        plan.groups,
    )
    return y + params["bias"] if "bias" in params else y
