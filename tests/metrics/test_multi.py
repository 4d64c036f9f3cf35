"""Several metrics together."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import ContainerError, InputError, NameTakenError
from brainlite.graph import states
from brainlite.metrics import (
    AccuracyMetric,
    AverageMetric,
    Metric,
    MetricState,
    MultiMetric,
    PrecisionMetric,
)
from brainlite.transform import jit


def make() -> MultiMetric:
    classes = MultiMetric(accuracy=AccuracyMetric(), precision=PrecisionMetric(2))
    return MultiMetric(loss=AverageMetric("loss"), classes=classes)


LOGITS, LABELS = jnp.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), jnp.array([1, 0, 0])
BATCH = {"loss": jnp.ones(3), "logits": LOGITS, "labels": LABELS, "predictions": LOGITS.argmax(-1)}


def test_each_takes_what_it_knows() -> None:
    metrics = make()
    jit(metrics.update)(**BATCH, mask=jnp.array([True, True, False]))
    found = jit(metrics.compute)()
    assert found == {"loss": 1, "classes": {"accuracy": 1, "precision": 1}}
    assert metrics.loss.compute() == metrics["loss"].compute() == 1
    assert ("classes", "accuracy", "total") in states(metrics, MetricState)
    metrics.reset()
    assert np.isnan(metrics.compute()["classes"]["accuracy"])


def test_what_none_takes_and_what_one_lacks_raises() -> None:
    metrics = make()
    with pytest.raises(InputError, match=r"no metric takes(.|\n)*labels, lo(.|\n)*: +los\n"):
        metrics.update(los=1.0)
    with pytest.raises(InputError, match=r"\.classes \(MultiMetric\): an arg(.|\n)*pass logits="):
        metrics.update(loss=1.0, labels=LABELS)


def test_a_batch_that_one_refuses_counts_in_none() -> None:
    metrics = make()
    with pytest.raises(InputError, match=r"MultiMetric\.classes\.precision(.|\n)*outside"):
        metrics.update(**{**BATCH, "predictions": jnp.array([0, 1, 2])})
    assert not any(state.value.any() for state in states(metrics, MetricState).values())


def test_a_metric_that_takes_anything_gets_everything() -> None:
    class Calls(Metric[int]):
        def __init__(self) -> None:
            self.names: list[str] = []

        def reset(self) -> None: ...

        def update(self, **kwargs: object) -> None:
            self.names += kwargs

        def compute(self) -> int:
            return len(self.names)

    inner = MultiMetric(calls=Calls())
    MultiMetric(loss=AverageMetric(), inner=inner).update(values=1.0, other=2)
    assert inner.compute() == {"calls": 2}


def test_metrics_of_one_set_of_names_are_merged() -> None:
    metrics, other = make(), make()
    other.update(**BATCH)
    metrics.merge(other)
    assert metrics.compute() == other.compute()
    with pytest.raises(InputError, match=r"MultiMetric\(loss=(.|\n)*got: +MultiMetric\(a="):
        metrics.merge(MultiMetric(a=AverageMetric()))


@pytest.mark.parametrize("name", ["update", "reset", "merge", "_loss"])
def test_a_name_that_means_something_else_raises(name: str) -> None:
    with pytest.raises(NameTakenError, match=rf"name of a metric(.|\n)*{name}"):
        MultiMetric(**{name: AverageMetric()})


def test_what_is_no_metric_raises() -> None:
    with pytest.raises(ContainerError, match=r"loss is no metric(.|\n)*got: +3"):
        MultiMetric(loss=3)  # type: ignore[arg-type]  # what is refused
