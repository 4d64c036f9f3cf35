"""Metrics, known to the checkers."""

from typing import Any, assert_type

import jax.numpy as jnp

from brainlite import metrics
from brainlite.transform import jit
from brainlite.typing import Array

X, LABELS = jnp.ones((2, 3)), jnp.array([0, 1])

average = metrics.AverageMetric("loss")
average.update(loss=0.5, weights=2)
average.update(loss=X, mask=X > 0)
assert_type(average.compute(), Array)
assert_type(average.total, metrics.MetricState[Array])
assert_type(average.merge(metrics.AverageMetric("loss")), None)
assert_type(jit(average.compute)(), Array)
assert_type(metrics.MetricState(X).value, Array)

statistics = metrics.WelfordMetric().compute()
assert_type(statistics, metrics.Statistics)
assert_type(statistics.standard_error_of_mean, Array)
assert_type(metrics.Statistics(X, X, X).mean, Array)

accuracy = metrics.AccuracyMetric()
accuracy.update(logits=X, labels=LABELS, mask=LABELS > 0)
jit(accuracy.update)(logits=X, labels=LABELS)
assert_type(accuracy.compute(), Array)
assert_type(metrics.PrecisionMetric(3, "micro").compute(), Array)
assert_type(metrics.RecallMetric(num_classes=3, average=None).compute(), Array)
assert_type(metrics.F1ScoreMetric(average="binary").compute(), Array)
matrix = metrics.ConfusionMatrix(3)
matrix.update(predictions=LABELS, labels=LABELS)
assert_type(matrix.compute(), Array)

several = metrics.MultiMetric(loss=average, accuracy=accuracy)
several.update(loss=X, logits=X, labels=LABELS)
assert_type(several.compute(), dict[str, Any])
assert_type(several["loss"], metrics.Metric[Any])
assert_type(several.loss, metrics.Metric[Any])


class Highest(metrics.Metric[Array]):
    def __init__(self) -> None:
        self.highest = metrics.MetricState(jnp.array(-jnp.inf))

    def reset(self) -> None:
        self.highest.value = jnp.array(-jnp.inf)

    def update(self, *, values: Array) -> None:
        self.highest.value = jnp.maximum(self.highest.value, values.max())

    def compute(self) -> Array:
        return self.highest.value


assert_type(metrics.MultiMetric(highest=Highest())["highest"], metrics.Metric[Any])
