"""Inputs as floats, where whole numbers have no result of their own, and in enough digits."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from brainlite.typing import Array, ArrayLike


def floating(x: ArrayLike) -> Array:
    """Return floats and complex numbers as they are, others in jax's type of floats."""
    array = jnp.asarray(x)
    if jnp.issubdtype(array.dtype, jnp.inexact):
        return array
    return array.astype(jnp.result_type(array.dtype, float))


def in_float32(function: Callable[..., Array], x: ArrayLike, *options: Any) -> Array:
    """Apply a function in float32 at least: half precision is rounded, or overflows, too early."""
    array = floating(x)
    if jnp.issubdtype(array.dtype, jnp.floating) and array.dtype.itemsize < 4:
        return function(array.astype(jnp.float32), *options).astype(array.dtype)
    return function(array, *options)
