"""Normal draws and what is made of them."""

import jax
import jax.numpy as jnp

from brainlite.errors import OptionError, SizeError
from brainlite.random._arguments import (
    AnyArray,
    Numbers,
    draw_shape,
    float_dtype,
    require_below,
    require_non_negative,
    to_floats,
)
from brainlite.random._size import to_size
from brainlite.random._source import KeySource
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Size

__all__ = ["NormalDraws"]


class NormalDraws(KeySource):
    """Gaussian numbers, alone and in vectors and matrices.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.seed(0)
    >>> x = brainlite.random.normal(5.0, 0.1, size=1000)
    >>> 4.9 < x.mean() < 5.1
    Array(True, dtype=bool)
    """

    __slots__ = ()

    def randn(
        self, *dn: int, key: SeedOrKey | None = None, dtype: DTypeLike | None = None
    ) -> Array:
        """Draw standard normal numbers, of shape ``dn``.

        Parameters
        ----------
        *dn : int
            The axes, one by one; none for a scalar.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.seed(0)
        >>> brainlite.random.randn(2)
        Array([-2.4424558, -2.0356805], dtype=float32)
        """
        shape, dtype = to_size(dn, "the axes of randn"), float_dtype(dtype, or_complex=True)
        return jax.random.normal(self._take_key(key), shape, dtype)

    def randn_like(
        self,
        input: ArrayLike,  # noqa: A002 - as in torch
        *,
        dtype: DTypeLike | None = None,
        key: SeedOrKey | None = None,
    ) -> Array:
        """Draw standard normal numbers, of the shape and (if it has floats) dtype of ``input``."""
        kind = jnp.result_type(input)
        if dtype is None and jnp.issubdtype(kind, jnp.inexact):
            dtype = kind
        dtype = float_dtype(dtype, or_complex=True)
        return jax.random.normal(self._take_key(key), jnp.shape(input), dtype)

    def standard_normal(
        self,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from the normal distribution of mean 0 and standard deviation 1."""
        return self.normal(None, None, size, key, dtype)

    def normal(
        self,
        loc: Numbers | None = None,
        scale: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw from normal distributions.

        Parameters
        ----------
        loc : array_like, optional
            The mean, by default 0.
        scale : array_like, optional
            The standard deviation, 0 or more, by default 1.

        Raises
        ------
        OptionError
            A scale is negative.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.normal([0.0, 10.0], 0.5, size=(4, 2)).shape
        (4, 2)
        """
        dtype = float_dtype(dtype, or_complex=True)
        return self._draw_located(jax.random.normal, loc, scale, size, key, dtype)

    def truncated_normal(
        self,
        lower: Numbers,
        upper: Numbers,
        size: Size | None = None,
        loc: Numbers = 0.0,
        scale: Numbers = 1.0,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw from normal distributions cut off outside (lower, upper).

        Parameters
        ----------
        lower, upper : array_like
            The bounds of the numbers themselves, not in units of ``scale``.
        loc, scale : array_like
            Mean and standard deviation before the cut.
        check_valid : bool
            Whether to check the arguments.

        Raises
        ------
        OptionError
            ``lower`` is not below ``upper``, or a scale is negative.
        """
        dtype = float_dtype(dtype)
        low, high, mean, width = to_floats(dtype, lower, upper, loc, scale)
        shape = draw_shape(size, lower=low, upper=high, loc=mean, scale=width)
        if check_valid:
            require_below("lower", lower, "upper", upper)
            require_non_negative(scale=scale)
        low, high = (low - mean) / width, (high - mean) / width
        standard = jax.random.truncated_normal(self._take_key(key), low, high, shape, dtype)
        return standard * width + mean

    def lognormal(
        self,
        mean: Numbers | None = None,
        sigma: Numbers | None = None,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw numbers whose logarithm is normal.

        Parameters
        ----------
        mean, sigma : array_like, optional
            Mean and standard deviation of the logarithm, by default 0 and 1.
        """
        require_non_negative(sigma=1 if sigma is None else sigma)
        return jnp.exp(self.normal(mean, sigma, size, key, float_dtype(dtype)))

    def multivariate_normal(
        self,
        mean: Numbers,
        cov: Numbers,
        size: Size | None = None,
        method: str = "cholesky",
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw vectors from multivariate normal distributions.

        Parameters
        ----------
        mean : array_like, shape (..., n)
            The means.
        cov : array_like, shape (..., n, n)
            The covariances, symmetric and positive semidefinite.
        size : int or sequence of int, optional
            How many vectors; by default as many as there are distributions.
        method : {'cholesky', 'eigh', 'svd'}
            How to take the root of ``cov``. Cholesky is the fastest, and needs it to be
            positive definite.

        Returns
        -------
        array, shape (*size, n)

        Raises
        ------
        OptionError
            The method is not known.
        SizeError
            The shapes of mean and covariance do not fit.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 3).shape
        (3, 2)
        """
        if method not in ("cholesky", "eigh", "svd"):
            raise OptionError(
                "multivariate_normal has no such method",
                expected="'cholesky', 'eigh' or 'svd'",
                got=repr(method),
                fix="leave it out, or use 'svd' when the covariance may be singular",
            )
        dtype = float_dtype(dtype)
        center, spread = to_floats(dtype, mean, cov)
        n = _vector_length(center, spread)
        batch = draw_shape(size, mean=center[..., 0], cov=spread[..., 0, 0])
        center = jnp.broadcast_to(center, (*batch, n))
        return jax.random.multivariate_normal(
            self._take_key(key), center, spread, batch, dtype, method=method
        )

    def orthogonal(
        self,
        n: int,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw orthogonal matrices, uniformly (by Haar's measure).

        Parameters
        ----------
        n : int
            The number of rows and of columns.
        size : int or sequence of int, optional
            How many matrices; by default one.

        Returns
        -------
        array, shape (*size, n, n)

        References
        ----------
        Mezzadri, "How to generate random matrices from the classical compact groups",
        Notices of the AMS 54, 2007.
        """
        batch, (rows,) = to_size(() if size is None else size), to_size(n, "n")
        dtype = float_dtype(dtype)
        return jax.random.orthogonal(self._take_key(key), rows, batch, dtype)


def _vector_length(mean: AnyArray, cov: AnyArray) -> int:
    n = mean.shape[-1] if mean.ndim else 0
    if n and cov.ndim >= 2 and cov.shape[-2:] == (n, n):
        return n
    raise SizeError(
        "the mean and the covariance of a normal distribution do not fit",
        expected="mean (..., n) and cov (..., n, n)",
        got=f"mean {mean.shape}, cov {cov.shape}",
        fix="for independent components use normal, or pass jnp.diag(variances) as cov",
    )
