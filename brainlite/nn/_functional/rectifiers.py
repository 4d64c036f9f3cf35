"""Activations that keep what is positive, and differ in what they do below 0."""

import jax
import jax.numpy as jnp

from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.random import uniform
from brainlite.typing import Array, ArrayLike

__all__ = [
    "celu",
    "elu",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
]


@of_arrays
@kernel()
def relu(x: ArrayLike) -> Array:
    """Return ``max(x, 0)``; the derivative at 0 is 0.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> brainlite.nn.functional.relu(jnp.array([-1.0, 0.0, 2.0]))
    Array([0., 0., 2.], dtype=float32)
    """
    return jax.nn.relu(x)


@of_arrays
@kernel()
def relu6(x: ArrayLike) -> Array:
    """Return x limited to [0, 6]; the derivative at both ends is 0.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.

    Examples
    --------
    >>> brainlite.nn.functional.relu6(jnp.array([-1.0, 2.0, 8.0]))
    Array([0., 2., 6.], dtype=float32)
    """
    return jax.nn.relu6(x)


@of_arrays
@kernel()
def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 0.01) -> Array:
    """Return x, times ``negative_slope`` where it is negative; that is its derivative at 0, too.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    negative_slope : array_like
        The slope below 0.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML
    workshop on deep learning for audio, speech and language processing, 2013.

    Examples
    --------
    >>> brainlite.nn.functional.leaky_relu(jnp.array([-2.0, 2.0]), 0.5)
    Array([-1.,  2.], dtype=float32)
    """
    return jnp.where(jnp.greater(x, 0), x, jnp.multiply(negative_slope, x))


@of_arrays
@kernel()
def prelu(x: ArrayLike, a: ArrayLike = 0.25) -> Array:
    """Return x, times ``a`` where it is negative; ``a`` is meant to be learned.

    The derivative at 0 is ``a``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    a : array_like
        The slope below 0; it broadcasts to x.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> brainlite.nn.functional.prelu(jnp.array([-2.0, 2.0]), 0.5)
    Array([-1.,  2.], dtype=float32)
    """
    return jnp.where(jnp.greater(x, 0), x, jnp.multiply(a, x))


@of_arrays
def rrelu(x: ArrayLike, lower: float = 1 / 8, upper: float = 1 / 3) -> Array:
    """Return x, times a random slope from [lower, upper) where it is negative.

    The slopes come from ``brainlite.random``, one for each element, at every call.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    lower, upper : float
        The bounds of the slopes below 0.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Raises
    ------
    OptionError
        ``lower`` is above ``upper``.

    References
    ----------
    Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional
    network", arXiv 1505.00853, 2015.

    Examples
    --------
    >>> brainlite.nn.functional.rrelu(jnp.array([0.0, 2.0]))
    Array([0., 2.], dtype=float32)
    """
    slope = uniform(lower, upper, size=jnp.shape(x), dtype=jnp.result_type(x, float))
    return jnp.where(jnp.greater(x, 0), x, slope * x)


@of_arrays
def elu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """Return x, but ``alpha * (exp(x) - 1)`` where it is negative.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    alpha : array_like
        What it tends to, with the other sign.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", ICLR 2016.

    Examples
    --------
    >>> brainlite.nn.functional.elu(jnp.array([0.0, 2.0]))
    Array([0., 2.], dtype=float32)
    """
    return jax.nn.elu(x, alpha)


@of_arrays
def celu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """Return x, but ``alpha * (exp(x / alpha) - 1)`` where it is negative.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    alpha : array_like
        What it tends to, with the other sign; not 0.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Barron, "Continuously differentiable exponential linear units", arXiv 1704.07483, 2017.

    Examples
    --------
    >>> brainlite.nn.functional.celu(jnp.array([0.0, 2.0]))
    Array([0., 2.], dtype=float32)
    """
    return jax.nn.celu(x, alpha)


@of_arrays
def selu(x: ArrayLike) -> Array:
    """Return ``1.0507 * elu(x, 1.6733)``, which keeps mean 0 and variance 1.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Examples
    --------
    >>> brainlite.nn.functional.selu(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return jax.nn.selu(x)
