"""Stored arrays as they are to be read, and as they take their place."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import beyond, place_of
from brainlite.checkpoint._entries import Stored
from brainlite.checkpoint._orbax import Wanted
from brainlite.errors import CheckpointError
from brainlite.random._face import is_key
from brainlite.typing import Key

Sharding: TypeAlias = Callable[[str, Any], jax.sharding.Sharding | None]
Destination: TypeAlias = jax.sharding.Sharding | None
"""Where an array is to be; None is the default device, uncommitted, as jax makes new arrays."""


def place_for(name: str, value: Any, sharding: Sharding | None) -> Destination:
    """Return where the array belongs that takes the place of ``value``."""
    given = None if sharding is None else sharding(name, value)
    return place_of(value) if given is None else given


def wanted_as(stored: Stored, value: Any, place: Destination) -> Wanted:
    """Return what to ask for: what is to be converted, on the host."""
    if is_key(value):
        return Wanted(jax.eval_shape(jax.random.key_data, value).shape, np.dtype("uint32"), None)
    same = hasattr(value, "dtype") and value.dtype == stored.dtype
    return Wanted(stored.shape, stored.dtype, place if same else None)


def _impl_of(value: Any) -> Any:
    """Return the algorithm of keys, which may be abstract."""
    if isinstance(value, jax.Array):
        return jax.random.key_impl(value)
    known = ("threefry2x32", "rbg", "unsafe_rbg")
    return next(each for each in known if jax.eval_shape(_make_key(each)).dtype == value.dtype)


def _make_key(impl: str) -> Callable[[], Key]:
    return lambda: jax.random.key(0, impl=impl)


def replacement_of(name: str, stored: Stored, found: Any, value: Any, place: Destination) -> Any:
    """Return what takes the place of ``value``, given the array that was found for it.

    Raises
    ------
    CheckpointError
        A whole number does not survive the cast, or a finite one becomes infinite.
    """
    if not hasattr(value, "dtype"):  # a number of Python, or a text
        return found if stored.number is None else jnp.array(_cast(name, np.asarray(found), None))
    if is_key(value):
        data = jnp.array(np.asarray(found))
        key = jax.random.wrap_key_data(data, impl=_impl_of(value))
        return key if place is None else jax.jit(lambda key: key, out_shardings=place)(key)
    if isinstance(found, jax.Array) and place is not None and found.dtype == value.dtype:
        return found
    array = _cast(name, np.asarray(found), value.dtype)
    if isinstance(value, np.generic):
        return array[()]
    if place is None:
        return jnp.array(array)
    return jax.make_array_from_callback(array.shape, place, lambda index: array[index])


def _cast(name: str, array: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    """Return an array in another dtype, by default that which jax has for it."""
    dtype = jax.dtypes.canonicalize_dtype(array.dtype) if dtype is None else np.dtype(dtype)
    lost = beyond(array, dtype)
    if lost:
        raise CheckpointError(
            "a stored value is beyond the dtype that it is restored into; nothing was restored",
            where=name,
            expected=f"values within {dtype}",
            got=f"{array.dtype}{[*array.shape]}, {lost} of them beyond",
            fix="restore into the dtype that was saved, and cast afterwards",
        )
    return array.astype(dtype)
