"""Draws of positive numbers: waiting times, sizes and heavy tails."""

import jax
import jax.numpy as jnp

from brainlite.random._arguments import (
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    float_dtype,
    non_negative,
    positive,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array

__all__ = ["PositiveDraws"]


class PositiveDraws(KeySource):
    """Exponential, Weibull, Rayleigh, Maxwell, Pareto, power and Wald numbers.

    Scales are 0 or more, shape parameters (``a``) above 0.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.exponential(2.0, size=(2, 3)).shape
    (2, 3)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def standard_exponential(
        self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from the exponential distribution of mean 1."""
        return self.exponential(None, size, key, dtype)

    def exponential(
        self, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from exponential distributions; the mean is ``scale`` (one over the rate), or 1."""
        dtype = float_dtype(dtype)
        return self._draw_located(jax.random.exponential, None, scale, size, key, dtype)

    def weibull(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Weibull distributions of shape ``a`` and scale 1."""
        return self.weibull_min(a, None, size, key, dtype)

    def weibull_min(
        self, a: Numbers, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Weibull distributions of shape ``a`` and scale ``scale``, by default 1."""
        given = {"a": positive(a), "scale": non_negative(scale)}
        return self._draw(
            lambda key, power, width, *rest: jax.random.weibull_min(key, width, power, *rest),
            size,
            key,
            float_dtype(dtype),
            **given,
        )

    def rayleigh(
        self, scale: Numbers = 1.0, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw lengths of vectors in the plane with coordinates of standard deviation ``scale``."""
        given = {"scale": non_negative(scale)}
        return self._draw(jax.random.rayleigh, size, key, float_dtype(dtype), **given)

    def maxwell(self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None) -> Array:
        """Draw lengths of standard normal vectors in space."""
        return self._draw(jax.random.maxwell, size, key, float_dtype(dtype))

    def pareto(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Pareto distributions: numbers of 1 or more with density ``a / x**(a + 1)``.

        numpy's ``pareto`` is this minus 1 (Lomax).
        """
        return self._draw(jax.random.pareto, size, key, float_dtype(dtype), a=positive(a))

    def power(
        self, a: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw from [0, 1) with density ``a * x**(a - 1)``; ``check_valid`` looks at ``a``."""
        return self._draw(
            lambda key, a, *rest: jnp.power(jax.random.uniform(key, *rest), 1 / a),
            size,
            key,
            float_dtype(dtype),
            check_valid,
            a=positive(a),
        )

    def wald(
        self, mean: Numbers, scale: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from Wald (inverse Gaussian) distributions; the variance is ``mean**3 / scale``.

        References
        ----------
        Michael, Schucany and Haas, "Generating random variates using transformations with
        multiple roots", The American Statistician 30, 1976.
        """
        # jax draws with scale 1; a Wald number times c is one of mean and scale times c.
        return self._draw(
            lambda key, mean, scale, *rest: jax.random.wald(key, mean / scale, *rest) * scale,
            size,
            key,
            float_dtype(dtype),
            mean=positive(mean),
            scale=positive(scale),
        )

    # fmt: on
