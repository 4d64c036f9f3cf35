"""Inputs as floats, where whole numbers have no result of their own."""

import jax.numpy as jnp

from brainlite.typing import Array, ArrayLike

__all__ = ["floating"]


def floating(x: ArrayLike) -> Array:
    """Return floats and complex numbers as they are, others in jax's type of floats."""
    array = jnp.asarray(x)
    if jnp.issubdtype(array.dtype, jnp.inexact):
        return array
    return array.astype(jnp.result_type(array.dtype, float))
