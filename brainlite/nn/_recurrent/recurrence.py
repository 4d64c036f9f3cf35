"""A recurrent layer on plain arrays: one ``lax.scan`` with a derivative of its own.

The derivative of the loop with respect to a weight is a sum over the steps. Autodiff adds one term
at each step of the backward loop; here the terms leave the loop, and one matrix product after it
adds them all. The rule is one for ``jvp``, which jax transposes: so it holds in forward mode, in
reverse mode, for second derivatives and under ``vmap``.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from brainlite.nn._functional.kernel import broadcasting
from brainlite.typing import Array

T = TypeVar("T")
Hidden: TypeAlias = tuple[Array, ...]  # the output (B, H) of a cell first, then what else it keeps


class Cell(NamedTuple):
    """The equations of a cell: those that are not matrix products.

    ``point`` makes the new hidden states of the gates (B, G) and the old hidden states. The gates
    are the sum of what comes from the input and what comes from the output before, or else what
    ``combine`` returns, which may add and concatenate parts of the two, but nothing else.
    """

    point: Callable[[Array, Hidden], Hidden]
    combine: Callable[[Array, Array], Array] | None = None


class Weights(NamedTuple):
    """The parameters of one layer in one direction, as torch lays them out."""

    ih: Array  # (G, I)
    hh: Array  # (G, H)
    b_ih: Array | None  # (G,)
    b_hh: Array | None
    hr: Array | None  # (P, H): the projection of the output


class Marks(NamedTuple):
    """What is special about the steps of a sequence; None where nothing is."""

    valid: Array | None  # (T, B): False where a step is left out
    reset: Array | None  # (T, B): True where the hidden states start anew before a step
    cut: Array | None  # (T,): True where no gradient passes to the step before


def borders(marks: Marks) -> Marks:
    """Return the marks as the backward direction meets them.

    A reset or a cut lies between a step and the one before it, for both directions.
    """

    def shift(mark: Array | None) -> Array | None:
        return None if mark is None else jnp.roll(mark, -1, 0).at[-1:].set(False)

    return marks._replace(reset=shift(marks.reset), cut=shift(marks.cut))


def recur(
    cell: Cell,
    reverse: bool,
    remat: bool,
    xs: Array,
    start: Hidden,
    initial: Hidden | None,
    weights: Weights,
    marks: Marks,
) -> tuple[Array, Hidden]:
    """Run a layer over a sequence (T, B, I); return the outputs (T, B, H) and the last states.

    ``initial`` is what a reset sets the states to. With ``remat`` the backward pass keeps the
    hidden states at some sqrt(T) steps only, and computes the rest again.
    """
    if not remat:
        return _recur(cell, reverse, xs, start, initial, weights, marks)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def run(start: Hidden, chunk: tuple[Array, Marks]) -> tuple[Hidden, Array]:
        ys, last = _recur(cell, reverse, chunk[0], start, initial, weights, chunk[1])
        return last, ys

    steps = len(xs)
    size = max(1, math.isqrt(steps))
    whole = steps // size * size
    head = jax.tree.map(lambda x: x[:whole].reshape(steps // size, size, *x.shape[1:]), (xs, marks))
    tail = jax.tree.map(lambda x: x[whole:], (xs, marks))
    if reverse:  # the steps that fill no chunk are the last ones: here they come first
        last, rest = run(start, tail)
        last, ys = jax.lax.scan(run, last, head, reverse=True)
    else:
        last, ys = jax.lax.scan(run, start, head)
        last, rest = run(last, tail)
    return jnp.concatenate([ys.reshape(whole, *ys.shape[2:]), rest]), last


class _Kept(NamedTuple):
    """What the derivative needs of each step."""

    before: Hidden  # the hidden states that the step started from, after a reset
    pre: Array  # the gates
    out: Array | None  # the output before its projection, if there is one


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _recur(
    cell: Cell,
    reverse: bool,
    xs: Array,
    start: Hidden,
    initial: Hidden | None,
    weights: Weights,
    marks: Marks,
) -> tuple[Array, Hidden]:
    ys, last, _ = _loop(cell, reverse, False, xs, start, initial, weights, marks)
    return ys, last


def _loop(
    cell: Cell,
    reverse: bool,
    keep: bool,
    xs: Array,
    start: Hidden,
    initial: Hidden | None,
    weights: Weights,
    marks: Marks,
) -> tuple[Array, Hidden, _Kept | None]:
    """Run one scan; return outputs, last states and, to ``keep``, what a derivative needs."""
    gates = _gates(cell, weights)

    def step(old: Hidden, inputs: tuple[Array, Marks]) -> tuple[Hidden, tuple[Array, Any]]:
        x, mark = inputs
        before = _started(mark, initial, old)
        pre = gates(x, before[0])
        out, *rest = cell.point(pre, before)
        h = out if weights.hr is None else out @ weights.hr.T
        new, y = _stepped(mark, (h, *rest), before)
        kept = _Kept(before, pre, None if weights.hr is None else out)
        return new, (y, kept if keep else None)

    last, (ys, kept) = jax.lax.scan(step, start, (xs, marks), reverse=reverse)
    return ys, last, kept


def hidden_over_time(
    cell: Cell,
    reverse: bool,
    xs: Array,
    start: Hidden,
    initial: Hidden | None,
    weights: Weights,
    marks: Marks,
) -> Hidden:
    """Return the hidden states after each step, (T, B, H), of a layer that :func:`recur` runs.

    For those who look on: it runs the layer once more, and passes no gradient.
    """
    gates = _gates(cell, weights)

    def step(old: Hidden, inputs: tuple[Array, Marks]) -> tuple[Hidden, Hidden]:
        x, mark = inputs
        before = _started(mark, initial, old)
        out, *rest = cell.point(gates(x, before[0]), before)
        h = out if weights.hr is None else out @ weights.hr.T
        new, _ = _stepped(mark, (h, *rest), before)
        return new, new

    over_time: Hidden = jax.lax.scan(step, start, (xs, marks), reverse=reverse)[1]
    return jax.lax.stop_gradient(over_time)


def _gates(cell: Cell, weights: Weights) -> Callable[[Array, Array], Array]:
    """Return the function from the input and the output before to the gates, for use in a loop."""
    combine = cell.combine
    barrier: Any = jax.lax.optimization_barrier  # which has no types
    if combine is None:
        # One product with [x, h] may be large enough for several threads where its two halves are
        # not. The second barrier keeps the weights first, where XLA would turn the factors around:
        # on CPU that saves a tenth of the whole loop.
        both = barrier(jnp.concatenate([weights.ih, weights.hh], -1))
        biases = (weights.b_ih, weights.b_hh)
        bias = sum([each for each in biases if each is not None], jnp.zeros((), both.dtype))

        @broadcasting
        def added(x: Array, h: Array) -> Array:
            pre: Array = barrier(both @ jnp.concatenate([x, h], -1).T).T
            return pre + bias

        return added
    # Transposed once, before the loop. Without the barrier XLA puts that into each product, which
    # on CPU costs a tenth of the whole, and three quarters of it with a batch of one.
    ih, hh = barrier((weights.ih.T, weights.hh.T))
    # The product with the input stays in the loop: taken out, it made the whole slower on CPU,
    # where (T, B, G) does not fit into the caches.
    return lambda x, h: combine(_affine(x, ih, weights.b_ih), _affine(h, hh, weights.b_hh))


@_recur.defjvp
def _recur_jvp(
    cell: Cell, reverse: bool, primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[Any, Any]:
    """Return results and their tangents: those of the weights join after the loop."""
    xs, _, _, weights, marks = primals
    d_xs, d_start, d_initial, d_weights, _ = tangents
    ys, last, kept = _loop(cell, reverse, True, *primals)
    assert kept is not None
    # What does not depend on the loop. Transposed, these are the products that make the gradients.
    combine = cell.combine or jnp.add
    from_x = _affine(d_xs, weights.ih.T, d_weights.b_ih) + xs @ d_weights.ih.T
    d_pres = combine(from_x, _affine(kept.before[0], d_weights.hh.T, d_weights.b_hh))
    d_outs = None if kept.out is None else kept.out @ d_weights.hr.T

    # Computed again in the backward loop: that is cheaper than to keep the slopes of the gates.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def slope(pre: Array, before: Hidden, d_pre: Array, d_before: Hidden) -> Hidden:
        out: Hidden = jax.jvp(cell.point, (pre, before), (d_pre, d_before))[1]
        return out

    def step(
        d_old: Hidden, inputs: tuple[Hidden, Array, Marks, Array, Any]
    ) -> tuple[Hidden, Array]:
        before, pre, mark, d_pre, d_out = inputs
        if mark.cut is not None:
            d_old = tuple([jnp.where(mark.cut, 0, d) for d in d_old])
        d_before = _started(mark, d_initial, d_old)
        d_h = d_before[0] @ weights.hh.T
        d_pre = d_pre + combine(jnp.zeros_like(d_h), d_h)
        d_new, *rest = slope(pre, before, d_pre, d_before)
        if weights.hr is not None:
            d_new = d_new @ weights.hr.T + d_out
        return _stepped(mark, (d_new, *rest), d_before)

    inputs = (kept.before, kept.pre, marks, d_pres, d_outs)
    d_last, d_ys = jax.lax.scan(step, d_start, inputs, reverse=reverse)
    return (ys, last), (d_ys, d_last)


@broadcasting
def _affine(x: Array, weight: Array, bias: Array | None) -> Array:
    y = x @ weight
    return y if bias is None else y + bias


def choose(where: Array, new: T, old: T) -> T:
    """Return ``new`` in the lanes where it is so, ``old`` in the others; on trees of arrays."""

    def in_lanes(new: Array, old: Array) -> Array:
        lanes = where.reshape(where.shape + (1,) * (old.ndim - where.ndim))
        return jnp.where(lanes, new, old)

    chosen: T = jax.tree.map(in_lanes, new, old)
    return chosen


def _started(mark: Marks, initial: Hidden | None, old: Hidden) -> Hidden:
    """Return the states that a step starts from."""
    return old if mark.reset is None or initial is None else choose(mark.reset, initial, old)


def _stepped(mark: Marks, new: Hidden, before: Hidden) -> tuple[Hidden, Array]:
    """Return the states and the output after a step, which may have been left out."""
    if mark.valid is None:
        return new, new[0]
    return choose(mark.valid, new, before), jnp.where(mark.valid[:, None], new[0], 0)
