"""Arrays that take the place of others: in their dtype, and where they are."""

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite._given._own import own
from brainlite._jax_compat import Tracer

P = ParamSpec("P")
R = TypeVar("R")

_make_spec: Any = PartitionSpec  # its constructor has no types


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
    if isinstance(array, jax.Array):
        where: Any = jax.typeof(array).sharding if isinstance(array, Tracer) else array.sharding
    else:  # perhaps an abstract one
        where = getattr(array, "sharding", None)
    if not isinstance(where, NamedSharding) or AxisType.Explicit not in where.mesh.axis_types:
        return None
    kind: Any = jax.typeof(array) if isinstance(array, jax.Array) else array
    return kind.sharding.spec


def explicit_sharding(spec: Sequence[Any], *arrays: Any) -> NamedSharding | None:
    """Return a spec on the mesh of the first array whose layout is a part of its type, if any."""
    for array in arrays:
        if explicit_spec(array) is not None:
            mesh = (jax.typeof(array) if isinstance(array, jax.Array) else array).sharding.mesh
            return NamedSharding(mesh, _make_spec(*spec))
    return None


def laid_out(function: Callable[P, R], where: NamedSharding | None) -> Callable[P, R]:
    """Let the compiler lay out what a function of arrays computes; the results are laid out so.

    On explicit axes each operation says how its result is laid out, and jax refuses those that
    cannot say, such as a gather from a table that is cut. Elsewhere (None) it is the function.
    """
    if where is None:
        return function
    auto_axes: Any = jax.sharding.auto_axes  # which has no types
    inner: Callable[P, R] = auto_axes(function, out_sharding=where)
    return inner


def place_of(leaf: Any) -> jax.sharding.Sharding | None:
    """Return where an array was put; None where jax put it by itself, or it is none."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        given: jax.sharding.Sharding | None = leaf.sharding
        return given
    if not isinstance(leaf, jax.Array) or isinstance(leaf, Tracer) or not leaf.committed:
        return None
    return leaf.sharding
