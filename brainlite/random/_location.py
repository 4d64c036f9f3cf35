"""Draws on the real line and on the circle: around a centre, with a width."""

import jax

from brainlite.random._algorithms import draw_vonmises
from brainlite.random._arguments import (
    Numbers,
    draw_shape,
    float_dtype,
    require_at_least,
    require_below,
    require_non_negative,
    to_floats,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, SeedOrKey, Size

__all__ = ["LocationDraws"]


class LocationDraws(KeySource):
    """Numbers around a centre: Laplace, logistic, Gumbel, Cauchy, triangular, von Mises.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.laplace(1.0, [0.1, 1.0, 10.0]).shape
    (3,)
    >>> angles = brainlite.random.vonmises(3.0, 2.0, size=100)
    >>> bool((abs(angles) <= 3.1416).all())
    True
    """

    __slots__ = ()

    def laplace(
        self,
        loc: Numbers | None = None,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Laplace (double exponential) distributions.

        Parameters
        ----------
        loc, scale : array_like, optional
            Centre and mean distance from it, by default 0 and 1.
        """
        return self._draw_located(jax.random.laplace, loc, scale, size, key, float_dtype(dtype))

    def logistic(
        self,
        loc: Numbers | None = None,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from logistic distributions.

        Parameters
        ----------
        loc, scale : array_like, optional
            Centre and scale, by default 0 and 1; the variance is ``(scale * pi)**2 / 3``.
        """
        return self._draw_located(jax.random.logistic, loc, scale, size, key, float_dtype(dtype))

    def gumbel(
        self,
        loc: Numbers | None = None,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Gumbel distributions, the limits of maxima.

        Parameters
        ----------
        loc, scale : array_like, optional
            Mode and scale, by default 0 and 1.
        """
        return self._draw_located(jax.random.gumbel, loc, scale, size, key, float_dtype(dtype))

    def standard_cauchy(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from the Cauchy distribution around 0, of scale 1; it has no mean."""
        return self._draw_located(jax.random.cauchy, None, None, size, key, float_dtype(dtype))

    def triangular(
        self,
        left: Numbers = 0.0,
        mode: Numbers = 0.5,
        right: Numbers = 1.0,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from distributions whose density is a triangle.

        Parameters
        ----------
        left, mode, right : array_like
            The corners: ``left <= mode <= right`` and ``left < right``.
        """
        dtype = float_dtype(dtype)
        start, peak, end = to_floats(dtype, left, mode, right)
        shape = draw_shape(size, left=start, mode=peak, right=end)
        require_below("left", left, "right", right)
        require_at_least("mode", mode, "left", left)
        require_at_least("right", right, "mode", mode)
        return jax.random.triangular(self._take_key(key), start, peak, end, shape, dtype)

    def vonmises(
        self,
        mu: Numbers,
        kappa: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw angles from von Mises distributions, the normal distributions of the circle.

        Parameters
        ----------
        mu : array_like
            The mean direction in radians.
        kappa : array_like
            The concentration, 0 or more; 0 is uniform.

        Returns
        -------
        array
            Angles within [-pi, pi].

        References
        ----------
        Best and Fisher, "Efficient simulation of the von Mises distribution", Applied
        Statistics 28, 1979.
        """
        dtype = float_dtype(dtype)
        center, concentration = to_floats(dtype, mu, kappa)
        shape = draw_shape(size, mu=center, kappa=concentration)
        require_non_negative(kappa=kappa)
        return draw_vonmises(self._take_key(key), center, concentration, shape, dtype)
