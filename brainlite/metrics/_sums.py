"""Sums in two floats: the second holds what rounding has left out of the first."""

import jax.numpy as jnp

from brainlite.typing import Array

__all__ = ["plus"]


def plus(total: Array, rest: Array, amount: Array) -> tuple[Array, Array]:
    """Add to a sum in two floats: Knuth's two-sum, and the rest brought in order (Dekker)."""
    new = total + amount
    shadow = new - total
    error = (total - (new - shadow)) + (amount - shadow)
    # From an infinity on there is nothing to make up for: inf - inf would spoil the sum.
    error = jnp.where(jnp.isfinite(new), rest + error, 0)
    whole = new + error
    return whole, jnp.where(jnp.isfinite(whole), error - (whole - new), 0)
