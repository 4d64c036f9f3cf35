"""Normal draws and what is made of them."""

import jax
import jax.numpy as jnp

from brainlite._given import to_size
from brainlite.errors import OptionError, SizeError
from brainlite.random._arguments import (
    AnyArray,
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    anything,
    draw_shape,
    float_dtype,
    non_negative,
    prepare,
    require,
    require_order,
    to_numbers,
)
from brainlite.random._source import KeySource, in_a_bucket
from brainlite.random._units import has_unit, in_unit
from brainlite.typing import Array, ArrayLike


class NormalDraws(KeySource):
    """Gaussian numbers, alone and in vectors and matrices.

    Examples
    --------
    >>> brainlite.random.seed(0)
    >>> brainlite.random.randn(2)
    Array([-2.4424558, -2.0356805], dtype=float32)
    >>> brainlite.random.normal([0.0, 10.0], 0.5, size=(4, 2)).shape
    (4, 2)
    >>> brainlite.random.multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 3).shape
    (3, 2)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def randn(self, *dn: int, key: AnyKey = None, dtype: AnyDType = None) -> Array:
        """Draw standard normal numbers; ``dn`` are the axes, one by one, none for a scalar.

        Parameters
        ----------
        *dn : int
            The axes of the result.
        key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats, shape dn

        Examples
        --------
        >>> brainlite.random.randn(2, 3).shape
        (2, 3)
        """
        shape = to_size(dn, "the axes of randn")
        return self._draw(jax.random.normal, shape, key, float_dtype(dtype, or_complex=True))

    def randn_like(
        self, input: ArrayLike, *, dtype: AnyDType = None,  # noqa: A002 - as in torch
        key: AnyKey = None,
    ) -> Array:
        """Draw standard normal numbers, of the shape and (if it has floats) dtype of ``input``.

        Parameters
        ----------
        input : array
            What has the shape.
        dtype, key
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.randn_like(jnp.zeros((2, 3))).shape
        (2, 3)
        """
        kind = jnp.result_type(input)
        if dtype is None and jnp.issubdtype(kind, jnp.inexact):
            dtype = kind
        return self.standard_normal(jnp.shape(input), key, dtype)

    def standard_normal(
        self, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from the normal distribution of mean 0 and standard deviation 1.

        Parameters
        ----------
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.standard_normal(2).shape
        (2,)
        """
        return self.normal(None, None, size, key, dtype)

    def normal(
        self, loc: Numbers | None = None, scale: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw from normal distributions of mean ``loc`` (0) and deviation ``scale`` (1).

        Parameters
        ----------
        loc : number, array or quantity
            The mean; by default 0. Of quantities the draw is one, too.
        scale : number, array or quantity
            The standard deviation, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.normal(0.0, [0.1, 1.0]).shape
        (2,)
        """
        if has_unit(loc, scale):
            drawn: Array = in_unit(
                lambda loc, scale: self.normal(loc, scale, size, key, dtype),
                loc=0.0 if loc is None else loc,
                scale=1.0 if scale is None else scale,
            )
            return drawn
        dtype = float_dtype(dtype, or_complex=True)
        return self._draw_located(jax.random.normal, loc, scale, size, key, dtype)

    def truncated_normal(
        self, lower: Numbers, upper: Numbers, size: AnySize = None, loc: Numbers = 0.0,
        scale: Numbers = 1.0, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw from normal distributions cut off outside (lower, upper).

        The bounds are those of the numbers themselves, not in units of ``scale``. ``loc`` and
        ``scale`` are mean and standard deviation before the cut; ``check_valid`` looks at them.

        Parameters
        ----------
        lower, upper : number or array
            The bounds.
        loc, scale : number or array
            Mean and standard deviation before the cut.
        check_valid : bool
            Whether to raise for bounds or a scale out of range.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> draws = brainlite.random.truncated_normal(0.0, 1.0, size=100)
        >>> bool((draws >= 0.0).all() and (draws <= 1.0).all())
        True
        """
        dtype = float_dtype(dtype)
        given = {"lower": anything(lower), "upper": anything(upper), "loc": anything(loc)}
        arrays, shape = prepare(size, dtype, check_valid, **given, scale=non_negative(scale))
        if check_valid:
            require_order("lower", lower, "<", "upper", upper)
        low, high, mean, width = arrays
        low, high = (low - mean) / width, (high - mean) / width
        used = self._take_key(key)
        return in_a_bucket(
            (jax.random.truncated_normal, jnp.dtype(dtype)),
            lambda row: jax.random.truncated_normal(used, low, high, row, dtype),
            used,
            shape,
            *(low, high, mean, width),
            rounds=True,
            after=lambda standard: standard * width + mean,
        )

    def lognormal(
        self, mean: Numbers | None = None, sigma: Numbers | None = None,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw numbers whose logarithm is normal, of this mean (0) and standard deviation (1).

        Parameters
        ----------
        mean : number or array
            The mean of the logarithm; by default 0.
        sigma : number or array
            Its standard deviation, 0 or more; by default 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats

        Examples
        --------
        >>> brainlite.random.lognormal(0.0, [0.1, 1.0]).shape
        (2,)
        """
        require(sigma=non_negative(sigma))
        return jnp.exp(self.normal(mean, sigma, size, key, float_dtype(dtype)))

    def multivariate_normal(
        self, mean: Numbers, cov: Numbers, size: AnySize = None, method: str = "cholesky",
        key: AnyKey = None, dtype: AnyDType = None,
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
        SizeError
            The mean and the covariance do not fit each other, or not ``size``.
        OptionError
            There is no such method.

        Examples
        --------
        >>> brainlite.random.multivariate_normal(jnp.zeros(2), jnp.eye(2), size=3).shape
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
        center, spread = to_numbers(mean, dtype), to_numbers(cov, dtype)
        n = _vector_length(center, spread)
        batch = draw_shape(size, mean=center[..., 0], cov=spread[..., 0, 0])
        center = jnp.broadcast_to(center, (*batch, n))
        return jax.random.multivariate_normal(
            self._take_key(key), center, spread, batch, dtype, method=method
        )

    def orthogonal(
        self, n: int, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw orthogonal matrices of shape (*size, n, n), uniformly (by Haar's measure).

        Parameters
        ----------
        n : int
            The number of rows and columns.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of floats, shape (*size, n, n)

        References
        ----------
        Mezzadri, "How to generate random matrices from the classical compact groups",
        Notices of the AMS 54, 2007.

        Examples
        --------
        >>> matrix = brainlite.random.orthogonal(3)
        >>> bool(jnp.allclose(matrix @ matrix.T, jnp.eye(3), atol=1e-5))
        True
        """
        batch, (rows,) = to_size(() if size is None else size), to_size(n, "n")
        dtype = float_dtype(dtype)
        return jax.random.orthogonal(self._take_key(key), rows, batch, dtype)

    # fmt: on


def _vector_length(mean: AnyArray, cov: AnyArray) -> int:
    """Return the length of vectors that mean and covariance agree on, or raise."""
    n = mean.shape[-1] if mean.ndim else 0
    if n and cov.ndim >= 2 and cov.shape[-2:] == (n, n):
        return n
    raise SizeError(
        "the mean and the covariance of a normal distribution do not fit",
        expected="mean (..., n) and cov (..., n, n)",
        got=f"mean {mean.shape}, cov {cov.shape}",
        fix="for independent components use normal, or pass jnp.diag(variances) as cov",
    )
