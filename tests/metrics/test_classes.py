"""Confusion, precision, recall and F1 against formulas in numpy, pair by pair."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from brainlite.errors import InputError, OptionError
from brainlite.graph import clone, states
from brainlite.metrics import (
    ConfusionMatrix,
    F1ScoreMetric,
    MetricState,
    PrecisionMetric,
    RecallMetric,
)
from brainlite.transform import jit, vmap
from tests.closeness import assert_close

Average = Literal["binary", "macro", "micro", "weighted"]
RATIOS = {"precision": PrecisionMetric, "recall": RecallMetric, "f1": F1ScoreMetric}
AVERAGES: tuple[Average | None, ...] = ("macro", "micro", "weighted", None)
classes = hnp.arrays(np.int32, (2, 6), elements=st.integers(0, 3))
masks = hnp.arrays(np.bool_, (2, 6))


def expected(kind: str, labels: np.ndarray, guesses: np.ndarray, average: str | None) -> np.ndarray:
    """Return what sklearn documents, for four classes and zero_division=0."""
    pairs = list(zip(labels.tolist(), guesses.tolist(), strict=True))
    tp = np.array([sum(t == g == c for t, g in pairs) for c in range(4)], float)
    fp = np.array([sum(g == c != t for t, g in pairs) for c in range(4)], float)
    fn = np.array([sum(t == c != g for t, g in pairs) for c in range(4)], float)
    support = tp + fn
    if average == "micro":
        tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
    with np.errstate(invalid="ignore"):
        precision, recall = (np.nan_to_num(tp / (tp + each)) for each in (fp, fn))
        harmonic = np.nan_to_num(2 * precision * recall / (precision + recall))
        ratio = {"precision": precision, "recall": recall, "f1": harmonic}[kind]
        if average == "weighted":
            ratio = np.nan_to_num((ratio * support).sum() / support.sum())
    return np.asarray(ratio.mean() if average == "macro" else ratio)


@jit
def ratios(labels: jax.Array, guesses: jax.Array, mask: jax.Array) -> list[list[jax.Array]]:
    """Return each ratio with each average, of parts that are counted one after another."""
    found: list[list[jax.Array]] = []
    for Ratio in RATIOS.values():
        metrics = [Ratio(4, average) for average in AVERAGES]
        for metric in metrics:
            for true, guess, counts in zip(labels, guesses, mask, strict=True):
                metric.update(predictions=guess, labels=true, mask=counts)
        found.append([metric.compute() for metric in metrics])
    return found


@given(classes, classes, masks)
def test_parts_give_the_ratios_of_the_whole(
    labels: np.ndarray, guesses: np.ndarray, mask: np.ndarray
) -> None:
    parts = map(jnp.asarray, (labels, guesses, mask))
    for kind, found in zip(RATIOS, ratios(*parts), strict=True):
        for average, ratio in zip(AVERAGES, found, strict=True):
            assert_close(ratio, expected(kind, labels[mask], guesses[mask], average))


@given(classes, classes, masks)
def test_parts_give_the_confusion_of_the_whole(
    labels: np.ndarray, guesses: np.ndarray, mask: np.ndarray
) -> None:
    metric, right = ConfusionMatrix(4), np.zeros((4, 4), int)
    for true, guess, counts in zip(labels, guesses, mask, strict=True):
        metric.update(predictions=guess, labels=true, mask=counts)
    np.add.at(right, (labels[mask], guesses[mask]), 1)
    np.testing.assert_array_equal(metric.compute(), right)


@pytest.mark.parametrize(("kind", "result"), [("precision", 2 / 3), ("recall", 1), ("f1", 0.8)])
def test_without_classes_it_is_that_of_class_one(kind: str, result: float) -> None:
    guesses, labels = np.array([1, 0, 1, 1, 0]), np.array([1, 0, 0, 1, 0])
    for metric in (RATIOS[kind](), RATIOS[kind](average="micro"), RATIOS[kind](2, "binary")):
        assert metric.compute() == 0  # as zero_division=0
        metric.update(predictions=guesses > 0, labels=labels.astype("uint8"))
        assert_close(metric.compute(), result)
        metric.reset()
        assert metric.compute() == 0


@pytest.mark.parametrize("metric", [ConfusionMatrix(3), F1ScoreMetric(3)], ids=["matrix", "f1"])
def test_what_is_no_class_raises_and_changes_nothing(
    metric: ConfusionMatrix | F1ScoreMetric,
) -> None:
    with pytest.raises(InputError, match=r"predictions are outside(.|\n)*0 to 2(.|\n)*\[3\]"):
        metric.update(predictions=np.array([0, 3]), labels=np.array([0, 1]))
    with pytest.raises(InputError, match=r"labels are outside(.|\n)*\[-1\](.|\n)*mask="):
        metric.update(predictions=np.array([0, 2]), labels=np.array([0, -1]))
    assert not any(state.value.any() for state in states(metric, MetricState).values())


def test_what_is_no_class_in_compiled_code_is_told_at_the_end() -> None:
    metric = PrecisionMetric(3)
    guesses, labels = np.array([0, 1, 3, 1]), np.array([0, -1, 1, 1])
    jit(metric.update)(predictions=guesses, labels=labels)
    np.testing.assert_array_equal(metric.true_positives.value, [1, 1, 0])
    with pytest.raises(InputError, match=r"was not counted(.|\n)*2 samples(.|\n)*reset"):
        metric.compute()
    assert np.isnan(jit(metric.compute)())
    metric.reset()
    assert jit(metric.compute)() == 0


def test_predictions_must_be_classes_of_the_shape_of_the_labels() -> None:
    metric = RecallMetric(3)
    with pytest.raises(InputError, match=r"predictions do not fit(.|\n)*float32(.|\n)*argmax"):
        metric.update(predictions=jnp.ones(2), labels=jnp.ones(2, int))
    with pytest.raises(InputError, match=r"predictions do not fit(.|\n)*\(2,\)(.|\n)*\(3,\)"):
        metric.update(predictions=jnp.ones(3, int), labels=jnp.ones(2, int))


def test_options_that_cannot_be_raise() -> None:
    with pytest.raises(OptionError, match=r"ConfusionMatrix: there must be(.|\n)*num_classes=0"):
        ConfusionMatrix(0)
    with pytest.raises(OptionError, match=r"no such average(.|\n)*average='mean'"):
        PrecisionMetric(3, "mean")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(OptionError, match=r"two classes(.|\n)*num_classes=3"):
        PrecisionMetric(3, "binary")


def test_lanes_are_merged() -> None:
    labels, guesses = np.array([[0, 1], [2, 2]]), np.array([[0, 0], [2, 1]])
    lanes, metric = F1ScoreMetric(3, None), F1ScoreMetric(3, None)

    def one(true: jax.Array, guess: jax.Array) -> None:
        lanes.update(predictions=guess, labels=true)

    vmap(one, out_states=states(lanes, MetricState))(jnp.asarray(labels), jnp.asarray(guesses))
    metric.merge(lanes)
    whole = F1ScoreMetric(3, None)
    whole.update(predictions=guesses, labels=labels)
    np.testing.assert_array_equal(metric.compute(), whole.compute())


def test_counts_beyond_two_words_of_31_bits_are_right() -> None:
    # Doubled by merging with a copy, as many updates would.
    labels, guesses = jnp.array([1, 1, 0, 0, 0, 1, 1, 1]), jnp.array([1, 1, 1, 1, 1, 1, 0, 0])
    precision, recall, matrix = PrecisionMetric(), RecallMetric(), ConfusionMatrix(2)
    metrics: list[Any] = [precision, recall, matrix]
    for metric in metrics:
        metric.update(predictions=guesses, labels=labels)
        for _ in range(34):
            metric.merge(clone(metric))
    assert float(precision.compute()) == 0.5
    np.testing.assert_allclose(recall.compute(), 3 / 5, rtol=1e-6)
    with pytest.raises(InputError, match=r"count is too large(.|\n)*jax_enable_x64"):
        matrix.compute()
    assert jit(matrix.compute)().tolist() == [[0, 2**31 - 1], [2**31 - 1] * 2]
    with jax.enable_x64(True):
        assert matrix.compute().tolist() == [[0, 3 * 2**34], [2 * 2**34, 3 * 2**34]]


def test_counts_between_the_word_and_the_type_are_right() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update(predictions=jnp.array([1, 1, 1]), labels=jnp.array([1, 1, 0]))
    for _ in range(29):
        matrix.merge(clone(matrix))
    assert matrix.compute().tolist() == [[0, 2**29], [0, 2**30]]
