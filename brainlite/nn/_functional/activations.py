"""Activations that apply to each element: sigmoids, shrinkage, smooth ramps."""

import jax
import jax.numpy as jnp

from brainlite.nn._functional.floating import floating, in_float32
from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.typing import Array, ArrayLike

__all__ = [
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "log_sigmoid",
    "mish",
    "sigmoid",
    "silu",
    "soft_shrink",
    "soft_sign",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]


@of_arrays
def tanh(x: ArrayLike) -> Array:
    """Return the hyperbolic tangent.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Examples
    --------
    >>> brainlite.nn.functional.tanh(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return jnp.tanh(x)


@of_arrays
def sigmoid(x: ArrayLike) -> Array:
    """Return ``1 / (1 + exp(-x))``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Examples
    --------
    >>> brainlite.nn.functional.sigmoid(jnp.array([0.0]))
    Array([0.5], dtype=float32)
    """
    return jax.nn.sigmoid(floating(x))


@of_arrays
def log_sigmoid(x: ArrayLike) -> Array:
    """Return ``log(sigmoid(x))``, exact also where the sigmoid is 0.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Examples
    --------
    >>> brainlite.nn.functional.log_sigmoid(jnp.array([-200.0]))
    Array([-200.], dtype=float32)
    """
    return jax.nn.log_sigmoid(floating(x))


@of_arrays
def hard_sigmoid(x: ArrayLike) -> Array:
    """Return ``relu6(x + 3) / 6``: a sigmoid made of three straight lines.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> brainlite.nn.functional.hard_sigmoid(jnp.array([-4.0, 0.0, 4.0]))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.hard_sigmoid(x)


@of_arrays
def sparse_sigmoid(x: ArrayLike) -> Array:
    """Return ``(x + 1) / 2`` limited to [0, 1], the derivative of :func:`sparse_plus`.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    ``jax.nn.sparse_sigmoid``.

    Examples
    --------
    >>> brainlite.nn.functional.sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0]))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jax.nn.sparse_sigmoid(x)


@of_arrays
@kernel()
def hard_tanh(x: ArrayLike, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Return x limited to [min_val, max_val]; the derivative at both ends is 0.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    min_val, max_val : float
        The limits.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Examples
    --------
    >>> brainlite.nn.functional.hard_tanh(jnp.array([-4.0, 0.5, 4.0]))
    Array([-1. ,  0.5,  1. ], dtype=float32)
    """
    below_max = jnp.where(jnp.greater_equal(x, max_val), max_val, x)
    return jnp.where(jnp.less_equal(x, min_val), min_val, below_max)


@of_arrays
def soft_sign(x: ArrayLike) -> Array:
    """Return ``x / (1 + abs(x))``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> brainlite.nn.functional.soft_sign(jnp.array([-1.0, 0.0, 3.0]))
    Array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return jax.nn.soft_sign(x)


@of_arrays
def tanh_shrink(x: ArrayLike) -> Array:
    """Return ``x - tanh(x)``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    Examples
    --------
    >>> brainlite.nn.functional.tanh_shrink(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return jnp.subtract(x, jnp.tanh(x))


@of_arrays
@kernel()
def soft_shrink(x: ArrayLike, lambd: float = 0.5) -> Array:
    """Return x moved towards 0 by ``lambd``, and 0 within.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    lambd : float
        By how much, 0 or more.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81:425, 1994.

    Examples
    --------
    >>> brainlite.nn.functional.soft_shrink(jnp.array([-1.0, 0.25, 2.0]))
    Array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return jnp.where(jnp.abs(x) <= lambd, jnp.zeros_like(x), x - jnp.sign(x) * lambd)


@of_arrays
@kernel()
def hard_shrink(x: ArrayLike, lambd: float = 0.5) -> Array:
    """Return x, but 0 within ``[-lambd, lambd]``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    lambd : float
        The half width of what becomes 0.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81:425, 1994.

    Examples
    --------
    >>> brainlite.nn.functional.hard_shrink(jnp.array([-1.0, 0.25, 2.0]))
    Array([-1.,  0.,  2.], dtype=float32)
    """
    return jnp.where(jnp.abs(x) <= lambd, jnp.zeros_like(x), x)


@of_arrays
@kernel("approximate")
def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """Return x times the probability that a standard normal number is below x.

    Parameters
    ----------
    x : array_like
        The input.
    approximate : bool
        Whether to use tanh instead of the error function; torch's default is not to.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv 1606.08415, 2016.

    Examples
    --------
    >>> brainlite.nn.functional.gelu(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return in_float32(jax.nn.gelu, x, approximate)


@of_arrays
@kernel()
def silu(x: ArrayLike) -> Array:
    """Return ``x * sigmoid(x)``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", Neural Networks 107:3, 2018.

    Examples
    --------
    >>> brainlite.nn.functional.silu(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return in_float32(jax.nn.silu, x)


@of_arrays
@kernel()
def swish(x: ArrayLike) -> Array:
    """Return ``x * sigmoid(x)``: another name of :func:`silu`.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Ramachandran, Zoph and Le, "Searching for activation functions", arXiv:1710.05941, 2017.

    Examples
    --------
    >>> brainlite.nn.functional.swish(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return in_float32(jax.nn.silu, x)


@of_arrays
def hard_silu(x: ArrayLike) -> Array:
    """Return ``x * hard_sigmoid(x)``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> brainlite.nn.functional.hard_silu(jnp.array([-4.0, 0.0, 4.0]))
    Array([-0.,  0.,  4.], dtype=float32)
    """
    return jax.nn.hard_silu(x)


@of_arrays
def hard_swish(x: ArrayLike) -> Array:
    """Return ``x * hard_sigmoid(x)``: another name of :func:`hard_silu`.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> brainlite.nn.functional.hard_swish(jnp.array([-4.0, 0.0, 4.0]))
    Array([-0.,  0.,  4.], dtype=float32)
    """
    return jax.nn.hard_silu(x)


@of_arrays
@kernel()
def mish(x: ArrayLike) -> Array:
    """Return ``x * tanh(softplus(x))``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> brainlite.nn.functional.mish(jnp.array([0.0]))
    Array([0.], dtype=float32)
    """
    return in_float32(jax.nn.mish, x)


@of_arrays
@kernel("beta", "threshold")
def softplus(x: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Return ``log(1 + exp(beta * x)) / beta``, and x where ``beta * x`` is above ``threshold``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    beta : float
        The larger, the closer to relu.
    threshold : float
        From where on it is taken for straight.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000; the threshold is that of ``torch.nn.functional.softplus``.

    Examples
    --------
    >>> brainlite.nn.functional.softplus(jnp.array([100.0]))
    Array([100.], dtype=float32)
    """

    def exact(x: Array) -> Array:
        scaled = x * beta
        return jnp.where(scaled > threshold, x, jax.nn.softplus(scaled) / beta)

    return in_float32(exact, x)


@of_arrays
def squareplus(x: ArrayLike, b: ArrayLike = 4) -> Array:
    """Return ``(x + sqrt(x**2 + b)) / 2``.

    Parameters
    ----------
    x : array_like
        The input, of any shape.
    b : array_like
        The larger, the rounder; 0 or more.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    Barron, "Squareplus: a softplus-like algebraic rectifier", arXiv 2112.11687, 2021.

    Examples
    --------
    >>> brainlite.nn.functional.squareplus(jnp.array([0.0]))
    Array([1.], dtype=float32)
    """
    return jax.nn.squareplus(x, b)


@of_arrays
def sparse_plus(x: ArrayLike) -> Array:
    """Return 0 up to -1, ``(x + 1)**2 / 4`` up to 1, and x from there on.

    Parameters
    ----------
    x : array_like
        The input, of any shape.

    Returns
    -------
    array, shape and dtype of x; whole numbers become floats

    References
    ----------
    ``jax.nn.sparse_plus``.

    Examples
    --------
    >>> brainlite.nn.functional.sparse_plus(jnp.array([-2.0, 1.0, 3.0]))
    Array([0., 1., 3.], dtype=float32)
    """
    return jax.nn.sparse_plus(x)
