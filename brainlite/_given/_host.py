"""What numpy has made before XLA has compiled it: a few numbers, seldom.

A kernel is compiled for each shape, in 50 ms to half a second; a model has many shapes. What is
made seldom is made by numpy on a CPU, with the same bits; what is made often is worth its kernel.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import Tracer, is_eager
from brainlite.typing import Array, DTypeLike, Shape

# A kernel takes as long to compile as numpy to make a thousand arrays: a loop soon has its own,
# the layers of a model have not.
_SELDOM = 32

# A program whose shapes never end has no end of counts: they begin anew.
_MOST = 4096

_made: Counter[Hashable] = Counter()


def counted(counts: Counter[Hashable], what: Hashable, amount: int = 1) -> int:
    """Add to a count, and return it."""
    if len(counts) >= _MOST and what not in counts:
        counts.clear()
    counts[what] += amount
    return counts[what]


def on_host() -> bool:
    """Say whether what is made now is made on one CPU, and nothing is traced."""
    mesh = jax.sharding.get_abstract_mesh()
    return is_eager() and jax.default_backend() == "cpu" and mesh.empty


def made_seldom(what: Hashable) -> bool:
    """Count that something is made, and say whether that happened seldom so far."""
    return counted(_made, what) <= _SELDOM


def as_array(numbers: np.ndarray[Any, Any]) -> Array:
    """Return numbers that nobody else holds as an array of jax; `jnp.array` compiles a copy."""
    array: Array = jax.device_put(numbers)
    return array


def filled(shape: Shape, value: object, dtype: DTypeLike) -> Array | None:
    """Return an array of one number everywhere, or None where XLA should make it."""
    kind = jnp.dtype(dtype)
    known = isinstance(value, int | float) and jax.dtypes.canonicalize_dtype(kind) == kind
    if not (known and on_host() and made_seldom((shape, kind))):
        return None
    with np.errstate(over="ignore"):  # as XLA
        return as_array(np.full(shape, value, kind))


def times(array: Array, factor: Any) -> Array:
    """Return ``array * factor``, a number of the same dtype, by numpy if it is one of numpy."""
    known = not isinstance(factor, jax.Array) and not isinstance(array, Tracer)
    if known and on_host() and not array.committed:
        return as_array(np.asarray(array) * factor)
    product: Array = array * factor
    return product
