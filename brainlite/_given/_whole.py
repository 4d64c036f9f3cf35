"""Whole numbers as they are handed in: classes, tokens, places."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.typing import Array, ArrayLike, DTypeLike


def whole(value: ArrayLike) -> Array:
    """Return whole numbers in int32 at least, so that no comparison or product wraps.

    A number beyond the type, as an int64 of numpy may hold where jax has 32 bits, becomes the
    largest or smallest of it: no more a class than it was before. What is no whole number stays.
    """
    given: Any = value
    if isinstance(given, np.ndarray | np.generic | int) and not isinstance(given, bool):
        given = np.asarray(given)
    else:
        given = jnp.asarray(given)
    own = given.dtype
    if own == jnp.int32 or not jnp.issubdtype(own, jnp.integer):
        return jnp.asarray(given)
    wide = jax.dtypes.canonicalize_dtype(jnp.int64 if own.itemsize > 2 else jnp.int32)
    if own.itemsize >= wide.itemsize and own != wide:
        limits: Any = [np.iinfo(each) for each in (own, wide)]
        low, high = max(each.min for each in limits), min(each.max for each in limits)
        given = given.clip(low, high)
    return jnp.asarray(given.astype(wide))


def complaint_of(value: Any, dtype: DTypeLike) -> str | None:
    """Return what is expected of a number that an array is filled with; None where it is so."""
    if jnp.issubdtype(dtype, jnp.bool_):
        return None if value in (0, 1) else "0 or 1, for bool"
    if not jnp.issubdtype(dtype, jnp.integer):
        return None
    kind: Any = np.dtype(dtype)
    limits: Any = np.iinfo(kind)
    if float(value).is_integer() and limits.min <= value <= limits.max:
        return None
    return f"a whole number from {limits.min} to {limits.max}, for {dtype}"
