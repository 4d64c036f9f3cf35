"""The loop over a layer and its derivative, against autodiff of the same steps in a Python loop."""

import functools
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.nn._recurrent.recurrence import Cell, Marks, Weights, borders, recur
from brainlite.nn._recurrent.squash import SAME, SIGMOID, TANH, Apply, plainly
from brainlite.typing import Array
from tests.closeness import assert_close

STEPS, BATCH = 5, 3


def point(apply: Apply, pre: Array, hidden: tuple[Array, ...], axis: int = -1) -> tuple[Array, ...]:
    """Step some cell with two states, whose output is projected."""
    first, second = jnp.split(pre, 2, axis)
    kept = apply(SIGMOID, first) * hidden[1] + apply(TANH, second)
    return jnp.tanh(kept) * apply(SIGMOID, second), kept


def point_apart(apply: Apply, pre: Array, hidden: tuple[Array, ...]) -> tuple[Array, ...]:
    """Step one where the second gate does not come as a sum; the last part is not squashed."""
    first, from_x, from_h = jnp.split(pre, 3, axis=-1)
    kept = apply(SIGMOID, first) * hidden[1] + apply(SAME, from_x) * jnp.cos(from_h / 4)
    return apply(TANH, kept / 4), kept


CELLS = {
    "sums": Cell(point),
    "columns": Cell(point, columns=functools.partial(point, axis=0)),
    "apart": Cell(point_apart, apart=Fraction(1, 2)),
}


def draw() -> Any:
    rng = np.random.RandomState(0)
    xs, h, c, h0, c0, ih, hh, b, hr = [
        jnp.asarray(rng.randn(*shape), jnp.float32)
        for shape in (
            *[(STEPS, BATCH, 2), (BATCH, 3), (BATCH, 4), (BATCH, 3), (BATCH, 4)],
            *[(8, 2), (8, 3), (8,), (3, 4)],
        )
    ]
    return xs, (h, c), (h0, c0), Weights(ih, hh, b, 2 * b, hr)


def reference(
    cell: str, reverse: bool, xs: Array, start: Any, initial: Any, weights: Any, marks: Marks
) -> Any:
    """Take one step after the other; a mark lies between its step and the one before."""
    valid, reset, _ = marks
    assert valid is not None
    assert reset is not None
    cut = np.asarray(marks.cut)
    hidden, ys = start, [jnp.zeros(0)] * STEPS
    for t in range(STEPS)[:: -1 if reverse else 1]:
        border = t + 1 if reverse else t
        if border < STEPS and cut[border]:
            hidden = jax.lax.stop_gradient(hidden)
        if border < STEPS:
            lanes = reset[border][:, None]
            hidden = tuple(jnp.where(lanes, i, h) for i, h in zip(initial, hidden, strict=True))
        from_x = xs[t] @ weights.ih.T + weights.b_ih
        from_h = hidden[0] @ weights.hh.T + weights.b_hh
        pre = from_x + from_h
        if cell == "apart":
            pre = jnp.concatenate([pre[:, :4], from_x[:, 4:], from_h[:, 4:]], -1)
        out, kept = CELLS[cell].point(plainly, pre, hidden)
        new, lanes = (out @ weights.hr.T, kept), valid[t][:, None]
        ys[t] = jnp.where(lanes, new[0], 0)
        hidden = tuple(jnp.where(lanes, n, h) for n, h in zip(new, hidden, strict=True))
    return jnp.stack(ys), hidden


def some_marks() -> Marks:
    rng = np.random.RandomState(1)
    cut = np.arange(STEPS) % 3 == 2
    return Marks(
        jnp.asarray(rng.rand(STEPS, BATCH) < 0.7),
        jnp.asarray(rng.rand(STEPS, BATCH) < 0.3),
        jnp.asarray(cut),
    )


@pytest.mark.parametrize("remat", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_results_and_derivatives_are_those_of_the_single_steps(
    cell: str, reverse: bool, remat: bool
) -> None:
    given, marks = draw(), some_marks()
    seen = borders(marks) if reverse else marks
    directions = jax.tree.map(lambda x: jnp.cos(jnp.arange(x.size)).reshape(x.shape), given)

    def own(xs: Any, start: Any, initial: Any, weights: Any) -> Any:
        return recur(CELLS[cell], reverse, remat, xs, start, initial, weights, seen)

    def plain(xs: Any, start: Any, initial: Any, weights: Any) -> Any:
        return reference(cell, reverse, xs, start, initial, weights, marks)

    def everything(run: Any) -> Any:
        out, pull = jax.vjp(run, *given)
        slopes = pull(jax.tree.map(jnp.sin, out))
        return run(*given), out, slopes, jax.jvp(run, given, directions)

    found, expected = [jax.jit(lambda run=run: everything(run))() for run in (own, plain)]
    assert_close(found, expected, terms=32)


@pytest.mark.parametrize("cell", ["sums", "apart"])  # columns are for the way forward only
def test_second_derivatives_are_those_of_the_single_steps(cell: str) -> None:
    given = draw()
    # No cuts, for which the derivative is not that of the values.
    marks = some_marks()._replace(cut=jnp.zeros(STEPS, bool))
    directions = jax.tree.map(lambda x: jnp.cos(jnp.arange(x.size)).reshape(x.shape), given)

    def own(xs: Any, start: Any, initial: Any, weights: Any) -> Any:
        return recur(CELLS[cell], False, False, xs, start, initial, weights, marks)

    def plain(xs: Any, start: Any, initial: Any, weights: Any) -> Any:
        return reference(cell, False, xs, start, initial, weights, marks)

    def twice(run: Any) -> Any:
        def slope(*given: Any) -> Any:
            return jax.grad(lambda *given: jnp.sin(run(*given)[0]).sum(), (0, 1, 2, 3))(*given)

        return jax.jit(lambda: jax.jvp(slope, given, directions)[1])()

    assert_close(twice(own), twice(plain), terms=256)


def test_second_derivatives_hold_forward_over_forward_and_for_lanes() -> None:
    xs, start, initial, weights = draw()
    marks = some_marks()._replace(cut=None)

    def loss(scale: Any) -> Any:
        ys, _ = recur(CELLS["apart"], False, False, xs * scale, start, initial, weights, marks)
        return (ys**2).sum()

    scales = jnp.asarray([0.5, 1.0])
    ways = [jax.grad(jax.grad(loss)), jax.jacfwd(jax.jacfwd(loss)), jax.jacrev(jax.jacfwd(loss))]
    first, *others = jax.jit(lambda: [jax.vmap(way)(scales) for way in ways])()
    for each in others:
        assert_close(each, first, terms=256)


@pytest.mark.parametrize("cell", CELLS)
def test_no_steps_and_steps_without_a_whole_chunk_are_fine(cell: str) -> None:
    xs, start, _, weights = draw()
    none = Marks(None, None, None)
    for remat in (False, True):
        for steps in (0, 1):
            ys, last = recur(CELLS[cell], False, remat, xs[:steps], start, None, weights, none)
            assert ys.shape == (steps, BATCH, 3)
            assert last[1].shape == (BATCH, 4)


def test_a_border_is_met_one_step_earlier_from_behind() -> None:
    marks = Marks(None, jnp.array([[True], [False], [True]]), jnp.array([True, True, False]))
    seen = borders(marks)
    assert seen.reset is not None
    assert seen.cut is not None
    assert seen.reset[:, 0].tolist() == [False, True, False]
    assert seen.cut.tolist() == [True, False, False]
