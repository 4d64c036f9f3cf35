"""Averages and accuracy against numpy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brainlite.errors import InputError
from brainlite.graph import states
from brainlite.metrics import AccuracyMetric, AverageMetric, MetricState
from brainlite.transform import for_loop, grad, jit, vmap
from tests.closeness import assert_close, assert_to_last_place

RNG = np.random.default_rng(0)
batches = hnp.arrays(
    np.float32, (3, 4), elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
)
masks = hnp.arrays(np.bool_, (3, 4))


def test_nothing_is_nan() -> None:
    assert np.isnan(AverageMetric().compute())
    assert np.isnan(AccuracyMetric().compute())


@given(batches, masks)
def test_parts_give_the_mean_of_the_whole(values: np.ndarray, mask: np.ndarray) -> None:
    metric = AverageMetric()
    for part, counts in zip(values, mask, strict=True):
        metric.update(values=jnp.asarray(part), mask=jnp.asarray(counts))
    if mask.any():
        expected = values[mask].astype(np.float64).mean()
        scale = float(np.abs(values[mask]).max())
        assert_close(metric.compute(), expected, terms=12, scale=scale)
    else:
        assert np.isnan(metric.compute())


def test_weights_are_those_of_numpy_and_the_mask_goes_before_them() -> None:
    x, w, mask = RNG.normal(size=(2, 5)), RNG.uniform(size=(2, 1)), RNG.random((2, 5)) > 0.3
    metric = AverageMetric("loss")
    metric.update(loss=x, weights=w, mask=mask)
    expected = np.average(x, weights=np.broadcast_to(w, x.shape) * mask)
    assert_close(metric.compute(), expected)
    metric.reset()
    metric.update(loss=2.0, weights=3)
    metric.update(loss=4.0)
    assert metric.compute() == 2.5


@pytest.mark.parametrize("name", ["mask", "weights"])
def test_padding_may_be_nan(name: str) -> None:
    metric = AverageMetric()
    counts = jnp.array([True, False])
    update = jit(lambda x, c: metric.update(values=x, **{name: c}))
    update(jnp.array([1.0, jnp.nan]), counts if name == "mask" else counts.astype(float))
    assert metric.compute() == 1


def test_a_mask_of_the_first_axes_is_that_of_the_lanes() -> None:
    metric = AverageMetric()
    metric.update(values=jnp.arange(4.0).reshape(2, 2), mask=jnp.array([False, True]))
    assert metric.compute() == 2.5


@pytest.mark.parametrize("dtype", ["bool", "int8", "bfloat16", "float16"])
def test_narrow_numbers_are_summed_in_single_precision(dtype: str) -> None:
    metric = AverageMetric()
    metric.update(values=jnp.ones(1000, dtype))
    metric.update(values=jnp.zeros(1000, dtype))
    assert metric.compute() == 0.5
    assert metric.compute().dtype == metric.total.value.dtype == jnp.float32


def test_a_million_updates_do_not_add_up_their_rounding() -> None:
    values = (1000 + RNG.uniform(size=1_000_000)).astype(np.float32)
    metric = AverageMetric()
    jit(lambda x: for_loop(lambda each: metric.update(values=each), x))(values)
    assert metric.count.value == 1_000_000
    assert_to_last_place(metric.compute(), values.astype(np.float64).mean())


def test_counts_go_on_beyond_single_precision() -> None:
    metric = AverageMetric()
    metric.update(values=1.0, weights=2.0**24)
    for _ in range(4):
        metric.update(values=1.0)
    assert metric.count.value == 2**24 + 4  # 2**24 + 1 is no float32


def test_it_counts_in_every_transform() -> None:
    metric, values = AverageMetric(), jnp.arange(6.0)

    def loss(x: jax.Array) -> jax.Array:
        metric.update(values=x)
        return jnp.sum(x**2)

    jit(grad(loss))(values)
    for_loop(loss, values)
    assert metric.count.value == 12
    assert metric.compute() == 2.5
    jit(metric.reset)()
    assert np.isnan(jit(metric.compute)())


def test_lanes_and_shards_are_merged() -> None:
    lanes, metric = AverageMetric(), AverageMetric()
    values = jnp.arange(12.0).reshape(4, 3)
    vmap(lambda x: lanes.update(values=x), out_states=states(lanes, MetricState))(values)
    assert lanes.total.value.shape == (4,)
    np.testing.assert_array_equal(lanes.compute(), values.mean(1))
    metric.update(values=jnp.full(4, 10.0))
    jit(metric.merge)(lanes)
    assert metric.count.value == 16
    assert_close(metric.compute(), (66 + 40) / 16)
    lanes.reset()
    assert lanes.total.value.shape == (4,)


def test_merging_keeps_what_rounding_has_left_out() -> None:
    metric, other = AverageMetric(), AverageMetric()
    other.update(values=1.0, weights=2.0**24)
    other.update(values=1.0)
    for _ in range(2):
        metric.merge(other)
    assert metric.count.value == 2**25 + 2


def test_accuracy_is_the_share_of_hits() -> None:
    logits, labels = RNG.normal(size=(2, 8, 3)), RNG.integers(0, 3, (2, 8))
    mask = RNG.random((2, 8)) > 0.4
    labels[~mask] = -100
    metric = AccuracyMetric()
    for parts in zip(logits, labels, mask, strict=True):
        metric.update(**dict(zip(("logits", "labels", "mask"), parts, strict=True)))
    expected = (logits.argmax(-1) == labels)[mask].mean()
    assert_close(metric.compute(), expected)
    assert metric.count.value == mask.sum()


def test_a_label_that_is_no_class_raises_or_misses() -> None:
    metric = AccuracyMetric()
    logits, labels = jnp.eye(3), jnp.array([0, 3, -1])
    with pytest.raises(InputError, match=r"outside(.|\n)*from 0 to 2(.|\n)*\[3, -1\]"):
        metric.update(logits=logits, labels=labels)
    assert metric.count.value == 0
    jit(metric.update)(logits=logits, labels=labels)
    assert_close(metric.compute(), 1 / 3)


def test_labels_of_another_shape_raise() -> None:
    with pytest.raises(InputError, match=r"labels do not fit(.|\n)*\(2,\)(.|\n)*\(2, 1\)"):
        AccuracyMetric().update(logits=jnp.ones((2, 3)), labels=jnp.ones((2, 1), int))
