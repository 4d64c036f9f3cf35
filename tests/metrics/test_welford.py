"""Mean and spread against numpy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brainlite.graph import states
from brainlite.metrics import MetricState, Statistics, WelfordMetric
from brainlite.transform import for_loop, jit, vmap

RNG = np.random.default_rng(0)
batches = hnp.arrays(np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32))
masks = hnp.arrays(np.bool_, (3, 4))


def check(found: Statistics, values: np.ndarray, rtol: float = 1e-5) -> None:
    x = values.astype(np.float64)
    # What rounding the numbers themselves may do to the spread.
    atol = 1e-6 * np.abs(x).max()
    np.testing.assert_allclose(found.mean, x.mean(), rtol=1e-6, atol=atol)
    np.testing.assert_allclose(found.standard_deviation, x.std(), rtol, atol)
    np.testing.assert_allclose(found.standard_error_of_mean, x.std() / x.size**0.5, rtol, atol)


def test_nothing_has_no_spread() -> None:
    mean, error, deviation = WelfordMetric().compute()
    assert mean == 0
    assert np.isnan([error, deviation]).all()


@settings(max_examples=20)
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
    np.testing.assert_allclose(found.standard_deviation, values.astype(np.float64).std(), 1e-5)
    np.testing.assert_allclose(found.mean, values.astype(np.float64).mean(), 1e-7)


def test_a_mean_still_moves_after_a_million_updates() -> None:
    # Each step is less than what single precision can add to the mean.
    values = np.repeat(np.array([1000, 1001], np.float32), 1_000_000)
    metric = WelfordMetric()
    jit(lambda xs: for_loop(lambda x: metric.update(values=x), xs))(values)
    mean, _, deviation = metric.compute()
    np.testing.assert_allclose([mean, deviation], [1000.5, 0.5], rtol=2e-7)


def test_huge_numbers_do_not_overflow() -> None:
    metric = WelfordMetric()
    metric.update(values=1e30)
    metric.update(values=1e30)
    np.testing.assert_allclose(metric.compute(), [1e30, 0, 0], rtol=1e-6)


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
