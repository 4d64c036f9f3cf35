"""Bringing spikes to where they go, at a cost in proportion to how many there are.

Most neurons are silent in most steps. The rows of those that spike are gathered, up to a bound of
so many; where more spike, all are taken, so that the result never depends on the bound. The
derivative is that of the whole product: each neuron has its gradient, silent or not.

To find the few among the many would be most of the work, so the events are packed, 32 into a word:
the events of a word are counted by one instruction, and only the few words with events are looked
into (``jnp.nonzero`` takes eight times as long for 32,000 neurons).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite.typing import Array

_BITS = 32


def as_events(spikes: Any, float_as_event: bool) -> Array:
    """Return spikes as floats: 1 for each event, or the numbers that they are.

    A float that counts as an event keeps the derivative of itself.
    """
    array = jnp.asarray(spikes)
    floats = jnp.issubdtype(array.dtype, jnp.floating)
    if not float_as_event:
        return array if floats else array.astype(jnp.float32)
    if not floats:
        return (array != 0).astype(jnp.float32)
    on = (array != 0).astype(array.dtype)
    return on + (array - jax.lax.stop_gradient(array))  # in this order 1 is exactly 1


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _times_matrix(most: int, events: Array, weight: Array) -> Array:

    def few(events: Array, rows: Array) -> Array:
        values = events.at[rows].get(mode="fill", fill_value=0)
        return values @ weight.at[rows].get(mode="fill", fill_value=0)

    return _few_or_all(most, events, few, lambda events: events @ weight)


def _times_matrix_fwd(most: int, events: Array, weight: Array) -> Any:
    return _times_matrix(most, events, weight), (events, weight)


def _times_matrix_bwd(_most: int, kept: Any, g: Array) -> tuple[Array, Array]:
    events, weight = kept
    return (weight @ g).astype(events.dtype), jnp.outer(events, g).astype(weight.dtype)


_times_matrix.defvjp(_times_matrix_fwd, _times_matrix_bwd)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _scatter(most: int, post: int, events: Array, weight: Array, index: Array) -> Array:
    """Add the weights of the neurons that are active to their targets, or those of all."""
    kind = jnp.result_type(events, weight)
    # In half precision a sum stops growing where one more is less than half of its last digit.
    nothing = jnp.zeros(post, jnp.promote_types(kind, jnp.float32))

    def few(events: Array, rows: Array) -> Array:
        values = events.at[rows].get(mode="fill", fill_value=0)[:, None]
        strengths = weight if weight.ndim == 0 else weight.at[rows].get(mode="fill", fill_value=0)
        targets = index.at[rows].get(mode="fill", fill_value=post)
        arriving = jnp.broadcast_to(values * strengths, targets.shape)
        return nothing.at[targets].add(arriving.astype(nothing.dtype), mode="drop")

    def whole(events: Array) -> Array:
        arriving = jnp.broadcast_to(events[:, None] * weight, index.shape)
        return nothing.at[index].add(arriving.astype(nothing.dtype))

    out = _few_or_all(most, events, few, whole) if most else whole(events)
    return out.astype(kind)


def _scatter_fwd(most: int, post: int, events: Array, weight: Array, index: Array) -> Any:
    return _scatter(most, post, events, weight, index), (events, weight, index)


def _scatter_bwd(_most: int, _post: int, kept: Any, g: Array) -> tuple[Array, Array, None]:
    events, weight, index = kept
    back = g[index]  # (pre, m)
    to_events = (back * weight).sum(-1)
    to_weight = back * events[:, None]
    if weight.ndim == 0:
        to_weight = to_weight.sum()
    return to_events.astype(events.dtype), to_weight.astype(weight.dtype), None


_scatter.defvjp(_scatter_fwd, _scatter_bwd)


def times_matrix(most: int, events: Array, weight: Array) -> Array:
    """Return ``events @ weight`` for events of shape (pre,) and a weight of (pre, post).

    Of up to ``most`` events only the rows are taken.
    """
    out: Array = _times_matrix(most, events, weight)
    return out


def scatter(most: int, post: int, events: Array, weight: Array, index: Array) -> Array:
    """Return the sum of what arrives at each of ``post`` neurons.

    Parameters
    ----------
    most, post : int
        How many spikes are gathered at most, 0 for never; how many targets there are.
    events : array, shape (pre,)
        What each neuron sends.
    weight : array, shape () or (pre, m)
        One for all, or one for each connection.
    index : array of ints, shape (pre, m)
        The targets of each neuron.
    """
    out: Array = _scatter(most, post, events, weight, index)
    return out


def gather_events(events: Array, weight: Array, index: Array) -> Array:
    """Return the sum of what each neuron gets from its sources, ``index`` of shape (post, m)."""
    return (events[index] * weight).sum(-1)


def _few_or_all(
    most: int, events: Array, few: Callable[[Array, Array], Array], whole: Callable[[Array], Array]
) -> Array:
    """Return ``few(events, rows)``, or ``whole(events)`` where there are more than ``most``."""
    packed = _packed(events)
    # Out here they are computed once: within, XLA would do it again for each target.
    rows = _places(packed, min(most, len(events)), len(events))

    def taken(events: Array, rows: Array) -> Array:
        del rows
        return whole(events)

    out: Array = jax.lax.cond(packed.upto[-1] <= most, few, taken, events, rows)
    return out


class _Packed(NamedTuple):
    """Which of many numbers are events."""

    words: Array  # 32 of them in each, the first one in the lowest bit
    upto: Array  # how many there are up to the end of each word


def _packed(events: Array) -> _Packed:
    count = max(-(-len(events) // _BITS), 1)
    bits = jnp.pad(events != 0, (0, count * _BITS - len(events))).reshape(count, _BITS)
    words = (bits.astype(jnp.uint32) << jnp.arange(_BITS, dtype=jnp.uint32)).sum(-1, jnp.uint32)
    return _Packed(words, jnp.cumsum(jax.lax.population_count(words).astype(jnp.int32)))


def _places(packed: _Packed, size: int, nowhere: int) -> Array:
    """Return where the first ``size`` events are, in their order; ``nowhere`` for what is none."""
    number = jnp.arange(size, dtype=jnp.int32)
    word = jnp.searchsorted(packed.upto, number, side="right", method="scan_unrolled")
    word = word.astype(jnp.int32)
    before = jnp.where(word > 0, packed.upto.at[word - 1].get(mode="clip"), 0)
    bits = packed.words.at[word].get(mode="clip")
    left, place = number - before, jnp.zeros_like(number)
    for half in (16, 8, 4, 2, 1):  # those in the lower half, then in the half of that, ...
        lower = (bits >> place.astype(jnp.uint32)) & jnp.uint32((1 << half) - 1)
        there = jax.lax.population_count(lower).astype(jnp.int32)
        above = left >= there
        left, place = jnp.where(above, left - there, left), jnp.where(above, place + half, place)
    return jnp.where(number < packed.upto[-1], word * _BITS + place, nowhere)


def over_batch(deliver: Callable[[Array], Array], events: Array) -> Array:
    """Deliver spikes with any number of batch axes in front."""
    if events.ndim == 1:
        return deliver(events)
    flat = events.reshape((-1, events.shape[-1]))
    out: Array = jax.vmap(deliver)(flat)
    return out.reshape((*events.shape[:-1], out.shape[-1]))
