"""Layers that merge axes, and that split one."""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from brainlite._given import Doubt
from brainlite.errors import SizeError
from brainlite.nn._layers.layer import check_array
from brainlite.nn._modules.module import Module
from brainlite.state._face import refused
from brainlite.typing import Array, Shape, Size


class Reshaping(Module, ABC):
    """The base of both: the shape of the output is a function of the shape of one sample."""

    __display_compact__ = True

    def _set_size(self, in_size: Size | None) -> None:
        """Keep the shape of one sample, if given, and work out that of the output."""
        if in_size is None:
            return
        self.in_size = in_size
        new = self._reshape(self.in_size)
        if isinstance(new, str):
            raise SizeError(
                new,
                where=type(self).__name__,
                expected=self._expected(),
                got=f"in_size={self.in_size}",
                fix="count the axes of in_size, which has no batch axes",
            )
        self.out_size = new

    @abstractmethod
    def _reshape(self, shape: Shape) -> Shape | str:
        """Return the new shape, or what is wrong."""

    @abstractmethod
    def _expected(self) -> str:
        """Say which shapes fit."""

    def update(self, x: Array) -> Array:
        """Reshape the input.

        Parameters
        ----------
        x : array
            Of shape (..., *in_size) where in_size was given, else of any that has the axes.
        """
        check_array(self, x)
        size = self._in_size
        lead = 0 if size is None else max(x.ndim - len(size), 0)
        new = self._reshape(x.shape[lead:])
        if size is not None and x.shape[lead:] != size:
            new = "the input has the wrong shape"
        if isinstance(new, str):
            raise refused(
                self,
                new,
                expected=self._expected() if size is None else f"shape (..., *{size})",
                got=f"an array of shape {x.shape}",
                fix="pass such an input, or other axes to the layer",
            )
        return x.reshape((*x.shape[:lead], *new))


class Flatten(Reshaping):
    """Merges neighbouring axes into one.

    Parameters
    ----------
    start_axis, end_axis : int
        The first and the last axis to merge. They count the axes of the array, by default all of
        them, that of the batch included; torch leaves the first.
    in_size : int or sequence of int, optional
        The shape of one sample. With it the axes are those of the sample, any axes in front are
        kept, and ``out_size`` is known.

    Raises
    ------
    SizeError
        in_size does not have the axes.
    InputError
        The input does not have them, or is no batch of samples of in_size.

    Examples
    --------
    >>> images = jnp.ones((8, 5, 5, 3))
    >>> brainlite.nn.Flatten(1)(images).shape, brainlite.nn.Flatten(in_size=(5, 5, 3))(images).shape
    ((8, 75), (8, 75))
    """

    @classmethod
    def _doubt(cls, *args: Any, **named: Any) -> Doubt | None:
        if args or named:
            return None
        return Doubt("", "merges all axes, that of the batch included", "Flatten(1)", "Flatten(0)")

    def __getnewargs__(self) -> tuple[int]:
        return (self.start_axis,)  # a copy is made with something: nobody is asked again

    def __init__(
        self, start_axis: int = 0, end_axis: int = -1, in_size: Size | None = None
    ) -> None:
        self.start_axis = start_axis
        self.end_axis = end_axis
        self._set_size(in_size)

    def _reshape(self, shape: Shape) -> Shape | str:
        """Return the new shape, or what is wrong."""
        rank = len(shape)
        if not all(-rank <= axis < rank for axis in (self.start_axis, self.end_axis)):
            return "an axis to flatten is not there"
        start, end = self.start_axis % rank, self.end_axis % rank
        if start > end:
            return "the first axis to flatten comes after the last"
        return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])

    def _expected(self) -> str:
        return f"axes from {self.start_axis} to {self.end_axis}"


class Unflatten(Reshaping):
    """Splits one axis into several.

    Parameters
    ----------
    axis : int
        The axis to split.
    sizes : int or sequence of int
        The lengths of the new axes; one of them may be -1, and is then found.
    name : str, optional
        A name of its own.
    in_size : int or sequence of int, optional
        The shape of one sample; as for :class:`Flatten`.

    Raises
    ------
    SizeError
        The sizes are no sizes, or in_size has no such axis of such a length.
    InputError
        The input has not.

    Examples
    --------
    >>> brainlite.nn.Unflatten(-1, (2, -1))(jnp.ones((8, 6))).shape
    (8, 2, 3)
    """

    def __init__(
        self,
        axis: int,
        sizes: int | Sequence[int],
        name: str | None = None,
        in_size: Size | None = None,
    ) -> None:
        self.name = name
        self.axis = axis
        given = (sizes,) if isinstance(sizes, int) else sizes
        self.sizes: Shape = tuple(map(operator.index, given))
        if min(self.sizes, default=0) < -1 or self.sizes.count(-1) > 1:
            raise SizeError(
                "these are no sizes to split an axis into",
                where="Unflatten",
                expected="lengths of 0 or more, and at most one -1",
                got=f"sizes={self.sizes}",
                fix="write -1 for one length only",
            )
        self._set_size(in_size)

    def _reshape(self, shape: Shape) -> Shape | str:
        """Return the shape with the axis split, or what is wrong with it."""
        rank = len(shape)
        if not -rank <= self.axis < rank:
            return "the axis to split is not there"
        axis = self.axis % rank
        known = math.prod(size for size in self.sizes if size != -1)
        rest = shape[axis] // known if known else 0
        sizes = tuple(rest if size == -1 else size for size in self.sizes)
        if math.prod(sizes) != shape[axis]:
            return "the axis does not split into these lengths"
        return (*shape[:axis], *sizes, *shape[axis + 1 :])

    def _expected(self) -> str:
        return f"an axis {self.axis} that splits into {self.sizes}"
