"""Draws on the real line and on the circle: around a centre, with a width."""

import jax

from brainlite.random._algorithms import draw_vonmises
from brainlite.random._arguments import (
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    anything,
    float_dtype,
    non_negative,
    prepare,
    require_order,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array

__all__ = ["LocationDraws"]


class LocationDraws(KeySource):
    """Numbers around a centre: Laplace, logistic, Gumbel, Cauchy, triangular, von Mises.

    A centre (``loc``) is 0 by default, a width (``scale``) 1, and 0 or more.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.laplace(1.0, [0.1, 1.0, 10.0]).shape
    (3,)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def laplace(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Laplace (double exponential) distributions of mean distance ``scale``."""
        return self._draw_located(jax.random.laplace, loc, scale, size, key, float_dtype(dtype))

    def logistic(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from logistic distributions; the variance is ``(scale * pi)**2 / 3``."""
        return self._draw_located(jax.random.logistic, loc, scale, size, key, float_dtype(dtype))

    def gumbel(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Gumbel distributions, the limits of maxima; the mode is ``loc``."""
        return self._draw_located(jax.random.gumbel, loc, scale, size, key, float_dtype(dtype))

    def standard_cauchy(
        self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from the Cauchy distribution around 0, of scale 1; it has no mean."""
        return self._draw(jax.random.cauchy, size, key, float_dtype(dtype))

    def triangular(
        self, left: Numbers = 0.0, mode: Numbers = 0.5, right: Numbers = 1.0,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from triangles of density: ``left <= mode <= right`` and ``left < right``."""
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

        Parameters
        ----------
        mu : array_like
            The mean direction in radians.
        kappa : array_like
            The concentration, 0 or more; 0 is uniform.

        References
        ----------
        Best and Fisher, "Efficient simulation of the von Mises distribution", Applied
        Statistics 28, 1979.
        """
        given = {"mu": anything(mu), "kappa": non_negative(kappa)}
        return self._draw(draw_vonmises, size, key, float_dtype(dtype), **given)

    # fmt: on
