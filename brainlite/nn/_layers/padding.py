"""Layers that pad the spatial axes of their input."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import jax.numpy as jnp

from brainlite._given import Doubt, complaint_of, to_size
from brainlite.errors import SizeError
from brainlite.nn._layers.families import ByRank
from brainlite.nn._layers.layer import check_array
from brainlite.nn._layers.spatial import Pads, per_axis, to_pairs
from brainlite.state._face import refused
from brainlite.typing import Array, Shape, Size

PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]
"""What stands outside the input."""

PadSize: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]

_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, pads: Pads, mode: PaddingMode, first: int, value: float = 0) -> Array:
    """Pad the axes that start with axis ``first``, before and after each."""
    width = [(0, 0)] * x.ndim
    width[first : first + len(pads)] = pads
    if mode == "zeros":
        return jnp.pad(x, width, constant_values=value)
    return jnp.pad(x, width, mode=_NUMPY_MODES[mode])


def most_padding(mode: PaddingMode, size: int) -> float:
    """Return how many elements an axis of this size has to give to its padding."""
    enough = float("inf")
    given = {"reflect": size - 1, "circular": size, "replicate": enough if size else 0}
    return given.get(mode, enough)


class Pad(ByRank):
    """The base of layers that put elements around their input: (..., *spatial, channels).

    Outside stand, for (1, 2, 3) padded by 2: of a ReflectionPad (3, 2 | 1, 2, 3 | 2, 1), of a
    ReplicationPad (1, 1 | 1, 2, 3 | 3, 3), of a CircularPad (2, 3 | 1, 2, 3 | 1, 2), of a ZeroPad
    zeros, and of a ConstantPad its ``value``.

    Parameters
    ----------
    padding : int or sequence
        How many elements to add: everywhere; before and after each axis, (first, second, ...); or,
        flat, (before first, after first, before second, ...). The first spatial axis comes first,
        where torch starts with the last one.
    value : float
        The constant; of a ConstantPad only.
    in_size : int or sequence of int, optional
        The shape of one sample, channels included; out_size follows from it.
    name : str, optional
        A name of its own.

    Raises
    ------
    SizeError
        Padding or in_size does not fit the number of axes, or the padding is too wide.
    InputError
        At a call: there are too few axes, or the padding is too wide. A reflection must be narrower
        than the input, and a CircularPad goes around it once at most.
        Or the input is of whole numbers and the value is none of them.

    Examples
    --------
    >>> brainlite.nn.ReflectionPad1d((2, 1))(jnp.asarray([[1.0], [2.0], [3.0]])).ravel()
    Array([3., 2., 1., 2., 3., 2.], dtype=float32)
    >>> brainlite.nn.ZeroPad2d((0, 1, 2, 2))(jnp.ones((8, 5, 5, 3))).shape
    (8, 6, 9, 3)
    """

    _mode: ClassVar[PaddingMode]
    value: float = 0

    @classmethod
    def _doubt(cls, padding: Any = None, *_rest: Any, **_named: Any) -> Doubt | None:
        """Doubt a padding that means another in torch, which takes the last axis first."""
        given = padding if isinstance(padding, tuple | list) else ()
        flat = [each for each in given if isinstance(each, int)]
        if cls._rank == 1 or len(flat) != 2 * cls._rank:
            return None
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        if pairs == pairs[::-1]:
            return None
        ours, theirs = (f"({', '.join(map(str, each))})" for each in (pairs, pairs[::-1]))
        return Doubt(f"{padding}", "pads the first spatial axis first", theirs, ours)

    def __init_subclass__(cls, mode: PaddingMode = "zeros", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._mode = mode

    def __init__(
        self, padding: PadSize, in_size: Size | None = None, name: str | None = None
    ) -> None:
        self.name = name
        self.padding: Pads = _to_pads(padding, self._rank, type(self).__name__)
        if in_size is not None:
            self.in_size = to_size(in_size, name="in_size", where=type(self).__name__)
            complaint = self._complaint(self.in_size)
            if complaint is not None or len(self.in_size) != self._rank + 1:
                raise SizeError(
                    "in_size does not fit the layer",
                    where=type(self).__name__,
                    expected=complaint or f"{self._rank} spatial sizes and the number of channels",
                    got=f"in_size={self.in_size}, padding={self.padding}",
                    fix="pass the shape of one sample, channels last, or less padding",
                )
            spatial = zip(self.in_size, self.padding, strict=False)
            sizes = tuple(size + before + after for size, (before, after) in spatial)
            self.out_size = (*sizes, self.in_size[-1])

    def update(self, x: Array) -> Array:
        """Pad the spatial axes.

        Parameters
        ----------
        x : array, shape (..., *spatial, channels)

        Returns
        -------
        array, shape (..., *padded, channels)
        """
        check_array(self, x)
        complaint = self._complaint(x.shape)
        if complaint is not None:
            raise refused(
                self,
                "the input does not fit the padding",
                expected=complaint,
                got=f"an array of shape {x.shape}, for padding={self.padding}",
                fix="pass input with channels in the last axis, and less padding than there is "
                "input to take it from",
            )
        wanted = complaint_of(self.value, x.dtype)
        if wanted is not None:
            raise refused(
                self,
                "the input cannot hold what it is padded with",
                expected=wanted,
                got=f"value={self.value!r}",
                fix="convert the input to floats, or make the layer with another value",
            )
        return pad(x, self.padding, self._mode, x.ndim - 1 - self._rank, self.value)

    def _complaint(self, shape: Shape) -> str | None:
        """Return what is expected of a shape; None where it is so."""
        if len(shape) <= self._rank:
            return f"{self._rank} spatial axes and one of channels, after any number of batch axes"
        for size, pair in zip(shape[-self._rank - 1 : -1], self.padding, strict=True):
            most = most_padding(self._mode, size)
            if max(pair) > most:
                return f"padding of {max(most, 0)} at most along an axis of {size}"
        return None


def _to_pads(padding: PadSize, rank: int, where: str) -> Pads:
    given: Any = padding
    if isinstance(given, tuple | list) and len(given) == 2 * rank and rank > 1:
        flat = per_axis(given, 2 * rank, "padding", where, least=0)
        return tuple(zip(flat[::2], flat[1::2], strict=True))
    return to_pairs(given, rank, where)


class ReflectionPad1d(Pad, rank=1, mode="reflect"):
    """The input reflected at both ends of one axis."""


class ReflectionPad2d(Pad, rank=2, mode="reflect"):
    """The input reflected at its edges, two axes."""


class ReflectionPad3d(Pad, rank=3, mode="reflect"):
    """The input reflected at its faces, three axes."""


class ReplicationPad1d(Pad, rank=1, mode="replicate"):
    """The first and last element of one axis repeated."""


class ReplicationPad2d(Pad, rank=2, mode="replicate"):
    """The outermost elements of two axes repeated."""


class ReplicationPad3d(Pad, rank=3, mode="replicate"):
    """The outermost elements of three axes repeated."""


class CircularPad1d(Pad, rank=1, mode="circular"):
    """The input continued from its other end, one axis."""


class CircularPad2d(Pad, rank=2, mode="circular"):
    """The input continued from its other side, two axes."""


class CircularPad3d(Pad, rank=3, mode="circular"):
    """The input continued from its other side, three axes."""


class ZeroPad1d(Pad, rank=1):
    """Zeros around one axis."""


class ZeroPad2d(Pad, rank=2):
    """Zeros around two axes."""


class ZeroPad3d(Pad, rank=3):
    """Zeros around three axes."""


class ConstantPad(Pad):
    """The base of layers that put a number of one's own around the input."""

    def __init__(
        self,
        padding: PadSize,
        value: float = 0,
        in_size: Size | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(padding, in_size, name)
        self.value = value


class ConstantPad1d(ConstantPad, rank=1):
    """A number around one axis."""


class ConstantPad2d(ConstantPad, rank=2):
    """A number around two axes."""


class ConstantPad3d(ConstantPad, rank=3):
    """A number around three axes."""
