"""Draws of counts without an upper limit."""

import jax

from brainlite.random._algorithms import draw_logseries, draw_zipf
from brainlite.random._arguments import (
    Numbers,
    count_dtype,
    draw_shape,
    int_dtype,
    require,
    require_non_negative,
    to_count,
    to_floats,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, SeedOrKey, Size

__all__ = ["CountDraws"]


class CountDraws(KeySource):
    """Poisson, logarithmic series and Zipf numbers.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.poisson(3.0, size=(2, 3)).shape
    (2, 3)
    """

    __slots__ = ()

    def poisson(
        self,
        lam: Numbers = 1.0,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Poisson distributions.

        Parameters
        ----------
        lam : array_like
            The mean, 0 or more.
        """
        (mean,) = to_floats(count_dtype(), lam)
        shape = draw_shape(size, lam=mean)
        require_non_negative(lam=lam)
        return jax.random.poisson(self._take_key(key), mean, shape, int_dtype(dtype))

    def logseries(
        self,
        p: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from logarithmic series distributions: k >= 1 in proportion to ``p**k / k``.

        Parameters
        ----------
        p : array_like
            The shape parameter, 0 or more, below 1.

        References
        ----------
        Kemp, "Efficient generation of logarithmically distributed pseudo-random variables",
        Applied Statistics 30, 1981.
        """
        (ratio,) = to_floats(count_dtype(), p)
        shape = draw_shape(size, p=ratio)
        require("p", p, lambda value: (value >= 0) & (value < 1), "0 or more, below 1")
        return to_count(draw_logseries(self._take_key(key), ratio, shape), int_dtype(dtype))

    def zipf(
        self,
        a: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from Zipf (zeta) distributions: k >= 1 in proportion to ``k**-a``.

        Parameters
        ----------
        a : array_like
            The exponent, above 1.

        References
        ----------
        Devroye, "Non-uniform random variate generation", 1986, chapter X.6.1.
        """
        (exponent,) = to_floats(count_dtype(), a)
        shape = draw_shape(size, a=exponent)
        require("a", a, lambda value: value > 1, "> 1")
        return draw_zipf(self._take_key(key), exponent, shape, int_dtype(dtype))
