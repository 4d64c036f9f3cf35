"""What pooling layers share: which axes they pool, and where their windows lie."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

from brainlite._given import to_size
from brainlite.errors import InputError, SizeError
from brainlite.nn._layers.families import ByRank
from brainlite.nn._layers.spatial import Pads, SpatialPadding, per_axis, to_padding
from brainlite.state._face import refused
from brainlite.typing import Shape, Size


class Along(NamedTuple):
    """The windows along one axis."""

    axis: int
    kernel: int
    stride: int
    windows: int
    low: int
    high: int
    filled: int  # the padding at the end that also fills up the last window


class SpatialModule(ByRank):
    """The base of layers that pool the last ``rank`` axes of the input, channels aside."""

    channel_axis: int | None

    def _set_sizes(self, name: str | None, channel_axis: int | None, in_size: Size | None) -> None:
        """Set what all have; the windows must be known, as out_size follows from them."""
        if name is not None:
            self.name = name
        self.channel_axis = channel_axis
        if in_size is not None:
            self.in_size = to_size(in_size, name="in_size", where=type(self).__name__)
            try:
                self.out_size = self._shape_of(self.in_size)
            except InputError as error:
                raise SizeError(error.message) from None

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes that are pooled."""
        rank, axis = len(shape), self.channel_axis
        channels = "" if axis is None else f", channels in axis {axis}"
        if rank < self._rank + bool(channels) or not (axis is None or -rank <= axis < rank):
            raise refused(
                self,
                "the input has too few axes",
                expected=f"{self._rank} axes to pool{channels}, any number of batch axes in front",
                got=f"an array of shape {shape}",
                fix="pass an array (..., channels), or say with `channel_axis=` where they are "
                "(None: there are none)",
            )
        others = [n for n in range(rank) if axis is None or n != axis % rank]
        return tuple(others[-self._rank :])

    def _replaced(self, shape: Shape, sizes: Iterable[int]) -> Shape:
        """Return a shape with other sizes along the pooled axes."""
        new = dict(zip(self._axes(shape), sizes, strict=True))
        return tuple(new.get(axis, size) for axis, size in enumerate(shape))

    @abstractmethod
    def _shape_of(self, shape: Shape) -> Shape:
        """Return the shape of the output for a shape of the input."""

    def _image_size(self) -> Shape | None:
        known = self.channel_axis == -1 and hasattr(self, "out_size")
        return self.out_size if known else None


class WindowModule(SpatialModule):
    """The base of layers with a window that is moved over the input."""

    ceil_mode: bool = False  # an attribute of its own only where it was given, so that others print

    def _set_window(
        self,
        kernel_size: Size,
        stride: Size | None,
        padding: SpatialPadding,
        ceil_mode: bool = False,
    ) -> None:
        """Check and keep kernel size, stride and padding."""
        rank, kind = self._rank, type(self).__name__
        self.kernel_size: Shape = per_axis(kernel_size, rank, "kernel_size", kind)
        stride = self.kernel_size if stride is None else stride
        self.stride: Shape = per_axis(stride, rank, "stride", kind)
        self.padding: str | Pads = to_padding(padding, rank, kind)
        if ceil_mode:
            self.ceil_mode = True
        pads = [] if isinstance(self.padding, str) else self.padding
        if any(max(pair) >= size for pair, size in zip(pads, self.kernel_size, strict=False)):
            raise SizeError(
                "there would be windows with nothing but padding",
                where=kind,
                expected=f"padding smaller than the window, {self.kernel_size}",
                got=f"padding={padding!r}",
                fix="pass less padding or a larger kernel_size",
            )

    def _along(self, shape: Shape) -> tuple[Along, ...]:
        """Return the windows along each pooled axis."""
        found: list[Along] = []
        for n, axis in enumerate(self._axes(shape)):
            pad = (0, 0) if isinstance(self.padding, str) else self.padding[n]
            along = self._place(axis, shape[axis], self.kernel_size[n], self.stride[n], pad)
            if along.windows < 1:
                raise refused(
                    self,
                    "the window is larger than the input with its padding",
                    expected=f"at least {along.kernel - sum(pad)} elements along axis {axis}",
                    got=f"{shape[axis]}, in an array of shape {shape}",
                    fix="pass larger input, a smaller kernel_size, or padding='SAME'",
                )
            found.append(along)
        return tuple(found)

    def _place(self, axis: int, size: int, kernel: int, stride: int, pad: tuple[int, int]) -> Along:
        """Return where windows lie along one axis of this size."""
        if self.padding == "SAME":  # a window for each step; an odd rest goes to the end
            rest = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pad = (rest // 2, rest - rest // 2)
        low, high = pad
        last = (size + low + high - kernel) // stride
        if self.ceil_mode and last >= 0 and (last + 1) * stride < size + low:
            last += last * stride + kernel < size + low + high  # as torch: it starts in the input
        filled = max(high, last * stride + kernel - size - low)
        return Along(axis, kernel, stride, last + 1, low, high, filled)

    def _shape_of(self, shape: Shape) -> Shape:
        return self._replaced(shape, [along.windows for along in self._along(shape)])
