"""How much a model holds: parameters and bytes, each state once."""

import math
from typing import Any

import jax

from brainlite.graph import iter_leaf
from brainlite.state import ParamState
from brainlite.state._face import AnyState, is_frozen


def numbers(model: Any) -> int:
    """Return how many numbers are in the states that are no parameters."""
    return sum(_size_of(s)[0] for _, s in iter_leaf(model) if not isinstance(s, ParamState))


def frozen_numbers(model: Any) -> int:
    """Return how many numbers are in the parameters that are not trained."""
    return sum(_size_of(s)[0] for _, s in iter_leaf(model) if is_frozen(s))


def footprint(model: Any) -> tuple[int, int]:
    """Return the number of parameters, and the bytes of all states.

    Examples
    --------
    >>> footprint(brainlite.nn.Linear(3, 4))
    (16, 64)
    """
    sizes = [(state, *_size_of(state)) for _, state in iter_leaf(model)]
    params = sum(count for state, count, _ in sizes if isinstance(state, ParamState))
    return params, sum(size for _, _, size in sizes)


def device_bytes(model: Any) -> int:
    """Return the bytes that one device holds of all states: less than all where they are cut.

    Examples
    --------
    >>> device_bytes(brainlite.nn.Linear(3, 4))
    64
    """
    leaves = [leaf for _, state in iter_leaf(model) for leaf in jax.tree.leaves(state.__held__)]
    return sum(map(_part_of, leaves))


def _part_of(leaf: Any) -> int:
    if not hasattr(leaf, "dtype"):
        return 0
    sharding: jax.sharding.Sharding | None = getattr(leaf, "sharding", None)
    shape = leaf.shape if sharding is None else sharding.shard_shape(leaf.shape)
    return math.prod(shape) * int(leaf.dtype.itemsize)


def is_laid_out(model: Any) -> bool:
    """Say whether a state declares where it lives."""
    return any(state.sharding is not None for _, state in iter_leaf(model))


def _size_of(state: AnyState) -> tuple[int, int]:
    # Only what an array says of itself: no value is read, and a deleted one has its size, too.
    leaves = [leaf for leaf in jax.tree.leaves(state.__held__) if hasattr(leaf, "dtype")]
    return sum(leaf.size for leaf in leaves), sum(
        leaf.size * leaf.dtype.itemsize for leaf in leaves
    )


def in_bytes(size: float) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> in_bytes(12345)
    '12.3 KB'
    """
    units = ["B", "KB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.3g} {units[0]}"
