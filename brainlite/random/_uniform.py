"""Uniform draws: floats in an interval, and whole numbers in a range."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import to_size
from brainlite.errors import OptionError
from brainlite.random._arguments import (
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    anything,
    draw_shape,
    float_dtype,
    int_dtype,
    prepare,
    require_order,
    to_numbers,
)
from brainlite.random._source import KeySource, in_a_bucket
from brainlite.random._units import has_unit, in_unit
from brainlite.typing import Array, ArrayLike


class UniformDraws(KeySource):
    """Floats and whole numbers of equal probability.

    Examples
    --------
    >>> brainlite.random.rand(2, 3).shape
    (2, 3)
    >>> brainlite.random.uniform([0.0, 10.0], [1.0, 20.0]).shape
    (2,)
    >>> brainlite.random.seed(0)
    >>> brainlite.random.randint(2, 7, size=4)
    Array([4, 4, 3, 2], dtype=int32)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def rand(self, *dn: int, key: AnyKey = None, dtype: AnyDType = None) -> Array:
        """Draw floats from [0, 1); ``dn`` are the axes, one by one, none for a scalar.

        Parameters
        ----------
        *dn : int
            The axes of the result.
        key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats, shape dn

        Examples
        --------
        >>> brainlite.random.rand(2, 3).shape
        (2, 3)
        """
        return self._draw(
            jax.random.uniform, to_size(dn, "the axes of rand"), key, float_dtype(dtype)
        )

    def rand_like(
        self, input: ArrayLike, *, dtype: AnyDType = None,  # noqa: A002 - as in torch
        key: AnyKey = None,
    ) -> Array:
        """Draw floats from [0, 1), of the shape and (if it has floats) the dtype of ``input``.

        Parameters
        ----------
        input : array
            What has the shape.
        dtype, key
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.rand_like(jnp.zeros((2, 3))).shape
        (2, 3)
        """
        kind = jnp.result_type(input)
        if dtype is None and jnp.issubdtype(kind, jnp.floating):
            dtype = kind
        return self._draw(jax.random.uniform, jnp.shape(input), key, float_dtype(dtype))

    def random(self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None) -> Array:
        """Draw floats from [0, 1).

        Parameters
        ----------
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.random(2).shape
        (2,)
        """
        return self._draw(jax.random.uniform, size, key, float_dtype(dtype))

    # numpy has all of these names.
    random_sample = random
    ranf = random
    sample = random

    def uniform(
        self, low: Numbers = 0.0, high: Numbers = 1.0,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw floats from [low, high); ``low <= high``.

        Parameters
        ----------
        low, high : number, array or quantity
            The bounds; by default 0 and 1. Of quantities the draw is one, too.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.uniform(0.0, [1.0, 2.0]).shape
        (2,)
        """
        if has_unit(low, high):
            drawn: Array = in_unit(
                lambda low, high: self.uniform(low, high, size, key, dtype), low=low, high=high
            )
            return drawn
        dtype = float_dtype(dtype)
        (least, limit), shape = prepare(size, dtype, low=anything(low), high=anything(high))
        require_order("high", high, ">=", "low", low)
        used = self._take_key(key)
        return in_a_bucket(
            (jax.random.uniform, jnp.dtype(dtype)),
            lambda row: jax.random.uniform(used, row, dtype, least, limit),
            used,
            shape,
            *(least, limit),
        )

    def randint(
        self, low: Numbers, high: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw whole numbers from low, ..., high - 1; with one bound, from 0, ..., low - 1.

        Parameters
        ----------
        low : whole number or array
            The lower bound; the upper one, from 0, if it is the only one.
        high : whole number or array, optional
            The upper bound, which is not drawn.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.randint(0, [10, 100]).shape
        (2,)
        """
        low, high = (0, low) if high is None else (low, high)
        least, limit = _whole("low", low), _whole("high", high)
        shape = draw_shape(size, low=least, high=limit)
        require_order("low", low, "<", "high", high)
        used, kind = self._take_key(key), int_dtype(dtype)
        return in_a_bucket(
            (jax.random.randint, jnp.dtype(kind)),
            lambda row: jax.random.randint(used, row, least, limit, kind), used, shape, least, limit
        )

    def randint_like(
        self, input: ArrayLike, low: Numbers = 0,  # noqa: A002 - as in torch
        high: Numbers | None = None, *, dtype: AnyDType = None, key: AnyKey = None,
    ) -> Array:
        """Draw as :meth:`randint` does, in the shape and dtype of ``input``: floats for floats.

        Parameters
        ----------
        input : array
            What has the shape.
        low, high : whole number or array
            As for :meth:`randint`.
        dtype, key
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array

        Examples
        --------
        >>> brainlite.random.randint_like(jnp.zeros((2, 3), int), 0, 10).shape
        (2, 3)
        """
        kind = jnp.result_type(input) if dtype is None else jnp.dtype(dtype)
        whole = kind if jnp.issubdtype(kind, jnp.integer) else int_dtype(None)
        return self.randint(low, high, jnp.shape(input), key, whole).astype(kind)

    def random_integers(
        self, low: Numbers, high: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from low, ..., high, the upper bound included; with one bound, from 1, ..., low.

        Parameters
        ----------
        low : whole number or array
            The lower bound; the upper one, from 1, if it is the only one.
        high : whole number or array, optional
            The upper bound, which may be drawn.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.random_integers(0, [10, 100]).shape
        (2,)
        """
        low, high = (1, low) if high is None else (low, high)
        return self.randint(low, _whole("high", high) + 1, size, key, dtype)

    # fmt: on


def _whole(name: str, value: Numbers) -> Any:
    """Return a bound as whole numbers, or raise."""
    array = to_numbers(value)
    if jnp.issubdtype(array.dtype, jnp.integer):
        return array
    raise OptionError(
        f"the argument {name!r} of a draw of whole numbers is not whole",
        expected="an int, or an array of ints",
        got=f"{np.dtype(array.dtype).name} {value}",
        fix="convert it with int(...), or draw floats with uniform",
    )
