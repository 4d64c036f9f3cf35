"""The elementwise functions of gates, whose results are all that a derivative needs of them.

The slope of a sigmoid or of a tanh follows from what comes out, by a product or two. So a loop
keeps the results, and its derivative evaluates none of these functions again. The equations of a
cell are written once: they are told how to apply a squash, which is computed on the way forward,
and known afterwards.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from brainlite.typing import Array


class Squash(NamedTuple):
    """A function of each element, whose derivative follows from its result.

    ``pushed`` makes the tangent of the result from the result and the tangent of the argument.
    """

    of: Callable[[Array], Array]
    pushed: Callable[[Array, Array], Array]


Apply: TypeAlias = Callable[[Squash, Array], Array]

SIGMOID = Squash(jax.nn.sigmoid, lambda y, d: d * (y * (1 - y)))
TANH = Squash(jnp.tanh, lambda y, d: d * ((1 - y) * (1 + y)))
SAME = Squash(lambda x: x, lambda _, d: d)


def plainly(squash: Squash, x: Array) -> Array:
    """Apply a squash, where no derivative is asked for."""
    return squash.of(x)


def keeping(squashed: list[Array]) -> Apply:
    """Return what applies a squash, and puts what comes out to the others."""

    def apply(squash: Squash, x: Array) -> Array:
        squashed.append(squash.of(x))
        return squashed[-1]

    return apply


def knowing(squashed: Iterable[Array]) -> Apply:
    """Return what knows, one after the other, what came out."""
    known = iter(squashed)
    return lambda squash, x: _known(squash, x, next(known))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _known(squash: Squash, x: Array, y: Array) -> Array:
    """Return ``squash.of(x)``, which is known to be ``y``."""
    del squash, x
    return y


@_known.defjvp
def _known_jvp(squash: Squash, primals: Any, tangents: Any) -> tuple[Array, Array]:
    y: Array = primals[1]
    return y, squash.pushed(y, tangents[0])
