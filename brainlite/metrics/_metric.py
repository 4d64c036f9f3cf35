"""What every metric has, and what the metrics of this room share."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self

import jax.numpy as jnp
from typing_extensions import TypeVar

from brainlite.graph import Node
from brainlite.metrics._arguments import to_real
from brainlite.state import LongTermState
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike

T = TypeVar("T", default=Array)
R_co = TypeVar("R_co", covariant=True, default=Any)


class MetricState(LongTermState[T]):
    """What a metric has counted so far. ``model.half()`` does not touch it.

    Parameters
    ----------
    value, name, tag
        As for :class:`brainlite.state.State`.

    Examples
    --------
    >>> hits = brainlite.metrics.MetricState(jnp.zeros((), "int32"))
    """

    __slots__ = ()
    __keeps_dtype__: ClassVar[bool] = True


class Metric(Node, ABC, Generic[R_co]):
    """The base of metrics: of one's own, too. ``Metric[R]`` computes an R.

    A subclass makes a :class:`MetricState` for all that changes, and defines the three methods.

    Examples
    --------
    >>> import jax
    >>> class Highest(brainlite.metrics.Metric[jax.Array]):
    ...     def __init__(self) -> None:
    ...         self.highest = brainlite.metrics.MetricState(jnp.array(-jnp.inf))
    ...
    ...     def reset(self) -> None:
    ...         self.highest.value = jnp.array(-jnp.inf)
    ...
    ...     def update(self, *, values: jax.Array) -> None:
    ...         self.highest.value = jnp.maximum(self.highest.value, values.max())
    ...
    ...     def compute(self) -> jax.Array:
    ...         return self.highest.value
    >>> metric = Highest()
    >>> brainlite.transform.jit(metric.update)(values=jnp.arange(3.0))
    >>> metric.compute()
    Array(2., dtype=float32)
    """

    @abstractmethod
    def reset(self) -> None:
        """Forget all that was counted."""

    @abstractmethod
    def update(self, *args: Any, **kwargs: Any) -> None:
        """Count a batch. A subclass names its arguments."""

    @abstractmethod
    def compute(self) -> R_co:
        """Return the metric of all that was counted since it was made or reset."""

    def merge(self, other: Self) -> None:
        """Count what another metric has counted: that of another process, or of many lanes.

        Parameters
        ----------
        other : Metric
            One of the same type, from the same arguments; it stays as it is. Axes in front of its
            states, as those that ``vmap(..., out_states=...)`` leaves, are lanes: each is counted.

        Raises
        ------
        InputError
            The other metric is of another type, or made from other arguments.
        """
        mine, theirs = _description(self), _description(other)
        if mine != theirs:
            raise refused(
                self,
                "only metrics of one type and one set of arguments can be merged",
                expected=mine,
                got=theirs,
                fix="make both with the same arguments",
            )
        self._merge(other)

    def _merge(self, other: Any) -> None:
        """Count what a metric that was made alike has counted."""
        raise NotImplementedError(f"{type(self).__name__} does not say how two are merged")

    def _takes(self) -> Mapping[str, bool] | None:
        """Return the names that update takes, and whether it needs them; None if it takes any."""
        parameters = inspect.signature(self.update).parameters.values()
        if any(each.kind is each.VAR_KEYWORD for each in parameters):
            return None
        return {each.name: each.default is each.empty for each in parameters}


class Tally(Metric[R_co], Generic[R_co]):
    """The base of metrics whose states start at 0 and add up."""

    def reset(self) -> None:
        """Forget all that was counted."""
        for state in vars(self).values():
            if isinstance(state, MetricState):
                state.value = jnp.zeros_like(state.value)

    def _merge(self, other: Any) -> None:
        for name, state in vars(self).items():
            if isinstance(state, MetricState):
                state.value = state.value + lanes(state, getattr(other, name)).sum(0)


class NamedMetric(Tally[R_co], Generic[R_co]):
    """The base of metrics of numbers that ``update`` takes under a name of the user's."""

    argname: str

    def _takes(self) -> Mapping[str, bool]:
        options = list(inspect.signature(self.update).parameters)[:-1]
        return {self.argname: True, **dict.fromkeys(options, False)}

    def _named(self, values: Mapping[str, ArrayLike]) -> Array:
        """Return the values, which are all that was passed but the options."""
        if set(values) != {self.argname}:
            raise refused(
                self,
                "update was called with other names than it takes",
                expected=f"update({self.argname}=...)",
                got=f"update({', '.join(f'{name}=...' for name in values)})",
                fix="pass the values under their name, or make the metric with another argname",
            )
        return to_real(self, self.argname, values[self.argname])


def _description(metric: object) -> str:
    """Return the type of a metric and its plain attributes, as in a call."""
    inner = [
        f"{name}={_description(value) if isinstance(value, Metric) else repr(value)}"
        for name, value in vars(metric).items()
        if not isinstance(value, MetricState)
    ]
    return f"{type(metric).__name__}({', '.join(inner)})"


def lanes(mine: MetricState, other: MetricState) -> Array:
    """Return what another state holds with one axis in front for all lanes."""
    value = other.value
    return value.reshape((-1, *mine.value.shape))
