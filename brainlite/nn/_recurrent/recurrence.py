"""A recurrent layer on plain arrays: one ``lax.scan`` with a derivative of its own.

The derivative of the loop with respect to a weight is a sum over the steps. Autodiff adds one term
at each step of the backward loop; here the terms leave the loop, and one matrix product after it
adds them all. The rule is one for ``jvp``, which jax transposes: so it holds in forward mode, in
reverse mode, for second derivatives and under ``vmap``.
"""

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from brainlite.nn._functional.kernel import broadcasting
from brainlite.nn._recurrent.squash import Apply, keeping, knowing, plainly
from brainlite.typing import Array

T = TypeVar("T")
Hidden: TypeAlias = tuple[Array, ...]  # the output (B, H) of a cell first, then what else it keeps


class Cell(NamedTuple):
    """The equations of a cell: those that are not matrix products.

    ``point`` makes the new hidden states of the gates (B, G) and the old hidden states. It is told
    how to apply a squash. The derivative keeps what comes out of that, and need not compute it
    again. If all that is taken from the gates is squashed (with ``SAME`` where nothing is to
    happen), it does not keep the gates as well.

    The gates are sums of what comes from the input and what comes from the output before. Of the
    share ``apart`` of them, the last ones, the two do not come as a sum, but after each other.

    ``columns`` is the same as ``point``, for gates (G, B) and hidden states (H, B), of a cell that
    runs faster so on its way forward. It has no gates apart.
    """

    point: Callable[[Apply, Array, Hidden], Hidden]
    apart: Fraction = Fraction(0)
    columns: Callable[[Apply, Array, Hidden], Hidden] | None = None


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
    pre: Array  # the gates; compiled, they are not kept where nobody asks for them
    squashed: tuple[Array, ...]  # in the order in which the cell applies them
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
    if cell.columns is not None:
        return _in_columns(cell.columns, reverse, xs, start, initial, weights, marks)
    ys, last, _ = _loop(cell, reverse, False, xs, start, initial, weights, marks)
    return ys, last


def _in_columns(
    point: Callable[[Apply, Array, Hidden], Hidden],
    reverse: bool,
    xs: Array,
    start: Hidden,
    initial: Hidden | None,
    weights: Weights,
    marks: Marks,
) -> tuple[Array, Hidden]:
    """Run one scan with a lane in each column, as the product with the weights wants them.

    On CPU that saves up to a sixth of the time of an LSTM, where the batch fills vectors.
    """
    both, bias = _summed(weights)
    turned = None if initial is None else tuple([each.T for each in initial])
    # (T, 1, B): for all rows of a column
    valid, reset = [None if m is None else m[:, None] for m in (marks.valid, marks.reset)]
    marks = Marks(valid, reset, None)

    def step(old: Hidden, inputs: tuple[Array, Marks]) -> tuple[Hidden, Array]:
        x, mark = inputs
        before = _started(mark, turned, old)
        pre = both @ jnp.concatenate([x.T, before[0]], 0) + bias[:, None]
        out, *rest = point(plainly, pre, before)
        h = out if weights.hr is None else weights.hr @ out
        new, y = _stepped(mark, (h, *rest), before)
        return new, y.T

    turned_start = tuple([each.T for each in start])
    last, ys = jax.lax.scan(step, turned_start, (xs, marks), reverse=reverse)
    return ys, tuple([each.T for each in last])


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
        pre, squashed = gates(x, before[0]), list[Array]()
        out, *rest = cell.point(keeping(squashed), pre, before)
        h = out if weights.hr is None else out @ weights.hr.T
        new, y = _stepped(mark, (h, *rest), before)
        kept = _Kept(before, pre, tuple(squashed), None if weights.hr is None else out)
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
        out, *rest = cell.point(plainly, gates(x, before[0]), before)
        h = out if weights.hr is None else out @ weights.hr.T
        new, _ = _stepped(mark, (h, *rest), before)
        return new, new

    over_time: Hidden = jax.lax.scan(step, start, (xs, marks), reverse=reverse)[1]
    return jax.lax.stop_gradient(over_time)


def _gates(cell: Cell, weights: Weights) -> Callable[[Array, Array], Array]:
    """Return the function from the input and the output before to the gates, for use in a loop."""
    barrier: Any = jax.lax.optimization_barrier  # which has no types
    if not cell.apart:
        # One product with [x, h] may be large enough for several threads where its two halves are
        # not. The second barrier keeps the weights first, where XLA would turn the factors around:
        # on CPU that saves a tenth of the whole loop.
        both, bias = _summed(weights)

        @broadcasting
        def added(x: Array, h: Array) -> Array:
            pre: Array = barrier(both @ jnp.concatenate([x, h], -1).T).T
            return pre + bias

        return added
    # Transposed once, before the loop. Without the barrier XLA puts that into each product, which
    # on CPU costs a tenth of the whole, and three quarters of it with a batch of one.
    ih, hh = barrier((weights.ih.T, weights.hh.T))
    sums, rest = _sums(cell, weights)

    # The product with the input stays in the loop: taken out, it made the whole slower on CPU,
    # where (T, B, G) does not fit into the caches.
    def joined(x: Array, h: Array) -> Array:
        from_x, from_h = _affine(x, ih, weights.b_ih), _affine(h, hh, weights.b_hh)
        added = from_x[..., sums] + from_h[..., sums]
        return jnp.concatenate([added, from_x[..., rest], from_h[..., rest]], -1)

    return joined


def _summed(weights: Weights) -> tuple[Array, Array]:
    """Return the weights of input and output before side by side, and the sum of the biases."""
    barrier: Any = jax.lax.optimization_barrier  # which has no types
    both: Array = barrier(jnp.concatenate([weights.ih, weights.hh], -1))
    biases = [each for each in (weights.b_ih, weights.b_hh) if each is not None]
    return both, sum(biases, jnp.zeros(len(both), both.dtype))


def _sums(cell: Cell, weights: Weights) -> tuple[slice, slice]:
    """Return where the gates are that are sums, and the others, among the rows of the weights."""
    rows = len(weights.ih)
    number = rows - int(rows * cell.apart)
    return slice(number), slice(number, None)


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
    d_parts = _parts(cell, xs, kept.before[0], weights, d_xs, d_weights)
    d_outs = None if kept.out is None else kept.out @ d_weights.hr.T

    # Computed again in the backward loop: that is cheaper than to keep the slopes of the gates.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def slope(kept: _Kept, d_pre: Array, d_before: Hidden) -> Hidden:
        point = functools.partial(cell.point, knowing(kept.squashed))
        out: Hidden = jax.jvp(point, (kept.pre, kept.before), (d_pre, d_before))[1]
        return out

    def step(
        d_old: Hidden, inputs: tuple[_Kept, Marks, tuple[Array, ...], Any]
    ) -> tuple[Hidden, Array]:
        kept, mark, d_parts, d_out = inputs
        if mark.cut is not None:
            d_old = tuple([jnp.where(mark.cut, 0, d) for d in d_old])
        d_before = _started(mark, d_initial, d_old)
        d_pre = _joined(d_parts, d_before[0] @ weights.hh.T)
        d_new, *rest = slope(kept, d_pre, d_before)
        if weights.hr is not None:
            d_new = d_new @ weights.hr.T + d_out
        return _stepped(mark, (d_new, *rest), d_before)

    inputs = (kept._replace(out=None), marks, d_parts, d_outs)
    d_last, d_ys = jax.lax.scan(step, d_start, inputs, reverse=reverse)
    return (ys, last), (d_ys, d_last)


def _parts(
    cell: Cell, xs: Array, hs: Array, weights: Weights, d_xs: Array, d_weights: Weights
) -> tuple[Array, ...]:
    """Return what tangents of input and weights add to the gates: to the sums, and what is apart.

    Each is a product of its own, so that none is cut into pieces or put together over all steps.
    """

    def from_x(of: slice) -> Array:
        d_bias = None if d_weights.b_ih is None else d_weights.b_ih[of]
        return _affine(d_xs, weights.ih[of].T, d_bias) + xs @ d_weights.ih[of].T

    def from_h(of: slice) -> Array:
        d_bias = None if d_weights.b_hh is None else d_weights.b_hh[of]
        return _affine(hs, d_weights.hh[of].T, d_bias)

    sums, rest = _sums(cell, weights)
    d_sums = from_x(sums) + from_h(sums)
    return (d_sums, from_x(rest), from_h(rest)) if cell.apart else (d_sums,)


def _joined(parts: tuple[Array, ...], from_h: Array) -> Array:
    """Add what comes from the output before to such parts; return the gates."""
    if len(parts) == 1:
        return parts[0] + from_h
    sums, from_x, apart = parts
    sums_h, apart_h = jnp.split(from_h, [sums.shape[-1]], -1)
    return jnp.concatenate([sums + sums_h, from_x, apart + apart_h], -1)


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
    return choose(mark.valid, (new, new[0]), (before, jnp.zeros_like(new[0])))
