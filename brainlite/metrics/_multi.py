"""Several metrics, updated together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brainlite.errors import ContainerError, NameTakenError
from brainlite.graph import states
from brainlite.metrics._metric import Metric
from brainlite.state._face import refused


class MultiMetric(Metric[dict[str, Any]]):
    """Metrics by name, updated together: each takes the arguments that it knows.

    Parameters
    ----------
    **metrics : Metric
        The metrics; a MultiMetric, too. Each is an attribute, and an item.

    Raises
    ------
    ContainerError
        Something is no metric.
    NameTakenError
        A name is that of a method, or begins with an underscore.
    InputError
        At the update: an argument that no metric takes, or that one lacks or refuses. Then no
        metric has changed.

    Examples
    --------
    >>> from brainlite import metrics
    >>> both = metrics.MultiMetric(
    ...     loss=metrics.AverageMetric("loss"), accuracy=metrics.AccuracyMetric()
    ... )
    >>> both.update(loss=0.25, logits=jnp.array([[0.1, 0.9]]), labels=jnp.array([1]))
    >>> both.compute()
    {'loss': Array(0.25, dtype=float32), 'accuracy': Array(1., dtype=float32)}
    >>> both.loss.compute()
    Array(0.25, dtype=float32)
    """

    def __init__(self, **metrics: Metric[Any]) -> None:
        for name, metric in metrics.items():
            self._check(name, metric)
            setattr(self, name, metric)

    def _check(self, name: str, metric: object) -> None:
        """Raise unless this can be a metric here."""
        where = type(self).__name__
        if name.startswith("_") or hasattr(type(self), name):
            raise NameTakenError(
                "this cannot be the name of a metric",
                where=where,
                expected="a name that nothing else has, without an underscore in front",
                got=repr(name),
                fix="choose another name",
            )
        if not isinstance(metric, Metric):
            raise ContainerError(
                f"{name} is no metric",
                where=where,
                expected="an instance of brainlite.metrics.Metric",
                got=repr(metric),
                fix="average it with AverageMetric, or write a subclass of Metric",
            )

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Metric[Any]: ...

    def __getitem__(self, name: str) -> Metric[Any]:
        return self._members()[name]

    def _members(self) -> dict[str, Metric[Any]]:
        return {name: each for name, each in vars(self).items() if isinstance(each, Metric)}

    def reset(self) -> None:
        """Reset every metric."""
        for metric in self._members().values():
            metric.reset()

    def update(self, **updates: Any) -> None:
        """Update every metric with those of the arguments that it takes.

        Parameters
        ----------
        **updates
            What the metrics take, by name: ``values``, ``logits``, ``labels``, ``mask`` ...
        """
        chosen = self._choose(updates)
        counted = states(self)
        before = counted.to_values()
        try:
            for name, metric in self._members().items():
                metric.update(**chosen[name])
        except BaseException:
            counted.assign(before)
            raise

    def compute(self) -> dict[str, Any]:
        """Return what each metric computes, by name."""
        return {name: metric.compute() for name, metric in self._members().items()}

    def _merge(self, other: Any) -> None:
        for name, metric in self._members().items():
            metric.merge(other[name])

    def _takes(self) -> Mapping[str, bool] | None:
        names: dict[str, bool] = {}
        for each in self._members().values():
            takes = each._takes()
            if takes is None:
                return None
            names.update({name: needed or names.get(name, False) for name, needed in takes.items()})
        return names

    def _choose(self, updates: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the arguments of each metric; raise for those that none takes, or one lacks."""
        takes = {name: metric._takes() for name, metric in self._members().items()}
        known = {argument for each in takes.values() for argument in each or updates}
        if unknown := [name for name in updates if name not in known]:
            raise refused(
                self,
                "no metric takes this argument",
                expected=", ".join(sorted(known)),
                got=", ".join(unknown),
                fix="pass it under a name that a metric takes, or leave it out",
            )
        for name, each in takes.items():
            if missing := [n for n, needed in (each or {}).items() if needed and n not in updates]:
                raise refused(
                    self[name],
                    "an argument that the metric takes is missing",
                    expected=", ".join(n for n, needed in (each or {}).items() if needed),
                    got=", ".join(updates),
                    fix=f"pass {missing[0]}=, or update the metrics one by one",
                )
        return {
            name: {n: value for n, value in updates.items() if each is None or n in each}
            for name, each in takes.items()
        }
