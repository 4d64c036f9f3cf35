"""Functions without parameters that work along an axis."""

from typing import Literal, TypeAlias, overload

import jax
import jax.numpy as jnp

from brainlite import environ
from brainlite._given import to_size, whole
from brainlite.nn._functional.floating import floating, in_float32
from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.typing import Array, ArrayLike, DTypeLike

__all__ = [
    "glu",
    "log_softmax",
    "logsumexp",
    "one_hot",
    "softmax",
    "softmin",
    "standardize",
]

Axis: TypeAlias = int | tuple[int, ...] | None


@of_arrays
@kernel("axis")
def glu(x: ArrayLike, axis: int = -1) -> Array:
    """Return one half of x times the sigmoid of the other half.

    Parameters
    ----------
    x : array_like
        The input, of even length along ``axis``.
    axis : int
        The axis that is halved.

    Returns
    -------
    array, shape of x, but half as long along the axis

    References
    ----------
    Dauphin, Fan, Auli and Grangier, "Language modeling with gated convolutional networks",
    ICML 2017.

    Examples
    --------
    >>> brainlite.nn.functional.glu(jnp.array([2.0, 4.0, 0.0, 0.0]))
    Array([1., 2.], dtype=float32)
    """
    return jax.nn.glu(floating(x), axis)


@of_arrays
@kernel("axis")
def softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """Return ``exp(x)`` over its sum along ``axis``; elements outside ``where`` become 0.

    It is computed in float32 at least, and the result has the type of x.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    axis : int or tuple of int, optional
        The axes that are summed over; None is all.
    where : array_like of bool, optional
        The elements that count.

    Returns
    -------
    array, shape and dtype of x

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs, with
    relationships to statistical pattern recognition", Neurocomputing, 1990.

    Examples
    --------
    >>> brainlite.nn.functional.softmax(jnp.zeros(4))
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return in_float32(jax.nn.softmax, x, axis, where)


@of_arrays
@kernel("axis")
def log_softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """Return the logarithm of :func:`softmax`; elements outside ``where`` become -inf.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    axis : int or tuple of int, optional
        The axes that are summed over; None is all.
    where : array_like of bool, optional
        The elements that count.

    Returns
    -------
    array, shape and dtype of x

    Examples
    --------
    >>> bool(jnp.allclose(jnp.exp(brainlite.nn.functional.log_softmax(jnp.zeros(4))), 0.25))
    True
    """
    return in_float32(jax.nn.log_softmax, x, axis, where)


@of_arrays
@kernel("axis")
def softmin(x: ArrayLike, axis: Axis = -1) -> Array:
    """Return the softmax of -x.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    axis : int or tuple of int, optional
        The axes that are summed over; None is all.

    Returns
    -------
    array, shape and dtype of x

    Examples
    --------
    >>> brainlite.nn.functional.softmin(jnp.zeros(4))
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return softmax(jnp.negative(floating(x)), axis)


@overload
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    where: ArrayLike | None = None,
) -> Array: ...
@overload
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    *,
    return_sign: Literal[True],
    where: ArrayLike | None = None,
) -> tuple[Array, Array]: ...
@of_arrays
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: ArrayLike | None = None,
) -> Array | tuple[Array, Array]:
    """Return ``log(sum(b * exp(a)))`` along ``axis``, without overflow.

    Parameters
    ----------
    a : array_like
        The exponents.
    axis : int or tuple of int, optional
        The axes to sum over, by default all.
    b : array_like, optional
        The factors, by default 1.
    keepdims : bool
        Whether the summed axes stay, with length 1.
    return_sign : bool
        Whether to return the sign of the sum as well, as the second of two arrays.
    where : array_like of bool, optional
        The elements to sum.

    Returns
    -------
    array, or (array, array) with ``return_sign``

    Examples
    --------
    >>> bool(jnp.allclose(brainlite.nn.functional.logsumexp(jnp.zeros(4)), jnp.log(4.0)))
    True
    """
    if return_sign:
        return jax.nn.logsumexp(a, axis, b, keepdims, return_sign=True, where=where)
    return jax.nn.logsumexp(a, axis, b, keepdims, where=where)


@of_arrays
def standardize(
    x: ArrayLike,
    axis: Axis = -1,
    variance: ArrayLike | None = None,
    epsilon: ArrayLike = 1e-5,
    where: ArrayLike | None = None,
) -> Array:
    """Return x with mean 0 and variance 1 along ``axis``.

    Parameters
    ----------
    x : array_like
        The input.
    axis : int or tuple of int, optional
        The axes of mean and variance.
    variance : array_like, optional
        The variance, if it is known.
    epsilon : array_like
        What is added to the variance, against division by 0.
    where : array_like of bool, optional
        The elements that count.

    Returns
    -------
    array, shape of x

    Examples
    --------
    >>> x = brainlite.nn.functional.standardize(jnp.arange(5.0))
    >>> bool(jnp.allclose(x.mean(), 0.0, atol=1e-6) and jnp.allclose(x.var(), 1.0, atol=1e-4))
    True
    """
    return jax.nn.standardize(floating(x), axis, variance=variance, epsilon=epsilon, where=where)


@of_arrays
def one_hot(
    x: ArrayLike, num_classes: int, *, dtype: DTypeLike | None = None, axis: int = -1
) -> Array:
    """Return vectors that are 1 at the index x and 0 elsewhere.

    Parameters
    ----------
    x : array_like of int
        The indices; one outside of 0, ..., num_classes - 1 gives zeros.
    num_classes : int
        The length of the vectors.
    dtype : dtype, optional
        By default the environment's float type.
    axis : int
        Where the axis of the classes goes.

    Returns
    -------
    array of floats, shape (*x.shape, num_classes), or with that axis elsewhere

    Raises
    ------
    SizeError
        ``num_classes`` is negative or not whole.
    InputError
        The indices are no whole numbers.

    Examples
    --------
    >>> brainlite.nn.functional.one_hot(jnp.array([0, 2]), 3)
    Array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    kind = environ.dftype() if dtype is None else dtype
    (num_classes,) = to_size(num_classes, "num_classes", "one_hot")
    return jax.nn.one_hot(whole(x), num_classes, dtype=kind, axis=axis)
