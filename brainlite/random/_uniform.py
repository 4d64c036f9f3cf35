"""Uniform draws: floats in an interval, and whole numbers in a range."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.errors import OptionError
from brainlite.random._arguments import (
    Numbers,
    draw_shape,
    float_dtype,
    int_dtype,
    require_at_least,
    require_below,
    to_floats,
    to_numbers,
)
from brainlite.random._size import to_size
from brainlite.random._source import KeySource
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Size

__all__ = ["UniformDraws"]


class UniformDraws(KeySource):
    """Floats and whole numbers of equal probability.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.seed(0)
    >>> x = brainlite.random.uniform(-1.0, 1.0, size=100)
    >>> bool((abs(x) <= 1).all())
    True
    """

    __slots__ = ()

    def rand(self, *dn: int, key: SeedOrKey | None = None, dtype: DTypeLike | None = None) -> Array:
        """Draw floats from [0, 1), of shape ``dn``.

        Parameters
        ----------
        *dn : int
            The axes, one by one; none for a scalar.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.rand(2, 3).shape
        (2, 3)
        """
        shape, dtype = to_size(dn, "the axes of rand"), float_dtype(dtype)
        return jax.random.uniform(self._take_key(key), shape, dtype)

    def rand_like(
        self,
        input: ArrayLike,  # noqa: A002 - as in torch
        *,
        dtype: DTypeLike | None = None,
        key: SeedOrKey | None = None,
    ) -> Array:
        """Draw floats from [0, 1), of the shape and (if it has floats) the dtype of ``input``."""
        dtype = _dtype_like(input, dtype)
        return jax.random.uniform(self._take_key(key), jnp.shape(input), dtype)

    def random(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw floats from [0, 1)."""
        shape, dtype = to_size(() if size is None else size), float_dtype(dtype)
        return jax.random.uniform(self._take_key(key), shape, dtype)

    def random_sample(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw floats from [0, 1): another name of :meth:`random`, as in numpy."""
        return self.random(size, key, dtype)

    def ranf(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw floats from [0, 1): another name of :meth:`random`, as in numpy."""
        return self.random(size, key, dtype)

    def sample(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw floats from [0, 1): another name of :meth:`random`, as in numpy."""
        return self.random(size, key, dtype)

    def uniform(
        self,
        low: Numbers = 0.0,
        high: Numbers = 1.0,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw floats from [low, high).

        Parameters
        ----------
        low, high : array_like
            The bounds, ``low <= high``.

        Raises
        ------
        OptionError
            A bound ``low`` is above ``high``.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.uniform([0.0, 10.0], [1.0, 20.0]).shape
        (2,)
        """
        dtype = float_dtype(dtype)
        least, limit = to_floats(dtype, low, high)
        shape = draw_shape(size, low=least, high=limit)
        require_at_least("high", high, "low", low)
        return jax.random.uniform(self._take_key(key), shape, dtype, least, limit)

    def randint(
        self,
        low: Numbers,
        high: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw whole numbers from low, ..., high - 1.

        Parameters
        ----------
        low, high : array_like of int
            The bounds, ``low < high``. With one bound the numbers are 0, ..., low - 1.

        Raises
        ------
        OptionError
            The range is empty, or a bound is not a whole number.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.seed(0)
        >>> brainlite.random.randint(2, 7, size=4)
        Array([4, 4, 3, 2], dtype=int32)
        """
        low, high = (0, low) if high is None else (low, high)
        least, limit = _whole("low", low), _whole("high", high)
        shape = draw_shape(size, low=least, high=limit)
        require_below("low", low, "high", high)
        return jax.random.randint(self._take_key(key), shape, least, limit, int_dtype(dtype))

    def randint_like(
        self,
        input: ArrayLike,  # noqa: A002 - as in torch
        low: Numbers = 0,
        high: Numbers | None = None,
        *,
        dtype: DTypeLike | None = None,
        key: SeedOrKey | None = None,
    ) -> Array:
        """Draw whole numbers from low, ..., high - 1, of the shape and dtype of ``input``.

        Parameters
        ----------
        input : array_like
            Gives the shape and the dtype; an array of floats gives floats.
        low, high : array_like of int
            As for :meth:`randint`.
        """
        kind = jnp.result_type(input) if dtype is None else jnp.dtype(dtype)
        whole = kind if jnp.issubdtype(kind, jnp.integer) else int_dtype(None)
        return self.randint(low, high, jnp.shape(input), key, whole).astype(kind)

    def random_integers(
        self,
        low: Numbers,
        high: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw whole numbers from low, ..., high, the upper bound included.

        Parameters
        ----------
        low, high : array_like of int
            The bounds, ``low <= high``. With one bound the numbers are 1, ..., low.
        """
        low, high = (1, low) if high is None else (low, high)
        return self.randint(low, _whole("high", high) + 1, size, key, dtype)


def _dtype_like(array: ArrayLike, dtype: DTypeLike | None) -> DTypeLike:
    """Return the dtype of floats shaped like an array, which may hold whole numbers."""
    kind = jnp.result_type(array)
    if dtype is None and jnp.issubdtype(kind, jnp.floating):
        return kind
    return float_dtype(dtype)


def _whole(name: str, value: Numbers) -> Any:
    array = to_numbers(value)
    if jnp.issubdtype(array.dtype, jnp.integer):
        return array
    raise OptionError(
        f"the argument {name!r} of a draw of whole numbers is not whole",
        expected="an int, or an array of ints",
        got=f"{np.dtype(array.dtype).name} {value}",
        fix="convert it with int(...), or draw floats with uniform",
    )
