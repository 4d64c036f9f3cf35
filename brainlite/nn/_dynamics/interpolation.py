"""Between the steps of a history: how a delay reads at a time that is no whole number of steps."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp

from brainlite.errors import OptionError
from brainlite.typing import Array

ReadBack: TypeAlias = Callable[[Array], Any]
"""From a number of steps back to what was written then."""

Interpolation: TypeAlias = Callable[[Array, int, ReadBack], Any]
"""(steps back, the most there are, how to read) -> the value between."""


class InterpolationRegistry:
    """The ways to read between two steps, by name.

    ``nearest`` (also ``round``), ``linear`` (also ``linear_interp``) and ``cubic``, the polynomial
    of third degree through the four steps around.

    Examples
    --------
    >>> list(brainlite.nn.InterpolationRegistry.names())
    ['nearest', 'round', 'linear', 'linear_interp', 'cubic']
    """

    _ways: ClassVar[dict[str, Interpolation]] = {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that there are."""
        return tuple(cls._ways)

    @classmethod
    def register(cls, *names: str) -> Callable[[Interpolation], Interpolation]:
        """Return a decorator that adds a way, a function ``(steps, most, read) -> value``."""

        def add(way: Interpolation) -> Interpolation:
            for name in names:
                cls._ways[name] = way
            return way

        return add

    @classmethod
    def get(cls, name: str) -> Interpolation:
        """Return the way of a name.

        Raises
        ------
        OptionError
            There is none of this name.
        """
        way = cls._ways.get(name)
        if way is not None:
            return way
        raise OptionError(
            "there is no interpolation of this name",
            expected=" or ".join(map(repr, cls._ways)),
            got=repr(name),
            fix="choose one of these, or add your own by `InterpolationRegistry.register(name)`",
        )


@InterpolationRegistry.register("nearest", "round")
def _nearest(steps: Array, most: int, read: ReadBack) -> Any:
    del most
    return read(jnp.round(steps).astype(jnp.int32))


@InterpolationRegistry.register("linear", "linear_interp")
def _linear(steps: Array, most: int, read: ReadBack) -> Any:
    return _weighted(steps, jnp.clip(jnp.floor(steps), 0, max(most - 1, 0)), min(2, most + 1), read)


@InterpolationRegistry.register("cubic")
def _cubic(steps: Array, most: int, read: ReadBack) -> Any:
    # At both ends the four steps lie to one side.
    first = jnp.clip(jnp.floor(steps) - 1, 0, max(most - 3, 0))
    return _weighted(steps, first, min(4, most + 1), read)


def _weighted(steps: Array, first: Array, count: int, read: ReadBack) -> Any:
    """Return the polynomial through ``count`` steps from ``first`` on, by Lagrange."""
    at = steps - first
    total: Any = None
    for this in range(count):
        weight: Any = 1.0
        for other in range(count):
            if other != this:
                weight = weight * (at - other) / (this - other)
        value = read((first + this).astype(jnp.int32))
        part = jax.tree.map(lambda v, w=weight: _scaled(v, w), value)
        total = part if total is None else jax.tree.map(jnp.add, total, part)
    return total


def _scaled(value: Array, weight: Any) -> Array:
    """Return a value times a weight for each of its leading elements."""
    floats = jnp.issubdtype(value.dtype, jnp.inexact)
    weight = jnp.asarray(weight, value.dtype if floats else jnp.float32)
    weight = weight.reshape(weight.shape + (1,) * (value.ndim - weight.ndim))
    return jnp.where(weight == 0, 0, value * weight)  # a step that is not asked for may be NaN
