"""Public type aliases and protocols, for annotating code that uses the library.

Examples
--------
>>> from brainlite.typing import Array, Size
>>> def double(x: Array) -> Array:
...     return x * 2
"""

from collections.abc import Callable, Sequence
from types import EllipsisType, UnionType
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.typing
import numpy as np
from typing_extensions import TypeVar

__all__ = [
    "Array",
    "ArrayLike",
    "DTypeLike",
    "Filter",
    "GradTarget",
    "Key",
    "Path",
    "PathPart",
    "Predicate",
    "PyTree",
    "SeedOrKey",
    "Shape",
    "Size",
]

Array: TypeAlias = jax.Array
"""A JAX array, concrete or traced."""

ArrayLike: TypeAlias = jax.typing.ArrayLike
"""What can be used as an array: one of jax or numpy, or a number."""

DTypeLike: TypeAlias = jax.typing.DTypeLike
"""What names a dtype: ``jnp.float32``, ``'float32'``, ``float``."""

Key: TypeAlias = jax.Array
"""A typed JAX random key, as made by ``jax.random.key``."""

SeedOrKey: TypeAlias = int | jax.Array | np.ndarray[Any, Any]
"""A seed (an int) or a random key."""

Shape: TypeAlias = tuple[int, ...]
"""The shape of an array."""

Size: TypeAlias = int | Sequence[int]
"""A size given by a user: one axis as an int, or several as a sequence of ints."""

PyTree: TypeAlias = Any
"""Any nesting of containers with arrays as leaves."""

PathPart: TypeAlias = str | int
"""One step in an object graph: an attribute name, a dict key or a list index."""

Path: TypeAlias = tuple[PathPart, ...]
"""Where an object sits in a graph, from the root: ``('cell', 'W', 'weight')``."""

Predicate: TypeAlias = Callable[[Path, Any], bool]
"""A filter as a function of the path and the object."""

Filter: TypeAlias = (
    type[Any] | UnionType | str | bool | EllipsisType | Predicate | Sequence["Filter"] | None
)
"""What selects states or nodes: see :mod:`brainlite.graph`."""

G_co = TypeVar("G_co", covariant=True)


@runtime_checkable
class GradTarget(Protocol[G_co]):
    """What ``grad`` can differentiate with respect to: a ``State`` or a collection of them."""

    def __grad_value__(self) -> G_co:
        """Return the current value, in the structure that the gradient will have."""
        ...
