"""Mean and spread over all batches."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite.metrics._arguments import to_mask
from brainlite.metrics._metric import MetricState, NamedMetric, lanes
from brainlite.metrics._sums import plus
from brainlite.typing import Array, ArrayLike


class Statistics(NamedTuple):
    """What :class:`WelfordMetric` computes.

    Attributes
    ----------
    mean : array, shape ()
        The mean; 0 if nothing was counted.
    standard_error_of_mean : array, shape ()
        ``standard_deviation / sqrt(count)``; NaN if nothing was counted.
    standard_deviation : array, shape ()
        The root of the mean squared deviation (``ddof=0``); NaN if nothing was counted.

    Examples
    --------
    >>> metric = brainlite.metrics.WelfordMetric()
    >>> metric.update(values=jnp.array([1.0, 3.0]))
    >>> mean, _, spread = metric.compute()
    >>> float(mean), float(spread)
    (2.0, 1.0)
    """

    mean: Array
    standard_error_of_mean: Array
    standard_deviation: Array


class WelfordMetric(NamedMetric[Statistics]):
    """Mean, standard deviation and standard error of all numbers, in one pass.

    Deviations are from the mean, so a large mean does not spoil them.

    Parameters
    ----------
    argname : str
        The name under which ``update`` takes the numbers.

    Attributes
    ----------
    count, mean, m2 : MetricState
        How many there were, their mean, and the sum of their squared deviations, as floats.

    Raises
    ------
    InputError
        At the update: another name was passed, or an array that does not fit.

    References
    ----------
    Welford, "Note on a method for calculating corrected sums of squares and products",
    Technometrics 1962; Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
    The American Statistician 1983, for whole batches.

    Examples
    --------
    >>> metric = brainlite.metrics.WelfordMetric()
    >>> metric.update(values=jnp.array([1, 2, 3, 4]))
    >>> metric.update(values=jnp.array([3, 2, 1, 0]))
    >>> mean, error, deviation = metric.compute()
    >>> f"{mean} +- {error:.3f}, deviation {deviation:.3f}"
    '2.0 +- 0.433, deviation 1.225'
    """

    def __init__(self, argname: str = "values") -> None:
        self.argname: str = argname
        zero = jnp.zeros(())
        self.count: MetricState[Array] = MetricState(zero)
        self.mean: MetricState[Array] = MetricState(zero)
        self.m2: MetricState[Array] = MetricState(zero)
        self._rest: MetricState[Array] = MetricState(jnp.zeros(3))

    def update(self, *, mask: ArrayLike | None = None, **values: ArrayLike) -> None:
        """Count numbers, passed under the name ``argname``: ``update(values=loss)``.

        Parameters
        ----------
        mask : array of bool, optional
            Which of them count: of their shape, or of their first axes.
        **values : array
            The numbers, of any shape.
        """
        x = self._named(values)
        counts = to_mask(self, mask, x.shape)
        self._add(jnp.ones(x.shape, bool) if counts is None else counts, x, jnp.zeros((1,)))

    def compute(self) -> Statistics:
        """Return mean, standard error and standard deviation of all that was counted.

        Returns
        -------
        Statistics
            Three arrays of shape ().
        """
        count = self.count.value
        deviation = jnp.sqrt(self.m2.value / count)
        return Statistics(self.mean.value, deviation / jnp.sqrt(count), deviation)

    def _merge(self, other: Any) -> None:
        names = ("count", "mean", "m2")
        self._add(*(lanes(getattr(self, name), getattr(other, name)) for name in names))

    def _add(self, counts: Array, means: Array, m2s: Array) -> None:
        """Add groups with their counts, means and squared deviations: elements, or lanes."""
        old = (self.count.value, self.mean.value, self.m2.value, self._rest.value)
        new = _add(old, counts, means, m2s)
        self.count.value, self.mean.value, self.m2.value, self._rest.value = new


@jax.jit  # one dispatch where the metric is updated eagerly
def _add(
    old: tuple[Array, Array, Array, Array], counts: Array, means: Array, m2s: Array
) -> tuple[Array, Array, Array, Array]:
    """Return count, mean, sum of squared deviations and rest with these groups taken in."""
    count, mean, m2, rest = old
    means = jnp.where(counts == 0, 0, means)  # what does not count may be NaN
    counts = counts.astype(rest.dtype)
    added = counts.sum()
    center = _rounded((counts * means).sum() / jnp.where(added == 0, 1, added))
    off = jnp.where(counts == 0, 0, means - center)
    # The center was rounded: what it is off by shows in the mean of the deviations.
    slip = (counts * off).sum() / jnp.where(added == 0, 1, added)
    spread = m2s.sum() + (counts * off**2).sum() - added * slip**2
    # Two numbers, since center + slip would round again.
    step, finer = center - mean, slip - rest[1]
    share = added / jnp.where(added == 0, 1, count + added)
    # In this order a first batch, from which nothing differs yet, cannot overflow.
    spread = spread + (step + finer) * ((step + finer) * (count * share))
    amounts = jnp.stack([added, step * share, spread]).astype(rest.dtype)
    new, rest = plus(jnp.stack([count, mean, m2]), rest.at[1].add(finer * share), amounts)
    return new[0], new[1], new[2], rest


def _rounded(x: Array) -> Array:
    """Round to one bit less than the dtype has, so that all who use ``x`` use the same number.

    XLA may compute a quotient anew in each place where it is used, and there as a part of one
    operation with what follows, which does not round it.
    """
    info: Any = jnp.finfo(x.dtype)  # type: ignore[no-untyped-call]  # of jax
    return jax.lax.reduce_precision(x, info.nexp, info.nmant - 1)
