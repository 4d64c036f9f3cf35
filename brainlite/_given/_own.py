"""What belongs to a state alone: what others can still write in is copied on its way in and out.

The memory of a numpy array or a tensor of torch can be written by whoever holds it, and jax takes
it over as it is where it is aligned: a state would change with it, without a write. So it would
with a dict that two states hold, where an item of it is set.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given._host import as_array, on_host
from brainlite._jax_compat import PyTreeDef, Tracer
from brainlite.typing import Array

# Types of leaves that nobody can write in, learned as they are met: see _fit.is_leaf.
_fixed: set[type] = set()


def own(value: Any, dtype: Any = None) -> Array:
    """Return a value as an array of jax that shares no memory with numpy or torch."""
    if isinstance(value, jax.Array):
        return value if dtype is None else value.astype(dtype)
    if hasattr(value, "__array__"):
        value = as_numpy(value)
    if dtype is None and isinstance(value, np.ndarray) and on_host():
        return as_array(np.array(value))  # a copy that nobody else has
    # `array` copies, too, by a kernel that is compiled for each shape.
    return jnp.array(value, dtype)


def as_numpy(value: Any) -> Any:
    """Return a view of what is no array of jax as an array of numpy."""
    detach = getattr(value, "detach", None)  # a tensor of torch that records gradients
    value = value if detach is None else detach()
    try:
        return _known(np.asarray(value))
    except TypeError:  # a tensor of a type that numpy does not have, as bfloat16
        if not hasattr(value, "__dlpack__"):
            raise
        return np.asarray(jax.dlpack.from_dlpack(value))


def _known(array: Any) -> Any:
    """Return as bfloat16 what a file of numpy, which has no word for it, calls two bytes."""
    nameless = array.dtype.kind == "V" and array.dtype.names is None
    return array.view(jnp.bfloat16) if nameless and array.dtype.itemsize == 2 else array


def owned(value: Any) -> Any:
    """Return a pytree that belongs to nobody else: neither its containers nor its leaves."""
    kind = type(value)
    if kind in _fixed:
        return value  # most writes end here, which costs them little
    if kind is dict and _fixed.issuperset(map(type, value.values())):
        return value.copy()
    structure: PyTreeDef
    leaves, structure = jax.tree.flatten(value)
    if not any(map(_is_open, leaves)):
        return apart(value)
    return structure.unflatten([own(leaf) if _is_open(leaf) else leaf for leaf in leaves])


def apart(value: Any) -> Any:
    """Return a pytree in containers of its own, and the leaves as they are."""
    kind = type(value)
    if kind in _fixed:
        return value
    if kind is dict:
        if _fixed.issuperset(map(type, value.values())):
            return value.copy()
        return {name: apart(each) for name, each in value.items()}
    if kind is list or kind is tuple:
        return kind(map(apart, value))
    structure: PyTreeDef
    leaves, structure = jax.tree.flatten(value)
    return structure.unflatten(leaves)


def _is_open(leaf: Any) -> bool:
    """Say whether a leaf is an array that others may write in."""
    kind = type(leaf)
    if kind in _fixed:
        return False
    fixed = isinstance(leaf, jax.Array | Tracer | np.generic) or not hasattr(kind, "__array__")
    if fixed and jax.tree_util.all_leaves([leaf]):
        _fixed.add(kind)
    return not fixed
