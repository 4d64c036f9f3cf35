"""Losses of distances and similarities between vectors: torch's names, arguments and meanings.

Vectors are the last axis; any number of axes in front. Losses are computed and returned in float32
at least.
"""

import jax.numpy as jnp

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
    "cosine_embedding_loss",
    "cosine_similarity",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "triplet_margin_loss",
]


@of_arrays
@kernel("axis", "eps")
def cosine_similarity(x1: ArrayLike, x2: ArrayLike, axis: int = -1, eps: float = 1e-8) -> Array:
    """Return the cosine of the angle between vectors.

    Parameters
    ----------
    x1, x2 : array_like
        Vectors along ``axis``, in arrays that broadcast to one shape.
    axis : int
        By default the last, where torch has 1.
    eps : float
        The least norm that a vector is divided by.

    Returns
    -------
    array, without ``axis``

    Raises
    ------
    InputError
        The numbers are complex.

    Examples
    --------
    >>> brainlite.nn.functional.cosine_similarity(jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0]))
    Array(0.70710677, dtype=float32)
    """
    a, b = as_floats("cosine_similarity", x1, x2)
    # The bound stands inside the root, whose gradient at 0 would be infinite.
    norms = [jnp.sqrt(jnp.maximum(jnp.sum(x * x, axis, keepdims=True), eps * eps)) for x in (a, b)]
    return jnp.sum(a / norms[0] * (b / norms[1]), axis)


@of_arrays
@kernel("margin", "reduction")
def cosine_embedding_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0.0,
    reduction: Reduction = "mean",
) -> Array:
    """Return 1 - cosine for pairs that belong together, max(0, cosine - margin) for others.

    Parameters
    ----------
    input1, input2 : array_like, shape (..., C)
        The vectors of each pair.
    target : array_like, shape (...)
        1 for a pair that belongs together, -1 for another. Anything else makes the loss NaN.
    margin : float
        The cosine that others may have, from -1 to 1.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each pair.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.cosine_embedding_loss``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.cosine_embedding_loss(jnp.eye(2), jnp.eye(2)[::-1], jnp.array([1, -1]), reduction="none")
    Array([1., 0.], dtype=float32)
    """
    where = "cosine_embedding_loss"
    a, b = same_shape(where, input1=input1, input2=input2)
    cosine = cosine_similarity(a, b)
    _, sign = same_shape(where, cosine=cosine, target=target)
    loss = _by_sign(sign, 1 - cosine, jnp.maximum(cosine - margin, 0))
    return reduce_loss(where, loss, reduction)


@of_arrays
@kernel("margin", "reduction")
def hinge_embedding_loss(
    input: ArrayLike, target: ArrayLike, margin: float = 1.0, reduction: Reduction = "mean"
) -> Array:
    """Return the distance of pairs that belong together, max(0, margin - distance) for others.

    Parameters
    ----------
    input : array_like
        Distances.
    target : array_like
        Of the shape of the input: 1 for a pair that belongs together, -1 for another. Anything
        else makes the loss NaN.
    margin : float
        How far apart others should be.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each pair.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.hinge_embedding_loss``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.hinge_embedding_loss(jnp.array([0.5, 0.25]), jnp.array([1, -1]), reduction="none")
    Array([0.5 , 0.75], dtype=float32)
    """
    x, sign = same_shape("hinge_embedding_loss", input=input, target=target)
    loss = _by_sign(sign, x, jnp.maximum(margin - x, 0))
    return reduce_loss("hinge_embedding_loss", loss, reduction)


@of_arrays
@kernel("margin", "reduction")
def margin_ranking_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0.0,
    reduction: Reduction = "mean",
) -> Array:
    """Return by how much pairs are ranked wrongly, ``max(0, margin - target (input1 - input2))``.

    Parameters
    ----------
    input1, input2, target : array_like
        Scores, and 1 where the first should be higher, -1 where the second. They have one shape.
    margin : float
        By how much it should be higher.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each pair.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.margin_ranking_loss``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.margin_ranking_loss(jnp.array([1.0, 1.0]), jnp.array([0.0, 3.0]), jnp.ones(2))
    Array(1., dtype=float32)
    """
    where = "margin_ranking_loss"
    a, b, sign = same_shape(where, input1=input1, input2=input2, target=target)
    return reduce_loss(where, jnp.maximum(margin - sign * (a - b), 0), reduction)


@of_arrays
@kernel("margin", "p", "eps", "swap", "reduction")
def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Array:
    """Return ``max(0, distance(anchor, positive) - distance(anchor, negative) + margin)``.

    Parameters
    ----------
    anchor, positive, negative : array_like, shape (..., C)
        Vectors, in arrays of one shape.
    margin : float
        By how much the negative should be farther away.
    p : float
        Which norm the distance is, 1 or more.
    eps : float
        Added to differences. With 0 the gradient of a distance of 0 is 0.
    swap : bool
        Whether to take the distance of positive and negative instead, where that is less.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each triplet.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        ``p`` is below 1, or there is no such reduction.

    References
    ----------
    Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional
    neural networks", BMVC 2016.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.triplet_margin_loss(jnp.zeros(2), jnp.zeros(2), jnp.array([3.0, 4.0]), eps=0.0)
    Array(0., dtype=float32)
    """
    where = "triplet_margin_loss"
    check_ranges(where, p=p)
    a, b, c = same_shape(where, anchor=anchor, positive=positive, negative=negative)
    near, far = (_length(a - each + eps, p) for each in (b, c))
    if swap:
        far = jnp.minimum(far, _length(b - c + eps, p))
    return reduce_loss(where, jnp.maximum(near - far + margin, 0), reduction)


def _length(x: Array, p: float) -> Array:
    """Return a norm along the last axis. Its derivative at no length is 0, as in torch."""
    if p == 1:
        return (x * jnp.sign(x)).sum(-1)  # whose derivative at 0 is 0, which that of abs is not
    none = (x == 0).all(-1)
    length: Array = jnp.linalg.norm(jnp.where(none[..., None], 1, x), p, -1)
    return jnp.where(none, 0, length)


def _by_sign(sign: Array, together: Array, apart: Array) -> Array:
    return jnp.where(sign == 1, together, jnp.where(sign == -1, apart, jnp.nan))
