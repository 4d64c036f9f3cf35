"""Metrics as parts of a model, and metrics of one's own."""

import copy
import pickle

import jax
import jax.numpy as jnp
import pytest
import treescope

from brainlite import LongTermState, nn
from brainlite.errors import InputError
from brainlite.graph import merge, split, states
from brainlite.metrics import AverageMetric, ConfusionMatrix, Metric, MetricState, WelfordMetric
from brainlite.transform import jit
from tests.closeness import assert_close


class Highest(Metric[jax.Array]):
    def __init__(self) -> None:
        self.highest = MetricState(jnp.array(-jnp.inf))

    def reset(self) -> None:
        self.highest.value = jnp.array(-jnp.inf)

    def update(self, *, values: jax.Array) -> None:
        self.highest.value = jnp.maximum(self.highest.value, values.max())

    def compute(self) -> jax.Array:
        return self.highest.value


class Model(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(2, 1)
        self.loss = AverageMetric()

    def update(self, x: jax.Array) -> jax.Array:
        y = self.layer(x)
        self.loss.update(values=y**2)
        return y


def test_a_metric_in_a_model_is_found_by_its_kind() -> None:
    model = Model()
    x = jnp.ones((3, 2))
    y = jit(model)(x)
    assert_close(model.loss.compute(), (y**2).mean())
    assert issubclass(MetricState, LongTermState)
    kept = model.states(MetricState).to_values()
    assert ("loss", "total") in kept
    other = Model()
    other.states(MetricState).assign(kept)
    assert other.loss.compute() == model.loss.compute()


def test_casting_a_model_leaves_what_is_counted() -> None:
    model = Model()
    for _ in range(2):
        model.half()
        model.loss.update(values=jnp.full(40_000, 2.0, "float16"))  # 65504 is the last float16
    assert model.layer.weight.value["weight"].dtype == "float16"
    assert model.loss.count.value == 80_000
    assert model.loss.compute() == 2


def test_a_metric_is_copied_pickled_and_split() -> None:
    metric = AverageMetric("loss")
    metric.update(loss=3.0)
    for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric)), merge(*split(metric))):
        other.update(loss=5.0)
        assert other.compute() == 4
    assert metric.compute() == 3


def test_a_metric_is_shown_with_its_states() -> None:
    metric = WelfordMetric("loss")
    assert repr(metric).startswith("WelfordMetric(\n  argname='loss',\n  count=MetricState(\n")
    with treescope.active_autovisualizer.set_scoped(None):
        assert "WelfordMetric" in treescope.render_to_text(metric)


def test_a_metric_of_ones_own_works_in_jit_and_is_merged_where_it_says_how() -> None:
    metric = Highest()
    jit(metric.update)(values=jnp.arange(3.0))
    metric.update(values=jnp.zeros(1))
    assert metric.compute() == 2
    assert list(states(metric, MetricState)) == [("highest",)]
    with pytest.raises(NotImplementedError, match="Highest does not say how two are merged"):
        metric.merge(Highest())


def test_only_alike_metrics_are_merged() -> None:
    metric = ConfusionMatrix(3)
    with pytest.raises(InputError, match=r"num_classes=3\)(.|\n)*num_classes=4\)"):
        metric.merge(ConfusionMatrix(4))
    with pytest.raises(InputError, match=r"ConfusionMatrix(.|\n)*AverageMetric\(argname='values'"):
        metric.merge(AverageMetric())  # type: ignore[arg-type]  # what is refused


def test_an_update_that_fails_in_compiled_code_changes_nothing() -> None:
    metric = AverageMetric()

    @jit
    def step(x: jax.Array) -> None:
        metric.update(values=x)
        metric.update(values=x, mask=jnp.ones(7, bool))

    with pytest.raises(InputError, match="mask does not fit"):
        step(jnp.ones(3))
    assert metric.count.value == 0
