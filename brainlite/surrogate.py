"""Steps with a smooth gradient: how networks of spiking neurons are trained.

A spike is a step of the potential, ``x >= 0``, whose derivative is zero almost everywhere. A
surrogate keeps the step as the value and puts a smooth slope in place of its derivative [1]_. Each
of the eight slopes is a class, whose objects neurons take as ``spk_fun``, and a function.

References
----------
.. [1] Neftci, Mostafa and Zenke, "Surrogate Gradient Learning in Spiking Neural Networks", IEEE
   Signal Processing Magazine 36:51, 2019.

Examples
--------
>>> spike = brainlite.surrogate.ReluGrad()
>>> spike(jnp.array([-0.5, 0.5]))
Array([0., 1.], dtype=float32)
>>> brainlite.transform.grad(lambda x: spike(x).sum())(jnp.array([-0.5, 0.5, 2.0]))
Array([0.15, 0.15, 0.  ], dtype=float32)
"""

import abc
import functools
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from brainlite.typing import Array, ArrayLike

__all__ = [
    "Arctan",
    "GaussianGrad",
    "InvSquareGrad",
    "MultiGaussianGrad",
    "PiecewiseQuadratic",
    "ReluGrad",
    "Sigmoid",
    "SoftSign",
    "Surrogate",
    "arctan",
    "gaussian_grad",
    "inv_square_grad",
    "multi_gaussian_grad",
    "piecewise_quadratic",
    "relu_grad",
    "sigmoid",
    "soft_sign",
]


class Surrogate(abc.ABC):
    """A step whose derivative is a slope of its own. A subclass defines ``surrogate_grad``.

    Examples
    --------
    >>> class Triangle(brainlite.surrogate.Surrogate):
    ...     def surrogate_grad(self, x):
    ...         return jnp.maximum(1 - abs(x), 0)
    >>> brainlite.transform.grad(Triangle())(0.25)
    Array(0.75, dtype=float32, weak_type=True)
    """

    def __call__(self, x: ArrayLike) -> Array:
        """Return 1 where ``x >= 0`` and 0 elsewhere, NaN included, in the float type of ``x``."""
        array = jnp.asarray(x)
        if not jnp.issubdtype(array.dtype, jnp.floating):
            array = array.astype(jnp.result_type(array, jnp.float32))
        spikes: Array = _step(array, self)
        return spikes

    @abc.abstractmethod
    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope that stands for the derivative of the step."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _step(x: Array, surrogate: Surrogate) -> Array:
    del surrogate
    return (x >= 0).astype(x.dtype)


@_step.defjvp
def _step_jvp(surrogate: Surrogate, primals: Any, tangents: Any) -> tuple[Array, Array]:
    [x], [dx] = primals, tangents
    return _step(x, surrogate), surrogate.surrogate_grad(x).astype(x.dtype) * dx


def _normal(x: Array, mean: float, deviation: float) -> Array:
    density: Array = jnp.exp(-(((x - mean) / deviation) ** 2) / 2)
    return density / (deviation * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class ReluGrad(Surrogate):
    """A triangle: ``alpha max(width - |x|, 0)``.

    Parameters
    ----------
    alpha : float
        The steepness of its sides.
    width : float
        Half of its base.

    References
    ----------
    Bellec et al., "Long short-term memory and learning-to-learn in networks of spiking neurons",
    NeurIPS 2018.

    Examples
    --------
    >>> brainlite.surrogate.ReluGrad(0.5, 2.0).surrogate_grad(jnp.array([0.0, 1.0, 3.0]))
    Array([1. , 0.5, 0. ], dtype=float32)
    """

    alpha: float = 0.3
    width: float = 1.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the triangle at ``x``."""
        return self.alpha * jnp.maximum(self.width - jnp.abs(x), 0)


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    """The derivative of a logistic function: ``alpha s (1 - s)`` with ``s = sigmoid(alpha x)``.

    Parameters
    ----------
    alpha : float
        How steep the logistic function is.

    References
    ----------
    Zenke and Vogels, "The remarkable robustness of surrogate gradient learning for instilling
    complex function in spiking neural networks", Neural Computation 33:899, 2021.

    Examples
    --------
    >>> brainlite.surrogate.Sigmoid().surrogate_grad(jnp.zeros(()))
    Array(1., dtype=float32)
    """

    alpha: float = 4.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope at ``x``."""
        scaled = self.alpha * x
        return self.alpha * jax.nn.sigmoid(scaled) * jax.nn.sigmoid(-scaled)


@dataclass(frozen=True)
class Arctan(Surrogate):
    """The derivative of an arc tangent: ``alpha / 2 / (1 + (pi / 2 alpha x)^2)``.

    Parameters
    ----------
    alpha : float
        How steep the arc tangent is.

    References
    ----------
    Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking
    Neural Networks", ICCV 2021.

    Examples
    --------
    >>> brainlite.surrogate.Arctan(2.0).surrogate_grad(jnp.zeros(2))
    Array([1., 1.], dtype=float32)
    """

    alpha: float = 1.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope at ``x``."""
        return self.alpha / 2 / (1 + (math.pi / 2 * self.alpha * x) ** 2)


@dataclass(frozen=True)
class SoftSign(Surrogate):
    """The derivative of a soft sign: ``alpha / 2 / (1 + |alpha x|)^2``.

    Parameters
    ----------
    alpha : float
        How steep the soft sign is.

    References
    ----------
    Zenke and Ganguli, "SuperSpike: supervised learning in multilayer spiking neural networks",
    Neural Computation 30:1514, 2018.

    Examples
    --------
    >>> brainlite.surrogate.SoftSign().surrogate_grad(jnp.array([0.0, 1.0]))
    Array([0.5  , 0.125], dtype=float32)
    """

    alpha: float = 1.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope at ``x``."""
        return self.alpha / 2 / (1 + jnp.abs(self.alpha * x)) ** 2


@dataclass(frozen=True)
class PiecewiseQuadratic(Surrogate):
    """The derivative of two parabolas: ``max(alpha - alpha^2 |x|, 0)``.

    Parameters
    ----------
    alpha : float
        The slope at 0; the slope ends at ``1 / alpha``.

    References
    ----------
    Esser et al., "Convolutional networks for fast, energy-efficient neuromorphic computing", PNAS
    113:11441, 2016.

    Examples
    --------
    >>> brainlite.surrogate.PiecewiseQuadratic().surrogate_grad(jnp.array([0.0, 0.5, 2.0]))
    Array([1. , 0.5, 0. ], dtype=float32)
    """

    alpha: float = 1.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope at ``x``."""
        return jnp.maximum(self.alpha - self.alpha**2 * jnp.abs(x), 0)


@dataclass(frozen=True)
class GaussianGrad(Surrogate):
    """A bell: ``alpha`` times the density of a normal distribution.

    Parameters
    ----------
    sigma : float
        Its standard deviation.
    alpha : float
        The area under it.

    References
    ----------
    Yin, Corradi and Bohte, "Accurate and efficient time-domain classification with adaptive
    spiking recurrent neural networks", Nature Machine Intelligence 3:905, 2021.

    Examples
    --------
    >>> slope = brainlite.surrogate.GaussianGrad().surrogate_grad(jnp.array([-1.0, 1.0]))
    >>> bool(slope[0] == slope[1])
    True
    """

    sigma: float = 0.5
    alpha: float = 0.5

    def surrogate_grad(self, x: Array) -> Array:
        """Return the bell at ``x``."""
        return self.alpha * _normal(x, 0.0, self.sigma)


@dataclass(frozen=True)
class MultiGaussianGrad(Surrogate):
    """A bell with a negative rim: the sum of three normal densities.

    ``scale ((1 + h) N(x; 0, sigma) - h N(x; sigma, s sigma) - h N(x; -sigma, s sigma))``.

    Parameters
    ----------
    h : float
        The height of the rim.
    s : float
        How much wider it is than the bell.
    sigma : float
        The standard deviation of the bell.
    scale : float
        The factor of the whole.

    References
    ----------
    Yin, Corradi and Bohte, as for :class:`GaussianGrad`.

    Examples
    --------
    >>> bool(brainlite.surrogate.MultiGaussianGrad().surrogate_grad(jnp.array(3.0)) < 0)
    True
    """

    h: float = 0.15
    s: float = 6.0
    sigma: float = 0.5
    scale: float = 0.5

    def surrogate_grad(self, x: Array) -> Array:
        """Return the slope at ``x``."""
        wide = self.s * self.sigma
        rim = _normal(x, self.sigma, wide) + _normal(x, -self.sigma, wide)
        return self.scale * ((1 + self.h) * _normal(x, 0.0, self.sigma) - self.h * rim)


@dataclass(frozen=True)
class InvSquareGrad(Surrogate):
    """A sharp peak: ``1 / (alpha |x| + 1)^2``, known as SuperSpike.

    Parameters
    ----------
    alpha : float
        How sharp it is.

    References
    ----------
    Zenke and Ganguli, "SuperSpike: Supervised Learning in Multilayer Spiking Neural Networks",
    Neural Computation 30:1514, 2018.

    Examples
    --------
    >>> brainlite.surrogate.InvSquareGrad(1.0).surrogate_grad(jnp.array([0.0, 1.0]))
    Array([1.  , 0.25], dtype=float32)
    """

    alpha: float = 100.0

    def surrogate_grad(self, x: Array) -> Array:
        """Return the peak at ``x``."""
        return 1 / (self.alpha * jnp.abs(x) + 1) ** 2


def relu_grad(x: ArrayLike, alpha: float = 0.3, width: float = 1.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`ReluGrad`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha, width : float
        As for :class:`ReluGrad`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.relu_grad(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return ReluGrad(alpha, width)(x)


def sigmoid(x: ArrayLike, alpha: float = 4.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`Sigmoid`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha : float
        As for :class:`Sigmoid`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.sigmoid(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return Sigmoid(alpha)(x)


def arctan(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`Arctan`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha : float
        As for :class:`Arctan`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.arctan(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return Arctan(alpha)(x)


def soft_sign(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`SoftSign`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha : float
        As for :class:`SoftSign`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.soft_sign(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return SoftSign(alpha)(x)


def piecewise_quadratic(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`PiecewiseQuadratic`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha : float
        As for :class:`PiecewiseQuadratic`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.piecewise_quadratic(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return PiecewiseQuadratic(alpha)(x)


def gaussian_grad(x: ArrayLike, sigma: float = 0.5, alpha: float = 0.5) -> Array:
    """Return the step of ``x`` with the slope of :class:`GaussianGrad`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    sigma, alpha : float
        As for :class:`GaussianGrad`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.gaussian_grad(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return GaussianGrad(sigma, alpha)(x)


def multi_gaussian_grad(
    x: ArrayLike, h: float = 0.15, s: float = 6.0, sigma: float = 0.5, scale: float = 0.5
) -> Array:
    """Return the step of ``x`` with the slope of :class:`MultiGaussianGrad`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    h, s, sigma, scale : float
        As for :class:`MultiGaussianGrad`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.multi_gaussian_grad(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return MultiGaussianGrad(h, s, sigma, scale)(x)


def inv_square_grad(x: ArrayLike, alpha: float = 100.0) -> Array:
    """Return the step of ``x`` with the slope of :class:`InvSquareGrad`.

    Parameters
    ----------
    x : array
        What is 0 at the threshold.
    alpha : float
        As for :class:`InvSquareGrad`.

    Returns
    -------
    array of the shape of x
        1 where ``x >= 0``, 0 elsewhere.

    Examples
    --------
    >>> brainlite.surrogate.inv_square_grad(jnp.array([-1.0, 0.0, 1.0]))
    Array([0., 1., 1.], dtype=float32)
    """
    return InvSquareGrad(alpha)(x)
