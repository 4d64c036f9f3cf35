"""Choosing from arrays, and shuffling them."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import to_size
from brainlite.errors import SizeError
from brainlite.random._arguments import (
    AnyArray,
    AnyKey,
    AnySize,
    Numbers,
    Parameter,
    excess,
    non_negative,
    require,
    to_numbers,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, Shape


class OrderDraws(KeySource):
    """Draws from given elements.

    Examples
    --------
    >>> brainlite.random.permutation(4).sum()
    Array(6, dtype=int32)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def choice(
        self, a: Numbers,
        size: AnySize = None, replace: bool = True, p: Numbers | None = None, key: AnyKey = None,
    ) -> Array:
        """Choose elements of an array.

        Parameters
        ----------
        a : int or array_like, shape (n, ...)
            The elements, along the first axis; an int n stands for 0, ..., n - 1.
        size : int or sequence of int, optional
            How many; by default one, without an axis for it.
        replace : bool
            Whether an element may be chosen more than once.
        p : array_like, shape (n,), optional
            The probability of each element; by default they are equal. They sum to 1: traced
            ones, which are not looked at, are divided by their sum.

        Returns
        -------
        array, shape (*size, ...)

        Raises
        ------
        SizeError
            There are not enough elements, or not one probability for each.
        OptionError
            A probability is out of range, or their sum is not 1.

        Examples
        --------
        >>> brainlite.random.choice([2.0, 3.0, 5.0], 2, p=[0.0, 0.0, 1.0])
        Array([5., 5.], dtype=float32)
        """
        elements = _elements(a)
        shape = () if size is None else to_size(size)
        count = elements if isinstance(elements, int) else elements.shape[0]
        _check_count(count, shape, replace)
        weights = None if p is None else _weights(p, count)
        return jax.random.choice(self._take_key(key), elements, shape, replace, weights)

    def permutation(
        self, x: Numbers, axis: int = 0, independent: bool = False, key: AnyKey = None,
    ) -> Array:
        """Return the elements of an array in random order.

        Parameters
        ----------
        x : int or array_like
            The array; an int n stands for 0, ..., n - 1.
        axis : int
            The axis along which to shuffle.
        independent : bool
            Whether each line along the axis gets an order of its own, instead of one for all.

        Returns
        -------
        array, of the shape of ``x``

        Raises
        ------
        SizeError
            A number of elements is negative.
        OptionError
            ``key`` is no seed and no key.

        Examples
        --------
        >>> brainlite.random.seed(0)
        >>> brainlite.random.permutation(7)[:4]
        Array([0, 3, 5, 1], dtype=int32)
        """
        return jax.random.permutation(self._take_key(key), _elements(x), axis, independent)

    def shuffle(self, x: Numbers, axis: int = 0, key: AnyKey = None) -> Array:
        """Return the elements of an array in random order, as :meth:`permutation` does.

        Unlike numpy's it cannot work in place, since jax arrays do not change: use the result.

        Parameters
        ----------
        x, axis, key
            As for :meth:`permutation`.

        Returns
        -------
        array, shape of x

        Examples
        --------
        >>> sorted(brainlite.random.shuffle(jnp.arange(3)).tolist())
        [0, 1, 2]
        """
        return self.permutation(x, axis, key=key)

    # fmt: on


def _elements(given: Any) -> Any:
    """Return the elements to choose from: an int, or an array with at least one axis."""
    if isinstance(given, Sequence | np.ndarray | jax.Array):
        array = to_numbers(given)
        if array.ndim:
            return jnp.asarray(array)
        given = array.item() if isinstance(array, np.ndarray) else array
    (count,) = to_size(given, "the number of elements")
    return count


def _check_count(count: int, shape: Shape, replace: bool) -> None:
    """Raise where more is to be taken than there is."""
    asked = math.prod(shape)
    if asked and (count == 0 or (not replace and asked > count)):
        raise SizeError(
            "there are not enough elements to choose from",
            expected=f"at least {1 if replace else asked}",
            got=f"{count} for size={shape}, replace={replace}",
            fix="give elements to choose from"
            if count == 0
            else "ask for fewer, or pass replace=True",
        )


def _weights(p: Numbers, count: int) -> AnyArray:
    """Return one probability for each element, or raise where they do not sum to 1."""
    weights = to_numbers(p, jnp.result_type(float))
    if weights.shape != (count,):
        raise SizeError(
            "the probabilities of a choice do not fit the elements",
            expected=f"p of shape {(count,)}",
            got=f"p of shape {weights.shape}",
            fix="give one probability for each element",
        )
    require(p=non_negative(p))
    require(p=Parameter(p, lambda array: excess(array) == 0, "with a sum of 1"))
    return weights
