"""Draws from the distributions of test statistics: chi-square, F and Student's t."""

import jax

from brainlite.random._arguments import (
    AnyArray,
    Numbers,
    draw_shape,
    float_dtype,
    require_non_negative,
    require_positive,
    to_floats,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, Key, SeedOrKey, Shape, Size

__all__ = ["ChiSquareDraws"]


class ChiSquareDraws(KeySource):
    """Sums of squares of normal numbers, and their ratios.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.f(2.0, [3.0, 30.0]).shape
    (2,)
    """

    __slots__ = ()

    def chisquare(
        self,
        df: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw from chi-square distributions; the mean is ``df``.

        Parameters
        ----------
        df : array_like
            The degrees of freedom, above 0.
        check_valid : bool
            Whether to check them.
        """
        dtype = float_dtype(dtype)
        (freedom,) = to_floats(dtype, df)
        shape = draw_shape(size, df=freedom)
        if check_valid:
            require_positive(df=df)
        return jax.random.chisquare(self._take_key(key), freedom, shape, dtype)

    def noncentral_chisquare(
        self,
        df: Numbers,
        nonc: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from noncentral chi-square distributions; the mean is ``df + nonc``.

        Parameters
        ----------
        df : array_like
            The degrees of freedom, above 0.
        nonc : array_like
            The noncentrality, 0 or more.

        References
        ----------
        Johnson, Kotz and Balakrishnan, "Continuous univariate distributions", volume 2, 1995,
        chapter 29: a chi-square with 2 k more degrees of freedom, where k is a Poisson number.
        """
        dtype = float_dtype(dtype)
        freedom, shift = to_floats(dtype, df, nonc)
        shape = draw_shape(size, df=freedom, nonc=shift)
        require_positive(df=df)
        require_non_negative(nonc=nonc)
        return _noncentral_chisquare(self._take_key(key), freedom, shift, shape, dtype)

    def f(
        self,
        dfnum: Numbers,
        dfden: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from F distributions: ratios of two chi-squares, each by its degrees of freedom.

        Parameters
        ----------
        dfnum, dfden : array_like
            The degrees of freedom of numerator and denominator, above 0.
        """
        dtype = float_dtype(dtype)
        above, below = to_floats(dtype, dfnum, dfden)
        shape = draw_shape(size, dfnum=above, dfden=below)
        require_positive(dfnum=dfnum, dfden=dfden)
        first, second = jax.random.split(self._take_key(key))
        numerator = jax.random.chisquare(first, above, shape, dtype) / above
        return numerator / (jax.random.chisquare(second, below, shape, dtype) / below)

    def noncentral_f(
        self,
        dfnum: Numbers,
        dfden: Numbers,
        nonc: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from F distributions whose numerator is a noncentral chi-square.

        Parameters
        ----------
        dfnum, dfden : array_like
            The degrees of freedom of numerator and denominator, above 0.
        nonc : array_like
            The noncentrality of the numerator, 0 or more.
        """
        dtype = float_dtype(dtype)
        above, below, shift = to_floats(dtype, dfnum, dfden, nonc)
        shape = draw_shape(size, dfnum=above, dfden=below, nonc=shift)
        require_positive(dfnum=dfnum, dfden=dfden)
        require_non_negative(nonc=nonc)
        first, second = jax.random.split(self._take_key(key))
        numerator = _noncentral_chisquare(first, above, shift, shape, dtype) / above
        return numerator / (jax.random.chisquare(second, below, shape, dtype) / below)

    def standard_t(
        self,
        df: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Student's t distributions.

        Parameters
        ----------
        df : array_like
            The degrees of freedom, above 0.
        """
        dtype = float_dtype(dtype)
        (freedom,) = to_floats(dtype, df)
        shape = draw_shape(size, df=freedom)
        require_positive(df=df)
        return jax.random.t(self._take_key(key), freedom, shape, dtype)

    def t(
        self,
        df: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Student's t distributions: another name of :meth:`standard_t`."""
        return self.standard_t(df, size, key, dtype)


def _noncentral_chisquare(
    key: Key, df: AnyArray, nonc: AnyArray, shape: Shape, dtype: DTypeLike
) -> Array:
    first, second = jax.random.split(key)
    doublings = jax.random.poisson(first, nonc / 2, shape).astype(dtype)
    return jax.random.chisquare(second, df + 2 * doublings, shape, dtype)
