"""How exact the numbers are that an optimizer keeps: masters, sums of gradients, running averages.

In half precision a small step is lost in a large number, so none of them is less exact than asked
for, and a parameter is rounded last.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from brainlite.typing import Array


def to_at_least(dtype: Any) -> Callable[[Array], Array]:
    """Return what makes floats that are less exact than ``dtype`` that exact; None leaves all."""

    def cast(leaf: Array) -> Array:
        own = leaf.dtype
        if dtype is None or own == dtype or not jnp.issubdtype(own, jnp.floating):
            return leaf
        return leaf.astype(dtype) if jnp.promote_types(own, dtype) == dtype else leaf

    return cast


def widened(leaf: Array) -> Array:
    """Return floats in single precision at least."""
    return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))


def unscaled(gradient: Array, scale: Array) -> Array:
    """Return the gradient of a loss from that of the scaled loss."""
    return widened(gradient) / scale


def added(total: Array, gradient: Array) -> Array:
    """Return a sum of gradients with one more, in the dtype of the sum."""
    return total + gradient.astype(total.dtype)


def followed(master: Array, value: Array) -> Array:
    """Return a master; where somebody has written the parameter since, what was written."""
    return jnp.where(master.astype(value.dtype) == value, master, value.astype(master.dtype))


def moving_mean(decay: float, first: Array) -> Callable[[Array, Array], Array]:
    """Return what moves a running average, in its own dtype; the first value is taken whole."""

    def moved(old: Array, new: Array) -> Array:
        new = new.astype(old.dtype)
        return jnp.where(first, new, old + (new - old) * (1 - decay))

    return moved


def value_or_mean(begun: Array) -> Callable[[Array, Array], Array]:
    """Return what chooses the mean once there is one, in the dtype of the value."""
    return lambda mean, value: jnp.where(begun, mean, value.astype(mean.dtype)).astype(value.dtype)
