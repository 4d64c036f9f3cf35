"""Means over all batches: of numbers, and of hits."""

from typing import Any

import jax
import jax.numpy as jnp

from brainlite.metrics._arguments import (
    check_known,
    to_classes,
    to_leading_axes,
    to_mask,
    to_real,
)
from brainlite.metrics._metric import MetricState, NamedMetric, Tally, lanes
from brainlite.metrics._sums import plus
from brainlite.typing import Array, ArrayLike


class Mean(Tally[Array]):
    """The base of both: a sum and a count, each in two floats."""

    total: MetricState[Array]
    count: MetricState[Array]
    _rest: MetricState[Array]

    def _start(self) -> None:
        self.total = MetricState(jnp.zeros(()))
        self.count = MetricState(jnp.zeros(()))
        self._rest = MetricState(jnp.zeros(2))

    def compute(self) -> Array:
        """Return the mean of all that was counted; NaN if nothing was.

        Returns
        -------
        array, shape ()
        """
        return self.total.value / self.count.value

    def _merge(self, other: Any) -> None:
        totals, counts = lanes(self.total, other.total), lanes(self.count, other.count)
        self._add(totals, counts, lanes(self._rest, other._rest).sum(0))

    def _add(self, totals: Array, counts: Array | None, rest: ArrayLike = 0.0) -> None:
        """Add sums and counts: those of elements (None counts all), or those of lanes."""
        old = (self.total.value, self.count.value, self._rest.value)
        self.total.value, self.count.value, self._rest.value = _add(old, totals, counts, rest)


@jax.jit  # one dispatch where the metric is updated eagerly
def _add(
    old: tuple[Array, Array, Array], totals: Array, counts: Array | None, rest: ArrayLike
) -> tuple[Array, Array, Array]:
    total, count, rests = old
    if counts is None:
        counts = jnp.asarray(totals.size)
    totals = jnp.where(counts == 0, 0, totals)  # what does not count may be NaN
    added = jnp.stack([totals.sum(), counts.sum().astype(totals.dtype)]).astype(rests.dtype)
    new, rests = plus(jnp.stack([total, count]), rests + rest, added)
    return new[0], new[1], rests


class AverageMetric(NamedMetric[Array], Mean):
    """The mean of all numbers: of a loss over an epoch, say.

    Parameters
    ----------
    argname : str
        The name under which ``update`` takes the numbers.

    Attributes
    ----------
    total, count : MetricState
        The sum and how much was counted, as floats. Counts are exact up to 2**48; the sum is as
        exact as those of single batches.

    Raises
    ------
    InputError
        At the update: another name was passed, or an array that does not fit.

    References
    ----------
    Knuth, "The art of computer programming 2", 4.2.2, for the sum in two floats.

    Examples
    --------
    >>> metric = brainlite.metrics.AverageMetric()
    >>> metric.compute()
    Array(nan, dtype=float32)
    >>> metric.update(values=jnp.array([1, 2, 3, 4]))
    >>> metric.update(values=jnp.array([3, 2, 1, 0]), mask=jnp.array([True, True, False, False]))
    >>> metric.compute()
    Array(2.5, dtype=float32)
    """

    def __init__(self, argname: str = "values") -> None:
        self.argname: str = argname
        self._start()

    def update(
        self,
        *,
        mask: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        **values: ArrayLike,
    ) -> None:
        """Count numbers, passed under the name ``argname``: ``update(values=loss)``.

        Parameters
        ----------
        mask : array of bool, optional
            Which of them count: of their shape, or of their first axes.
        weights : array, optional
            How much each counts, of such a shape too: the size of the batch for a mean over it.
            What has a weight of 0 is not looked at.
        **values : array
            The numbers, of any shape.
        """
        x = self._named(values)
        counts = to_mask(self, mask, x.shape)
        if weights is not None:
            weight = to_leading_axes(self, "weights", to_real(self, "weights", weights), x.shape)
            counts = weight if counts is None else jnp.where(counts, weight, 0)
            x = x * counts
        self._add(x, counts)


class AccuracyMetric(Mean):
    """The share of samples whose class has the largest logit.

    A label that is no class raises where it can be seen; in compiled code it counts as a miss.

    Attributes
    ----------
    total, count : MetricState
        The hits and the samples, as floats, exact up to 2**48.

    Raises
    ------
    InputError
        At the update: labels that do not fit the logits.

    Examples
    --------
    >>> metric = brainlite.metrics.AccuracyMetric()
    >>> metric.update(logits=jnp.array([[0.1, 0.9], [0.8, 0.2]]), labels=jnp.array([1, 1]))
    >>> metric.compute()
    Array(0.5, dtype=float32)
    """

    def __init__(self) -> None:
        self._start()

    def update(
        self, *, logits: ArrayLike, labels: ArrayLike, mask: ArrayLike | None = None
    ) -> None:
        """Count samples.

        Parameters
        ----------
        logits : array, shape (..., classes)
            The score of each class.
        labels : array of int, shape (...)
            The classes.
        mask : array of bool, shape (...) or its first axes, optional
            Which samples count.
        """
        scores = jnp.atleast_1d(to_real(self, "logits", logits))
        classes = to_classes(self, "labels", labels, scores.shape[:-1])
        counts = to_mask(self, mask, classes.shape)
        known = check_known(self, "labels", classes, counts, scores.shape[-1])
        hits = known & (scores.argmax(-1) == classes)
        self._add(hits.astype(scores.dtype), counts)
