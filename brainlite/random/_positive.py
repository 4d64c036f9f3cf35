"""Draws of positive numbers: waiting times, sizes and heavy tails."""

import jax
import jax.numpy as jnp

from brainlite.random._arguments import (
    Numbers,
    draw_shape,
    float_dtype,
    require_non_negative,
    require_positive,
    to_floats,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, SeedOrKey, Size

__all__ = ["PositiveDraws"]


class PositiveDraws(KeySource):
    """Exponential, Weibull, Rayleigh, Maxwell, Pareto, power and Wald numbers.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.exponential(2.0, size=(2, 3)).shape
    (2, 3)
    """

    __slots__ = ()

    def standard_exponential(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from the exponential distribution of mean 1."""
        return self.exponential(None, size, key, dtype)

    def exponential(
        self,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from exponential distributions.

        Parameters
        ----------
        scale : array_like, optional
            The mean (one over the rate), 0 or more, by default 1.
        """
        return self._draw_located(
            jax.random.exponential, None, scale, size, key, float_dtype(dtype)
        )

    def weibull(
        self,
        a: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Weibull distributions of scale 1.

        Parameters
        ----------
        a : array_like
            The shape parameter, above 0.
        """
        return self.weibull_min(a, None, size, key, dtype)

    def weibull_min(
        self,
        a: Numbers,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Weibull distributions.

        Parameters
        ----------
        a : array_like
            The shape parameter, above 0.
        scale : array_like, optional
            The scale, 0 or more, by default 1.
        """
        dtype = float_dtype(dtype)
        factor = 1 if scale is None else scale
        power, width = to_floats(dtype, a, factor)
        shape = draw_shape(size, a=power, scale=width)
        require_positive(a=a)
        require_non_negative(scale=factor)
        return jax.random.weibull_min(self._take_key(key), width, power, shape, dtype)

    def rayleigh(
        self,
        scale: Numbers = 1.0,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw lengths of normal vectors in the plane.

        Parameters
        ----------
        scale : array_like
            The standard deviation of each coordinate, 0 or more.
        """
        dtype = float_dtype(dtype)
        (width,) = to_floats(dtype, scale)
        shape = draw_shape(size, scale=width)
        require_non_negative(scale=scale)
        return jax.random.rayleigh(self._take_key(key), width, shape, dtype)

    def maxwell(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw lengths of standard normal vectors in space."""
        return self._draw_located(jax.random.maxwell, None, None, size, key, float_dtype(dtype))

    def pareto(
        self,
        a: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Pareto distributions: numbers of 1 or more with density ``a / x**(a + 1)``.

        numpy's ``pareto`` is this minus 1 (Lomax).

        Parameters
        ----------
        a : array_like
            The shape parameter, above 0.
        """
        dtype = float_dtype(dtype)
        (power,) = to_floats(dtype, a)
        shape = draw_shape(size, a=power)
        require_positive(a=a)
        return jax.random.pareto(self._take_key(key), power, shape, dtype)

    def power(
        self,
        a: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw from [0, 1) with density ``a * x**(a - 1)``.

        Parameters
        ----------
        a : array_like
            The shape parameter, above 0.
        check_valid : bool
            Whether to check it.
        """
        dtype = float_dtype(dtype)
        (exponent,) = to_floats(dtype, a)
        shape = draw_shape(size, a=exponent)
        if check_valid:
            require_positive(a=a)
        return jnp.power(jax.random.uniform(self._take_key(key), shape, dtype), 1 / exponent)

    def wald(
        self,
        mean: Numbers,
        scale: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Wald (inverse Gaussian) distributions.

        Parameters
        ----------
        mean : array_like
            The mean, above 0.
        scale : array_like
            The shape parameter, above 0; the variance is ``mean**3 / scale``.

        References
        ----------
        Michael, Schucany and Haas, "Generating random variates using transformations with
        multiple roots", The American Statistician 30, 1976.
        """
        dtype = float_dtype(dtype)
        center, factor = to_floats(dtype, mean, scale)
        shape = draw_shape(size, mean=center, scale=factor)
        require_positive(mean=mean, scale=scale)
        # jax draws with scale 1; a Wald number times c is one of mean and scale times c.
        return jax.random.wald(self._take_key(key), center / factor, shape, dtype) * factor
