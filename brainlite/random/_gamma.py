"""Draws from the gamma distribution and those made of it: beta, chi-square and their kin."""

import jax

from brainlite.errors import SizeError
from brainlite.random._arguments import (
    AnyArray,
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    draw_shape,
    float_dtype,
    non_negative,
    positive,
    require,
    to_numbers,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, Key, Shape


class GammaDraws(KeySource):
    """The gamma distribution, sums of squares of normal numbers, and ratios of both.

    Shape parameters and degrees of freedom (``df``) are above 0, scales and the noncentrality
    (``nonc``) 0 or more.

    Examples
    --------
    >>> brainlite.random.gamma(2.0, 0.5, size=3).shape
    (3,)

    References
    ----------
    Marsaglia and Tsang, "A simple method for generating gamma variables", ACM Transactions on
    Mathematical Software 26, 2000 (what ``jax.random.gamma`` does).
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def standard_gamma(
        self, shape: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from gamma distributions of scale 1; the parameter ``shape`` is above 0.

        Parameters
        ----------
        shape : number or array
            The shape, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.standard_gamma([0.5, 2.0]).shape
        (2,)
        """
        return self.gamma(shape, None, size, key, dtype)

    def gamma(
        self, shape: Numbers, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from gamma distributions; the mean is ``shape * scale``.

        Parameters
        ----------
        shape : number or array
            The shape, above 0.
        scale : number or array
            The width, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.gamma([0.5, 2.0], 3.0).shape
        (2,)
        """
        return self._draw(
            lambda key, alpha, width, *rest: jax.random.gamma(key, alpha, *rest) * width,
            size,
            key,
            float_dtype(dtype),
            shape=positive(shape),
            scale=non_negative(scale),
        )

    def loggamma(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw logarithms of gamma numbers; exact where the numbers themselves would be 0.

        Parameters
        ----------
        a : number or array
            The shape, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.loggamma([0.5, 2.0]).shape
        (2,)
        """
        return self._draw(jax.random.loggamma, size, key, float_dtype(dtype), a=positive(a))

    def beta(
        self, a: Numbers, b: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from beta distributions; the mean is ``a / (a + b)``, both above 0.

        Parameters
        ----------
        a, b : number or array
            Both above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.beta(2.0, [1.0, 3.0]).shape
        (2,)
        """
        dtype = float_dtype(dtype)
        return self._draw(jax.random.beta, size, key, dtype, a=positive(a), b=positive(b))

    def dirichlet(
        self, alpha: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw vectors of probabilities from Dirichlet distributions.

        The concentrations ``alpha``, above 0, have shape (..., n), the result (*size, n).

        Parameters
        ----------
        alpha : array, shape (..., n)
            The concentrations, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats, shape (*size, n)

        Examples
        --------
        >>> draws = brainlite.random.dirichlet([1.0, 2.0, 3.0], size=4)
        >>> draws.shape, bool(jnp.allclose(draws.sum(-1), 1.0))
        ((4, 3), True)
        """
        dtype = float_dtype(dtype)
        concentration = to_numbers(alpha, dtype)
        if not concentration.ndim:
            raise SizeError(
                "the concentrations of a Dirichlet distribution are no vector",
                expected="shape (..., n)",
                got="a scalar",
                fix="pass one concentration for each outcome: [alpha] * n",
            )
        batch = draw_shape(size, alpha=concentration[..., 0])
        require(alpha=positive(alpha))
        return jax.random.dirichlet(self._take_key(key), concentration, batch, dtype)

    def chisquare(
        self, df: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw from chi-square distributions; the mean is ``df``; ``check_valid`` looks at it.

        Parameters
        ----------
        df : number or array
            The degrees of freedom, above 0.
        check_valid : bool
            Whether to raise for degrees of freedom out of range.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.chisquare([1.0, 3.0]).shape
        (2,)
        """
        dtype = float_dtype(dtype)
        return self._draw(jax.random.chisquare, size, key, dtype, check_valid, df=positive(df))

    def noncentral_chisquare(
        self, df: Numbers, nonc: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from noncentral chi-square distributions; the mean is ``df + nonc``.

        Parameters
        ----------
        df : number or array
            The degrees of freedom, above 0.
        nonc : number or array
            The noncentrality, 0 or more.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.noncentral_chisquare(3.0, [0.0, 2.0]).shape
        (2,)
        """
        given = {"df": positive(df), "nonc": non_negative(nonc)}
        return self._draw(_noncentral_chisquare, size, key, float_dtype(dtype), **given)

    def f(
        self, dfnum: Numbers, dfden: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from F distributions: ratios of two chi-squares, each by its degrees of freedom.

        Parameters
        ----------
        dfnum, dfden : number or array
            The degrees of freedom above and below, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.f(3.0, [4.0, 9.0]).shape
        (2,)
        """
        given = {"dfnum": positive(dfnum), "dfden": positive(dfden)}
        return self._draw(_f, size, key, float_dtype(dtype), **given)

    def noncentral_f(
        self, dfnum: Numbers, dfden: Numbers, nonc: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw as :meth:`f` does, the numerator by :meth:`noncentral_chisquare`.

        Parameters
        ----------
        dfnum, dfden : number or array
            The degrees of freedom above and below, above 0.
        nonc : number or array
            The noncentrality, 0 or more.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.noncentral_f(3.0, 9.0, [0.0, 2.0]).shape
        (2,)
        """
        given = {"dfnum": positive(dfnum), "dfden": positive(dfden), "nonc": non_negative(nonc)}
        return self._draw(_noncentral_f, size, key, float_dtype(dtype), **given)

    def standard_t(
        self, df: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Student's t distributions of ``df`` degrees of freedom, above 0.

        Parameters
        ----------
        df : number or array
            The degrees of freedom, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.standard_t([3.0, 9.0]).shape
        (2,)
        """
        return self._draw(jax.random.t, size, key, float_dtype(dtype), df=positive(df))

    t = standard_t

    # fmt: on


# Johnson, Kotz and Balakrishnan, "Continuous univariate distributions", volume 2, 1995, chapter 29:
# a chi-square with 2 k more degrees of freedom, where k is a Poisson number.
def _noncentral_chisquare(
    key: Key, df: AnyArray, nonc: AnyArray, shape: Shape, dtype: DTypeLike
) -> Array:
    first, second = jax.random.split(key)
    doublings = jax.random.poisson(first, nonc / 2, shape).astype(dtype)
    return jax.random.chisquare(second, df + 2 * doublings, shape, dtype)


def _f(key: Key, dfnum: AnyArray, dfden: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    first, second = jax.random.split(key)
    numerator = jax.random.chisquare(first, dfnum, shape, dtype) / dfnum
    return numerator / (jax.random.chisquare(second, dfden, shape, dtype) / dfden)


def _noncentral_f(
    key: Key, dfnum: AnyArray, dfden: AnyArray, nonc: AnyArray, shape: Shape, dtype: DTypeLike
) -> Array:
    first, second = jax.random.split(key)
    numerator = _noncentral_chisquare(first, dfnum, nonc, shape, dtype) / dfnum
    return numerator / (jax.random.chisquare(second, dfden, shape, dtype) / dfden)
