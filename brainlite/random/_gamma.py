"""Draws from the gamma distribution and those made of it: beta and Dirichlet."""

import jax

from brainlite.errors import SizeError
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

__all__ = ["GammaDraws"]


class GammaDraws(KeySource):
    """The gamma distribution, and what its numbers make when divided by their sum.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.gamma(2.0, 0.5, size=3).shape
    (3,)
    >>> brainlite.random.dirichlet([1.0, 1.0, 1.0]).sum().round(3)
    Array(1., dtype=float32)

    References
    ----------
    Marsaglia and Tsang, "A simple method for generating gamma variables", ACM Transactions on
    Mathematical Software 26, 2000 (what ``jax.random.gamma`` does).
    """

    __slots__ = ()

    def standard_gamma(
        self,
        shape: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from gamma distributions of scale 1.

        Parameters
        ----------
        shape : array_like
            The shape parameter, above 0.
        """
        return self.gamma(shape, None, size, key, dtype)

    def gamma(
        self,
        shape: Numbers,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from gamma distributions; the mean is ``shape * scale``.

        Parameters
        ----------
        shape : array_like
            The shape parameter, above 0.
        scale : array_like, optional
            The scale, 0 or more, by default 1.

        Raises
        ------
        OptionError
            A parameter is out of range.
        """
        dtype = float_dtype(dtype)
        factor = 1 if scale is None else scale
        alpha, width = to_floats(dtype, shape, factor)
        final = draw_shape(size, shape=alpha, scale=width)
        require_positive(shape=shape)
        require_non_negative(scale=factor)
        return jax.random.gamma(self._take_key(key), alpha, final, dtype) * width

    def loggamma(
        self,
        a: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw logarithms of gamma numbers; exact where the numbers themselves would be 0.

        Parameters
        ----------
        a : array_like
            The shape parameter, above 0.
        """
        dtype = float_dtype(dtype)
        (alpha,) = to_floats(dtype, a)
        shape = draw_shape(size, a=alpha)
        require_positive(a=a)
        return jax.random.loggamma(self._take_key(key), alpha, shape, dtype)

    def beta(
        self,
        a: Numbers,
        b: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from beta distributions; the mean is ``a / (a + b)``.

        Parameters
        ----------
        a, b : array_like
            The shape parameters, above 0.
        """
        dtype = float_dtype(dtype)
        left, right = to_floats(dtype, a, b)
        shape = draw_shape(size, a=left, b=right)
        require_positive(a=a, b=b)
        return jax.random.beta(self._take_key(key), left, right, shape, dtype)

    def dirichlet(
        self,
        alpha: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw vectors of probabilities from Dirichlet distributions.

        Parameters
        ----------
        alpha : array_like, shape (..., n)
            The concentrations, above 0.
        size : int or sequence of int, optional
            How many vectors; by default as many as there are distributions.

        Returns
        -------
        array, shape (*size, n)
            Each vector sums to 1.
        """
        dtype = float_dtype(dtype)
        (concentration,) = to_floats(dtype, alpha)
        if not concentration.ndim:
            raise SizeError(
                "the concentrations of a Dirichlet distribution are no vector",
                expected="shape (..., n)",
                got="a scalar",
                fix="pass one concentration for each outcome: [alpha] * n",
            )
        batch = draw_shape(size, alpha=concentration[..., 0])
        require_positive(alpha=alpha)
        return jax.random.dirichlet(self._take_key(key), concentration, batch, dtype)
