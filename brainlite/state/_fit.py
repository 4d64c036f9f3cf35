"""Does a new value fit the old one? The rules of writing to a state."""

from typing import Any

import jax
import numpy as np

# Types whose values are leaves, learned as they are met: whether a value is a leaf depends on its
# type alone, and asking a set is ten times cheaper than asking jax.
_leaf_types: set[type] = set()


def is_leaf(value: object) -> bool:
    """Say whether a value is no container to jax."""
    kind = type(value)
    if kind in _leaf_types:
        return True
    if jax.tree_util.all_leaves([value]):
        _leaf_types.add(kind)
        return True
    return False


def same_structure(old: object, new: object) -> bool:
    """Say whether two values have the same tree structure."""
    if is_leaf(old):
        return is_leaf(new)
    return bool(_structure(old) == _structure(new))


def _structure(value: object) -> Any:  # a PyTreeDef, which has no public type
    return jax.tree.structure(value)


def same_types(old: object, new: object) -> bool:
    """Say whether two values of one structure agree in the shape and dtype of each leaf."""
    if is_leaf(old):
        return _same_type(old, new)
    return all(map(_same_type, jax.tree.leaves(old), jax.tree.leaves(new)))


def _same_type(old: Any, new: Any) -> bool:
    """Say whether two leaves agree in shape and dtype."""
    try:
        if old.shape == new.shape and old.dtype == new.dtype:
            return True
    except AttributeError:
        pass
    if not (isinstance(old, _UNTYPED) or isinstance(new, _UNTYPED)):
        return False
    # Of a Python or numpy number on either side, the dtype counts that jax would give it.
    return np.shape(old) == np.shape(new) and bool(
        jax.dtypes.result_type(old) == jax.dtypes.result_type(new)
    )


_UNTYPED = (bool, int, float, complex, np.generic, np.ndarray)


def type_text(value: object) -> str:
    """Describe a value by structure, shapes and dtypes: ``{'bias': float32[3]}``."""
    return str(jax.tree.map(_Named, value))


class _Named:
    """A leaf as it is printed in an error message."""

    def __init__(self, leaf: object) -> None:
        shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
        if shape is None or dtype is None:
            self.text: str = f"{type(leaf).__name__} {leaf!r}"
        else:
            self.text = f"{np.dtype(dtype).name if _plain(dtype) else dtype}{[*shape]}"

    def __repr__(self) -> str:
        return self.text.replace(", ", ",")


def _plain(dtype: object) -> bool:
    return isinstance(dtype, np.dtype)
