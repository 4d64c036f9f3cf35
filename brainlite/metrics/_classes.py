"""Metrics of predicted classes: the confusion matrix, precision, recall and F1."""

import functools
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp

from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError
from brainlite.metrics._arguments import check_known, to_classes, to_mask
from brainlite.metrics._metric import MetricState, Tally, lanes
from brainlite.metrics._sums import WORD, carried
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted"]


class Classes(Tally[Array]):
    """The base of all: pairs of a predicted and a true class."""

    num_classes: int | None
    outside: MetricState[Array]
    _over: MetricState[Array]  # how often each counter has started again, a row for each state

    def _set_classes(self, num_classes: int | None) -> None:
        """Keep the number of classes, and make the counter of what is none of them."""
        if num_classes is not None and num_classes < 1:
            raise OptionError(
                "there must be classes",
                where=type(self).__name__,
                expected="num_classes of 1 or more",
                got=f"num_classes={num_classes}",
                fix="pass the number of classes; leave it out for precision, recall and F1 of two",
            )
        self.num_classes = num_classes
        self.outside = MetricState(jnp.zeros((), jnp.int32))

    def _counters(self) -> tuple[MetricState[Array], ...]:
        """Return the states that count."""
        raise NotImplementedError

    def _add(self, overs: Array, counts: Array) -> None:
        """Add what is along the first axis; the second has a row for each counter."""
        states = self._counters()
        old = jnp.stack([state.value for state in states])[None]
        overs = jnp.concatenate([self._over.value[None], overs])
        self._over.value, new = carried(overs, jnp.concatenate([old, counts]))
        for state, row in zip(states, new, strict=True):
            state.value = row

    def _merge(self, other: Any) -> None:
        pairs = zip(self._counters(), other._counters(), strict=True)
        counts = jnp.stack([lanes(*pair) for pair in pairs], 1)
        self._add(lanes(self._over, other._over), counts)
        self._note_outside(lanes(self.outside, other.outside))

    def _note_outside(self, more: Array) -> None:
        # That there were any is what matters: far up it need not be exact, but must not overflow.
        more = jnp.minimum(more, WORD // 2**10).sum(dtype=jnp.int32)
        self.outside.value = jnp.minimum(self.outside.value + more, WORD)

    @property
    def _number(self) -> int:
        return 2 if self.num_classes is None else self.num_classes

    def update(
        self, *, predictions: ArrayLike, labels: ArrayLike, mask: ArrayLike | None = None
    ) -> None:
        """Count samples.

        Parameters
        ----------
        predictions : array of int or bool, shape (...)
            The predicted classes.
        labels : array of int or bool, shape (...)
            The true ones.
        mask : array of bool, shape (...) or its first axes, optional
            Which samples count.
        """
        true = to_classes(self, "labels", labels)
        guess = to_classes(self, "predictions", predictions, true.shape)
        counts = to_mask(self, mask, true.shape)
        known = check_known(self, "labels", true, counts, self._number)
        known = check_known(self, "predictions", guess, counts, self._number) & known
        asked = true.size if counts is None else counts.sum(dtype=jnp.int32)
        counts = jnp.stack(self._count(true, guess, known))[None]
        self._add(jnp.zeros_like(counts), counts)
        self._note_outside(asked - known.sum(dtype=jnp.int32))

    def _count(self, true: Array, guess: Array, known: Array) -> list[Array]:
        """Count those pairs that are known to be classes, for each counter."""
        raise NotImplementedError

    def _check_inside(self) -> None:
        """Raise if compiled code has met what is no class."""
        outside = self.outside.value
        if isinstance(outside, Tracer) or not outside.any():
            return
        raise refused(
            self,
            "compiled code has updated the metric with what is no class, which was not counted",
            expected=f"classes from 0 to {self._number - 1}",
            got=f"{int(outside.sum())} samples with a label or a prediction outside of them",
            fix="leave out what does not count by mask=(labels != -100), after reset()",
        )


@functools.partial(jax.jit, static_argnums=2)
def _histogram(classes: Array, counts: Array, number: int) -> Array:
    """Count how often each number below ``number`` occurs among those that count."""
    places = jnp.where(counts, classes, number)  # beyond the end, where it is dropped
    return jnp.zeros(number, jnp.int32).at[places.ravel()].add(1, mode="drop")


class ConfusionMatrix(Classes):
    """How often each class was taken for each.

    A class out of range raises where it can be seen; one in compiled code is not counted, and
    :meth:`compute` raises, except where it is compiled itself.

    Parameters
    ----------
    num_classes : int
        The number of classes.

    Attributes
    ----------
    matrix : MetricState
        The counts, of shape (num_classes, num_classes). One that reaches 2**30 starts again from 0,
        which :meth:`compute` knows.
    outside : MetricState
        How many samples compiled code has met that are in no class.

    Raises
    ------
    OptionError
        ``num_classes`` is not above 0.
    InputError
        At the update: arrays that do not fit, or hold other classes.

    Examples
    --------
    >>> metric = brainlite.metrics.ConfusionMatrix(num_classes=3)
    >>> metric.update(predictions=jnp.array([0, 1, 2, 1, 0]), labels=jnp.array([0, 1, 1, 1, 2]))
    >>> metric.compute()
    Array([[1, 0, 0],
           [0, 2, 1],
           [1, 0, 0]], dtype=int32)
    """

    def __init__(self, num_classes: int) -> None:
        self._set_classes(num_classes)
        zeros = jnp.zeros((1, num_classes, num_classes), jnp.int32)
        self.matrix: MetricState[Array] = MetricState(zeros[0])
        self._over = MetricState(zeros)

    def _counters(self) -> tuple[MetricState[Array], ...]:
        return (self.matrix,)

    def _count(self, true: Array, guess: Array, known: Array) -> list[Array]:
        number = self._number
        counted = _histogram(true * number + guess, known, number**2)
        return [counted.reshape(number, number)]

    def compute(self) -> Array:
        """Return the counts.

        Returns
        -------
        array of int, shape (num_classes, num_classes)
            The true class is the row, the predicted one the column. Without ``jax_enable_x64`` a
            count of 2**31 or more raises; in compiled code it is 2**31 - 1.
        """
        self._check_inside()
        wide = jax.dtypes.canonicalize_dtype(jnp.int64)
        over, counts = self._over.value[0].astype(wide), self.matrix.value.astype(wide)
        if wide == jnp.int64:
            return over * WORD + counts
        if not isinstance(over, Tracer) and (over > 1).any():
            raise refused(
                self,
                "a count is too large for the whole numbers that jax is set up for",
                expected="counts below 2**31",
                got=f"{int(over.max())} * 2**30 and more",
                fix="call `jax.config.update('jax_enable_x64', True)` first, or compute and reset "
                "more often",
            )
        return jnp.where(over > 1, 2**31 - 1, over % 2 * WORD + counts)


class Ratio(Classes):
    """The base of ratios of counts by class: true positives to something."""

    def __init__(self, num_classes: int | None = None, average: Average | None = "macro") -> None:
        self._set_classes(num_classes)
        if average not in (*get_args(Average), None) or (
            average == "binary" and num_classes not in (None, 2)
        ):
            raise OptionError(
                "there is no such average",
                where=type(self).__name__,
                expected="'macro', 'micro', 'weighted' or None; 'binary' for two classes",
                got=f"average={average!r}, num_classes={num_classes}",
                fix="pass 'macro' for the mean over the classes, None for each by itself",
            )
        self.average: Average | None = average
        zeros = jnp.zeros(self._number, jnp.int32)
        self.true_positives: MetricState[Array] = MetricState(zeros)
        self.false_positives: MetricState[Array] = MetricState(zeros)
        self.false_negatives: MetricState[Array] = MetricState(zeros)
        self._over = MetricState(jnp.stack([zeros] * 3))

    def _counters(self) -> tuple[MetricState[Array], ...]:
        return (self.true_positives, self.false_positives, self.false_negatives)

    def _count(self, true: Array, guess: Array, known: Array) -> list[Array]:
        hit, number = true == guess, self._number
        return [
            _histogram(true, known & hit, number),
            _histogram(guess, known & ~hit, number),
            _histogram(true, known & ~hit, number),
        ]

    def compute(self) -> Array:
        """Return the ratio, averaged over the classes.

        Returns
        -------
        array, shape (), or (num_classes,) for ``average=None``
            0 where the denominator is 0; NaN if compiled code has met what is no class and this
            is compiled, too.
        """
        self._check_inside()
        # A float sum does not overflow.
        pairs = zip(self._over.value, self._counters(), strict=True)
        hits, false, missed = (
            over.astype(float) * WORD + state.value.astype(float) for over, state in pairs
        )
        support = hits + missed
        if self.average == "micro" and self.num_classes is not None:
            hits, false, missed = hits.sum(), false.sum(), missed.sum()
        ratio = self._ratio(hits, false, missed)
        if self.num_classes is None or self.average == "binary":
            ratio = ratio[1]
        elif self.average == "weighted":
            ratio = _divide((ratio * support).sum(), support.sum())
        elif self.average == "macro":
            ratio = ratio.mean()
        return jnp.where(self.outside.value > 0, jnp.nan, ratio)

    def _ratio(self, hits: Array, false: Array, missed: Array) -> Array:
        """Return the ratio of true positives, false positives and false negatives."""
        raise NotImplementedError


def _divide(a: Array, b: Array) -> Array:
    return a / jnp.where(b == 0, 1, b)


class PrecisionMetric(Ratio):
    """The share of hits among the samples taken for a class: TP / (TP + FP).

    A class out of range raises where it can be seen; one in compiled code is not counted, and
    :meth:`compute` raises, or returns NaN where it is compiled itself.

    Parameters
    ----------
    num_classes : int, optional
        The number of classes. Without it there are two, and the result is that of class 1,
        whatever the average.
    average : {'macro', 'micro', 'weighted', 'binary', None}
        The mean over all classes (also those that never occurred, which count 0); the ratio of the
        sums; the mean weighted with how often each class was true; class 1 of two; each class.

    Attributes
    ----------
    true_positives, false_positives, false_negatives : MetricState
        The counts of each class. One that reaches 2**30 starts again from 0, which
        :meth:`compute` knows.
    outside : MetricState
        How many samples compiled code has met that are in no class.

    Raises
    ------
    OptionError
        ``num_classes`` is not above 0, or there is no such average.
    InputError
        At the update: arrays that do not fit, or hold other classes.

    References
    ----------
    ``sklearn.metrics.precision_score`` with ``labels=range(num_classes), zero_division=0``.

    Examples
    --------
    >>> metric = brainlite.metrics.PrecisionMetric()
    >>> metric.update(predictions=jnp.array([1, 0, 1, 1, 0]), labels=jnp.array([1, 0, 0, 1, 0]))
    >>> metric.compute()
    Array(0.6666667, dtype=float32)
    """

    def _ratio(self, hits: Array, false: Array, missed: Array) -> Array:
        return _divide(hits, hits + false)


class RecallMetric(Ratio):
    """The share of the samples of a class that were found: TP / (TP + FN).

    Arguments, attributes and errors are those of :class:`PrecisionMetric`.

    References
    ----------
    ``sklearn.metrics.recall_score`` with ``labels=range(num_classes), zero_division=0``.

    Examples
    --------
    >>> metric = brainlite.metrics.RecallMetric(num_classes=3, average=None)
    >>> metric.update(predictions=jnp.array([0, 1, 2, 1, 0]), labels=jnp.array([0, 1, 1, 1, 2]))
    >>> metric.compute()
    Array([1.       , 0.6666667, 0.       ], dtype=float32)
    """

    def _ratio(self, hits: Array, false: Array, missed: Array) -> Array:
        return _divide(hits, hits + missed)


class F1ScoreMetric(Ratio):
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Arguments, attributes and errors are those of :class:`PrecisionMetric`.

    References
    ----------
    ``sklearn.metrics.f1_score`` with ``labels=range(num_classes), zero_division=0``.

    Examples
    --------
    >>> metric = brainlite.metrics.F1ScoreMetric(num_classes=3, average="weighted")
    >>> metric.update(predictions=jnp.array([0, 1, 2, 1, 0]), labels=jnp.array([0, 1, 1, 1, 2]))
    >>> metric.compute()
    Array(0.61333334, dtype=float32)
    """

    def _ratio(self, hits: Array, false: Array, missed: Array) -> Array:
        return _divide(2 * hits, 2 * hits + false + missed)
