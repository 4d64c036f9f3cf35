"""Losses of numbers: torch's names, arguments and meanings.

Input and target have one shape, any; the loss has that shape before the reduction. It is computed
and returned in float32 at least.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.errors import InputError
from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.nn._functional.reduction import (
    Reduction,
    as_floats,
    check_ranges,
    reduce_loss,
    same_shape,
)
from brainlite.typing import Array, ArrayLike

__all__ = [
    "gaussian_nll_loss",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]


@of_arrays
@kernel("reduction")
def mse_loss(input: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Array:
    """Return the squared error, ``(input - target)**2``.

    Parameters
    ----------
    input, target : array_like
        Arrays of one shape. They are not broadcast, as that is a mistake more often than not.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each element.

    Returns
    -------
    array, shape () or that of the input

    Raises
    ------
    InputError
        The shapes differ.
    OptionError
        There is no such reduction.

    Examples
    --------
    >>> brainlite.nn.functional.mse_loss(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
    Array(2., dtype=float32)
    """
    x, y = same_shape("mse_loss", input=input, target=target)
    return reduce_loss("mse_loss", jnp.square(x - y), reduction)


@of_arrays
@kernel("reduction")
def l1_loss(input: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Array:
    """Return the absolute error, ``|input - target|``; the arguments are those of `mse_loss`.

    Parameters
    ----------
    input, target, reduction
        As for :func:`mse_loss`.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Examples
    --------
    >>> brainlite.nn.functional.l1_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 4.0]))
    Array(1.5, dtype=float32)
    """
    x, y = same_shape("l1_loss", input=input, target=target)
    return reduce_loss("l1_loss", _distance(x, y), reduction)


@of_arrays
@kernel("reduction", "beta")
def smooth_l1_loss(
    input: ArrayLike, target: ArrayLike, reduction: Reduction = "mean", beta: float = 1.0
) -> Array:
    """Return the absolute error, rounded off to a parabola between -beta and beta.

    It is the :func:`huber_loss` over ``beta``, and the :func:`l1_loss` where ``beta`` is 0.

    Parameters
    ----------
    input, target, reduction
        As for :func:`mse_loss`.
    beta : float
        0 or more.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    References
    ----------
    Girshick, "Fast R-CNN", ICCV 2015.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.smooth_l1_loss(jnp.array([1.0, 3.0]), jnp.zeros(2), reduction="none")
    Array([0.5, 2.5], dtype=float32)
    """
    check_ranges("smooth_l1_loss", beta=beta)
    x, y = same_shape("smooth_l1_loss", input=input, target=target)
    error = _distance(x, y)
    near = jnp.minimum(error, beta)  # its square does not overflow where the error is large
    loss = jnp.square(near) / jnp.where(beta > 0, 2 * beta, 1) + (error - near)
    return reduce_loss("smooth_l1_loss", loss, reduction)


@of_arrays
@kernel("reduction", "delta")
def huber_loss(
    input: ArrayLike, target: ArrayLike, reduction: Reduction = "mean", delta: float = 1.0
) -> Array:
    """Return half the squared error, continued straight beyond -delta and delta.

    Parameters
    ----------
    input, target, reduction
        As for :func:`mse_loss`.
    delta : float
        Positive.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 1964.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.huber_loss(jnp.array([1.0, 3.0]), jnp.zeros(2), reduction="none")
    Array([0.5, 2.5], dtype=float32)
    """
    check_ranges("huber_loss", delta=delta)
    x, y = same_shape("huber_loss", input=input, target=target)
    error = _distance(x, y)
    near = jnp.minimum(error, delta)
    loss = 0.5 * jnp.square(near) + delta * (error - near)
    return reduce_loss("huber_loss", loss, reduction)


@of_arrays
@kernel("log_input", "full", "eps", "reduction")
def poisson_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: Reduction = "mean",
) -> Array:
    """Return minus the log likelihood of counts under a Poisson distribution.

    Parameters
    ----------
    input, target, reduction
        As for :func:`mse_loss`. The input is the logarithm of the rate.
    log_input : bool
        False if the input is the rate itself.
    full : bool
        Whether to add Stirling's approximation of ``log(target!)`` for targets above 1.
    eps : float
        Added to a rate whose logarithm is taken.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    References
    ----------
    ``torch.nn.functional.poisson_nll_loss``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.poisson_nll_loss(jnp.zeros(2), jnp.array([0.0, 3.0]))
    Array(1., dtype=float32)
    """
    x, y = same_shape("poisson_nll_loss", input=input, target=target)
    loss = jnp.exp(x) - y * x if log_input else x - y * jnp.log(x + eps)
    if full:
        count = jnp.maximum(y, 1)
        stirling = count * jnp.log(count) - count + 0.5 * jnp.log(2 * math.pi * count)
        loss = loss + jnp.where(y > 1, stirling, 0)
    return reduce_loss("poisson_nll_loss", loss, reduction)


@of_arrays
def gaussian_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    var: ArrayLike,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Array:
    """Return minus the log likelihood of the target under normal distributions.

    Parameters
    ----------
    input, target, reduction
        As for :func:`mse_loss`. The input is the mean.
    var : array_like
        The variance, of the shape of the input, or with a last axis that is 1 or missing.
    full : bool
        Whether to add the constant, ``log(2 pi) / 2``.
    eps : float
        The least variance. A smaller one counts as ``eps``, with the gradient that it has there.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shape of ``var`` is another, or one is negative. Under a transform, where its value is
        unknown, a negative one makes the loss NaN.

    References
    ----------
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution",
    ICNN 1994.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.gaussian_nll_loss(jnp.array([0.0, 2.0]), jnp.zeros(2), jnp.ones(2))
    Array(1., dtype=float32)
    """
    if not isinstance(var, Tracer) and np.any(np.asarray(var) < 0):
        raise InputError(
            "a variance is negative",
            where="gaussian_nll_loss",
            expected="numbers of 0 or more",
            got=f"{float(np.min(np.asarray(var)))} among them",
            fix="make them positive first, by `jnp.exp` or `softplus`",
        )
    return _gaussian_nll_loss(input, target, var, full, eps, reduction)


@kernel("full", "eps", "reduction")
def _gaussian_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    var: ArrayLike,
    full: bool,
    eps: float,
    reduction: Reduction,
) -> Array:
    """Return the negative log likelihood of a normal distribution."""
    where = "gaussian_nll_loss"
    x, y = same_shape(where, input=input, target=target)
    given, shape = jnp.shape(var), x.shape
    if given not in ((), shape, shape[:-1], (*shape[:-1], 1)):
        raise InputError(
            "the variance does not fit the input",
            where=where,
            expected=f"shape {shape}, {(*shape[:-1], 1)}, {shape[:-1]} or ()",
            got=f"shape {given}",
            fix="give one variance for each element, or for each last axis",
        )
    (v,) = as_floats(where, var)
    wide: Any = v[..., None] if given not in ((), shape) and given == shape[:-1] else v
    wide = jnp.where(wide < 0, jnp.nan, wide)
    wide = wide + jax.lax.stop_gradient(jnp.maximum(wide, eps) - wide)
    loss = 0.5 * (jnp.log(wide) + jnp.square(x - y) / wide)
    loss = loss + 0.5 * math.log(2 * math.pi) if full else loss
    return reduce_loss(where, jnp.broadcast_to(loss, shape), reduction)


def _distance(x: Array, y: Array) -> Array:
    error = x - y
    return error * jnp.sign(error)  # with gradient 0 at 0, where that of jnp.abs is 1
