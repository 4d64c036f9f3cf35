"""Arrays that take the place of others: in their dtype, and where they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding

from brainlite._given._own import own
from brainlite._jax_compat import Tracer


def beyond(array: Any, dtype: Any) -> int:
    """Return how many values of an array a dtype of the same kind cannot hold.

    A whole number would wrap, and a finite one become infinite; what is rounded is not counted.
    """
    if array.dtype == dtype:
        return 0
    values = np.asarray(array)
    with np.errstate(over="ignore", invalid="ignore"):
        new = values.astype(dtype)
    if jnp.issubdtype(dtype, jnp.inexact):
        lost = np.isfinite(values) & ~np.isfinite(new)
    else:
        lost = (new.astype(values.dtype) != values) | ((new < 0) != (values < 0))
    return int(lost.sum())


def placed_like(array: Any, leaf: Any) -> Any:
    """Return an array in the dtype of ``leaf``, in the same shards; nobody else can write in it.

    Of an array that is a map of a file each device reads its own part.
    """
    dtype = jax.dtypes.result_type(leaf)
    place = place_of(leaf)
    if place is None or isinstance(array, Tracer):
        return own(array, dtype)
    if isinstance(array, jax.Array):
        return jax.device_put(array.astype(dtype), place)
    return jax.make_array_from_callback(
        np.shape(array), place, lambda index: np.array(array[index]).astype(dtype)
    )


def explicit_spec(array: Any) -> Any:
    """Return the spec of an array whose layout is a part of its type; of all others None."""
    if not isinstance(array, jax.Array):
        return None
    where: Any = jax.typeof(array).sharding if isinstance(array, Tracer) else array.sharding
    if not isinstance(where, NamedSharding) or AxisType.Explicit not in where.mesh.axis_types:
        return None
    kind: Any = jax.typeof(array)
    return kind.sharding.spec


def place_of(leaf: Any) -> jax.sharding.Sharding | None:
    """Return where an array was put; None where jax put it by itself, or it is none."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        given: jax.sharding.Sharding | None = leaf.sharding
        return given
    if not isinstance(leaf, jax.Array) or isinstance(leaf, Tracer) or not leaf.committed:
        return None
    return leaf.sharding
