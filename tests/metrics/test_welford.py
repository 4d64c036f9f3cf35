"""Mean and spread against numpy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brainlite.graph import states
from brainlite.metrics import MetricState, Statistics, WelfordMetric
from brainlite.transform import for_loop, jit, vmap
from tests.closeness import assert_close, assert_to_last_place

RNG = np.random.default_rng(0)
# No number is so small that the hardware flushes its square to zero.
numbers = st.integers(-(2**20), 2**20).map(lambda number: number / 2**10)
batches = hnp.arrays(np.float32, (3, 4), elements=numbers)
masks = hnp.arrays(np.bool_, (3, 4))


def check(found: Statistics, values: np.ndarray) -> None:
    x = values.astype(np.float64)
    # The numbers may lie close together and far from zero: rounding them changes the spread.
    terms, scale = x.size, float(np.abs(x).max())
    assert_close(found.mean, x.mean(), terms, scale)
    assert_close(found.standard_deviation, x.std(), terms, scale)
    assert_close(found.standard_error_of_mean, x.std() / x.size**0.5, terms, scale)


def test_nothing_has_no_spread() -> None:
    mean, error, deviation = WelfordMetric().compute()
    assert mean == 0
    assert np.isnan([error, deviation]).all()


@given(batches, masks)
def test_parts_give_the_spread_of_the_whole(values: np.ndarray, mask: np.ndarray) -> None:
    metric = WelfordMetric()
    for part, counts in zip(values, mask, strict=True):
        padded = jnp.where(counts, part, jnp.nan)
        metric.update(values=padded, mask=jnp.asarray(counts))
    assert metric.count.value == mask.sum()
    if mask.any():
        check(metric.compute(), values[mask])


def test_a_large_mean_does_not_spoil_the_spread() -> None:
    values = (1e6 + RNG.normal(size=(10, 1000))).astype(np.float32)
    metric = WelfordMetric("x")
    jit(lambda xs: for_loop(lambda x: metric.update(x=x), xs))(values)
    found = jit(metric.compute)()
    # A plain sum of a million squares of 1e6 would have no digit of the spread.
    assert_close(found.standard_deviation, values.astype(np.float64).std())
    assert_to_last_place(found.mean, values.astype(np.float64).mean())


def test_a_mean_still_moves_after_a_million_updates() -> None:
    # Each step is less than what single precision can add to the mean.
    values = np.repeat(np.array([1000, 1001], np.float32), 1_000_000)
    metric = WelfordMetric()
    jit(lambda xs: for_loop(lambda x: metric.update(values=x), xs))(values)
    mean, _, deviation = metric.compute()
    assert_to_last_place(mean, 1000.5)
    assert_to_last_place(deviation, 0.5)


def test_huge_numbers_do_not_overflow() -> None:
    metric = WelfordMetric()
    metric.update(values=1e30)
    metric.update(values=1e30)
    assert_close(np.asarray(metric.compute()), [1e30, 0, 0])


def test_lanes_are_merged() -> None:
    lanes, metric = WelfordMetric(), WelfordMetric()
    values = RNG.normal(3, 2, size=(4, 5)).astype(np.float32)

    def one(x: jax.Array) -> None:
        lanes.update(values=x)

    vmap(one, out_states=states(lanes, MetricState))(jnp.asarray(values[:3]))
    metric.update(values=values[3])
    metric.merge(lanes)
    check(metric.compute(), values)
    metric.merge(WelfordMetric())
    check(metric.compute(), values)
