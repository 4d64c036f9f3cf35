"""Generators follow: they go to the devices of what else a compiled function works on.

The shared generator is used by every model, and models may be on different devices. jax refuses to
compute with arrays that are tied to different ones. The key is the one that may go elsewhere.
"""

from collections.abc import Iterable, Iterator

import jax
from jax.sharding import NamedSharding

from brainlite._jax_compat import Tracer
from brainlite.random import RandomState
from brainlite.random._face import drawing, untied
from brainlite.state._face import AnyState, held, replicated


def follow(states: Iterable[AnyState], arguments: object) -> bool:
    """Move the generators among the states to the devices of all else; say whether any was.

    Parameters
    ----------
    states : iterable of State
        What a compiled function reads.
    arguments : pytree
        What it is called with.
    """
    states = list(states)
    generators = [state for state in states if isinstance(state, RandomState)]
    others = held(state for state in states if not isinstance(state, RandomState))
    places = {frozenset(where.device_set): where for where in _tied((others, arguments))}
    if len(places) != 1:
        return False
    [(devices, where)] = places.items()
    away = [each for each in generators if _is_away(each, devices)]
    with drawing:
        for generator in away:
            on_mesh = isinstance(where, NamedSharding)
            key = untied(generator.value)
            generator.sharding = None
            generator.value = key
            generator.sharding = replicated(where) if on_mesh else None
    return bool(away)


def _tied(values: object) -> Iterator[jax.sharding.Sharding]:
    """Yield where those arrays are that are tied to their devices."""
    for leaf in jax.tree.leaves(values):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and leaf.committed:
            yield leaf.sharding


def _is_away(generator: RandomState, devices: frozenset[object]) -> bool:
    places = [*_tied(generator.value)]
    return bool(places) and frozenset(places[0].device_set) != devices
