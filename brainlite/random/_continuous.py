"""Draws around a centre, and of positive numbers: waiting times, sizes and heavy tails."""

import jax
import jax.numpy as jnp

from brainlite.random._algorithms import draw_vonmises
from brainlite.random._arguments import (
    AnyArray,
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    anything,
    float_dtype,
    non_negative,
    positive,
    prepare,
    require_order,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, Key, Shape


class ContinuousDraws(KeySource):
    """Numbers around a centre, and positive ones.

    A centre (``loc``) is 0 by default, a width (``scale``) 1, and 0 or more. Shape parameters
    (``a``) are above 0.

    Examples
    --------
    >>> brainlite.random.laplace(1.0, [0.1, 1.0, 10.0]).shape
    (3,)
    >>> brainlite.random.exponential(2.0, size=(2, 3)).shape
    (2, 3)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def laplace(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Laplace (double exponential) distributions of mean distance ``scale``.

        Parameters
        ----------
        loc : number or array
            The centre; by default 0.
        scale : number or array
            The mean distance from it, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.laplace(0.0, [0.1, 1.0]).shape
        (2,)
        """
        return self._draw_located(jax.random.laplace, loc, scale, size, key, float_dtype(dtype))

    def logistic(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from logistic distributions; the variance is ``(scale * pi)**2 / 3``.

        Parameters
        ----------
        loc : number or array
            The centre; by default 0.
        scale : number or array
            The width, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.logistic(0.0, [0.1, 1.0]).shape
        (2,)
        """
        return self._draw_located(jax.random.logistic, loc, scale, size, key, float_dtype(dtype))

    def gumbel(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Gumbel distributions, the limits of maxima; the mode is ``loc``.

        Parameters
        ----------
        loc : number or array
            The mode; by default 0.
        scale : number or array
            The width, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.gumbel(0.0, [0.1, 1.0]).shape
        (2,)
        """
        return self._draw_located(jax.random.gumbel, loc, scale, size, key, float_dtype(dtype))

    def standard_cauchy(
        self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from the Cauchy distribution around 0, of scale 1; it has no mean.

        Parameters
        ----------
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.standard_cauchy(2).shape
        (2,)
        """
        return self._draw(jax.random.cauchy, size, key, float_dtype(dtype))

    def triangular(
        self, left: Numbers = 0.0, mode: Numbers = 0.5, right: Numbers = 1.0,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from triangles of density: ``left <= mode <= right`` and ``left < right``.

        Parameters
        ----------
        left, mode, right : number or array
            The corners of the triangle: by default 0, 0.5 and 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.triangular(0.0, [0.2, 0.8], 1.0).shape
        (2,)
        """
        dtype = float_dtype(dtype)
        corners = {"left": anything(left), "mode": anything(mode), "right": anything(right)}
        (start, peak, end), shape = prepare(size, dtype, **corners)
        require_order("left", left, "<", "right", right)
        require_order("mode", mode, ">=", "left", left)
        require_order("right", right, ">=", "mode", mode)
        return jax.random.triangular(self._take_key(key), start, peak, end, shape, dtype)

    def vonmises(
        self, mu: Numbers, kappa: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw angles within [-pi, pi] from von Mises distributions, the normal ones of the circle.

        ``mu`` is the mean direction in radians, ``kappa`` the concentration: 0, uniform, or more.

        Parameters
        ----------
        mu : number or array
            The mean angle, in radians.
        kappa : number or array
            The concentration, 0 (uniform) or more.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.vonmises(0.0, [0.5, 5.0]).shape
        (2,)
        """
        given = {"mu": anything(mu), "kappa": non_negative(kappa)}
        return self._draw(draw_vonmises, size, key, float_dtype(dtype), **given)


    def standard_exponential(
        self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from the exponential distribution of mean 1.

        Parameters
        ----------
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.standard_exponential(2).shape
        (2,)
        """
        return self.exponential(None, size, key, dtype)

    def exponential(
        self, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from exponential distributions; the mean is ``scale`` (one over the rate), or 1.

        Parameters
        ----------
        scale : number or array
            The mean, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.exponential([0.1, 1.0]).shape
        (2,)
        """
        dtype = float_dtype(dtype)
        return self._draw_located(jax.random.exponential, None, scale, size, key, dtype)

    def weibull(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Weibull distributions of shape ``a`` and scale 1.

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
        >>> brainlite.random.weibull([0.5, 2.0]).shape
        (2,)
        """
        return self.weibull_min(a, None, size, key, dtype)

    def weibull_min(
        self, a: Numbers, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Weibull distributions of shape ``a`` and scale ``scale``, by default 1.

        Parameters
        ----------
        a : number or array
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
        >>> brainlite.random.weibull_min([0.5, 2.0], 3.0).shape
        (2,)
        """
        given = {"a": positive(a), "scale": non_negative(scale)}
        return self._draw(_weibull, size, key, float_dtype(dtype), **given)

    def rayleigh(
        self, scale: Numbers = 1.0, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw lengths of vectors in the plane with coordinates of standard deviation ``scale``.

        Parameters
        ----------
        scale : number or array
            The standard deviation of each coordinate, 0 or more.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.rayleigh([0.1, 1.0]).shape
        (2,)
        """
        given = {"scale": non_negative(scale)}
        return self._draw(jax.random.rayleigh, size, key, float_dtype(dtype), **given)

    def maxwell(self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None) -> Array:
        """Draw lengths of standard normal vectors in space.

        Parameters
        ----------
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.maxwell(2).shape
        (2,)
        """
        return self._draw(jax.random.maxwell, size, key, float_dtype(dtype))

    def pareto(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Pareto distributions: numbers of 1 or more with density ``a / x**(a + 1)``.

        numpy's ``pareto`` is this minus 1 (Lomax).

        Parameters
        ----------
        a : number or array
            The exponent, above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.pareto([2.0, 3.0]).shape
        (2,)
        """
        return self._draw(jax.random.pareto, size, key, float_dtype(dtype), a=positive(a))

    def power(
        self, a: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw from [0, 1) with density ``a * x**(a - 1)``; ``check_valid`` looks at ``a``.

        Parameters
        ----------
        a : number or array
            The exponent, above 0.
        check_valid : bool
            Whether to raise for an exponent out of range.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.power([2.0, 3.0]).shape
        (2,)
        """
        return self._draw(_power, size, key, float_dtype(dtype), check_valid, a=positive(a))

    def wald(
        self, mean: Numbers, scale: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Wald (inverse Gaussian) distributions; the variance is ``mean**3 / scale``.

        Parameters
        ----------
        mean : number or array
            The mean, above 0.
        scale : number or array
            The larger, the closer to the mean; above 0.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.wald(1.0, [2.0, 3.0]).shape
        (2,)
        """
        given = {"mean": positive(mean), "scale": positive(scale)}
        return self._draw(_wald, size, key, float_dtype(dtype), **given)

    # fmt: on


def _weibull(key: Key, a: AnyArray, scale: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    return jax.random.weibull_min(key, scale, a, shape, dtype)


def _power(key: Key, a: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    return jnp.power(jax.random.uniform(key, shape, dtype), 1 / a)


# jax draws with scale 1; a Wald number times c is one of mean and scale times c.
def _wald(key: Key, mean: AnyArray, scale: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    return jax.random.wald(key, mean / scale, shape, dtype) * scale
