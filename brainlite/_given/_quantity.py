"""Quantities: arrays with a unit, as brainunit makes them, which is no dependency."""

from typing import Any

import jax


def is_quantity(value: object) -> bool:
    """Say whether this is a pytree of one array that has a unit."""
    kind = type(value)
    return hasattr(kind, "unit") and hasattr(kind, "mantissa") and not isinstance(value, jax.Array)


def leaves_of(value: Any) -> list[Any]:
    """Return the leaves of a pytree, a quantity being one."""
    leaves: list[Any] = jax.tree.leaves(value, is_leaf=is_quantity)
    return leaves


def without_unit(value: Any) -> Any:
    """Return the numbers of a quantity; anything else as it is."""
    if not is_quantity(value):
        return value
    [numbers] = jax.tree.leaves(value)
    return numbers
