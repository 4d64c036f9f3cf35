"""Groups of parameters, each with a transformation and a learning rate of its own."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.graph._face import dotted
from brainlite.optim._slots import ABSENT, OptimState, SlotLayout, fitted, real_type
from brainlite.optim._transformation import (
    Factory,
    Maker,
    Rate,
    Schedule,
    Transformation,
    accepted,
    check_rate,
)
from brainlite.state import ParamState
from brainlite.typing import Array, ArrayLike, Filter, Path


class Group(NamedTuple):
    """Parameters that are to have a transformation or a learning rate of their own.

    Parameters
    ----------
    select : Filter
        Which parameters; the first group that selects one gets it.
    transform : transformation, or function of a learning rate
        As for :class:`Optimizer`.
    learning_rate : float or schedule, optional
        By default that of the :class:`Optimizer`.

    Examples
    --------
    >>> import optax
    >>> from brainlite import optim
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> slow = optim.Group(brainlite.graph.PathContains("Wrz"), optax.sgd, 1e-4)
    >>> optimizer = optim.Optimizer(model, [slow, optim.Group(..., optax.adam, 1e-3)])
    >>> [list(group.params) for group in optimizer.groups]
    [['Wrz.weight'], ['Wh.weight']]
    """

    select: Filter
    transform: Transformation | Factory
    learning_rate: Rate | None = None


class Part(Node):
    """The parameters of a group, and what is remembered of them.

    Attributes
    ----------
    params : dict of ParamState
        The parameters by name.
    slots : dict of dict of OptimState
        What is remembered of each, such as ``slots["mu"]["cell.weight"]``.
    counts : dict of OptimState
        What is remembered of all together.

    Examples
    --------
    >>> import optax
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> optimizer = brainlite.optim.Optimizer(model, optax.adam, learning_rate=1e-3)
    >>> part = optimizer.groups[0]
    >>> sorted(part.slots), sorted(part.params)
    (['mu', 'nu'], ['Wh.weight', 'Wrz.weight'])
    """

    params: dict[str, ParamState[Any]]
    slots: dict[str, dict[str, OptimState[Any]]]
    counts: dict[str, OptimState[Any]]

    def __init__(
        self,
        group: Group,
        params: Mapping[Path, ParamState[Any]],
        values: Mapping[Path, Any],
        step: OptimState[Array],
    ) -> None:
        rate = group.learning_rate
        self._make: Maker = Maker.of(group.transform, rate)
        self._schedule: Schedule | None = rate if callable(rate) else None
        self._paths: tuple[Path, ...] = tuple(params)
        self.params = {dotted(path): state for path, state in params.items()}
        self._dtype: Any = _dtype_of_rates(values)
        self._step: OptimState[Array] = step
        self._rate: OptimState[Array] | None = None
        first: Any = None
        if rate is not None:
            first = rate(jnp.zeros((), "int32")) if callable(rate) else rate
            check_rate(first, "learning_rate" if self._schedule is None else "learning_rate(0)")
            first = jnp.asarray(first, self._dtype)
        if rate is not None and self._schedule is None:
            self._rate = OptimState(first)
        init = self._make(first).init
        # Eagerly: zeros_like keeps the sharding of an array, which under jit it would not.
        remembered = jax.eval_shape(init, values) if _is_abstract(values) else init(dict(values))
        names = dict(zip(self._paths, self.params, strict=True))
        self._layout, self.slots, self.counts = SlotLayout.of(remembered, names)

    @property
    def learning_rate(self) -> Array:
        """The learning rate of the next update. Setting it costs no compilation."""
        rate = self._next_rate()
        if rate is None:
            raise self._no_rate("knows no learning rate of its transformation")
        return rate

    @learning_rate.setter
    def learning_rate(self, rate: ArrayLike) -> None:
        if self._schedule is not None:
            raise self._no_rate("follows a schedule, which would undo what is set at the next step")
        if self._rate is None:
            raise self._no_rate("knows no learning rate of its transformation")
        old = self._rate.value
        check_rate(rate, shapes={(), old.shape})
        new = jnp.broadcast_to(jnp.asarray(rate, old.dtype), old.shape)
        # Where jax would compile anew for an array that is tied to a device, or is not.
        if not isinstance(old, Tracer) and not isinstance(new, Tracer) and old.committed:
            new = jax.device_put(new, old.sharding)
        self._rate.value = fitted(new, old)

    def _no_rate(self, problem: str) -> OptionError:
        return OptionError(
            f"a group of this optimizer {problem}",
            expected="an optimizer made of a function and a number: (model, optax.adam, "
            "learning_rate=1e-3)",
            got=repr(self._schedule or self._make),
            fix="pass `optax.adam`, not `optax.adam(1e-3)`, and a number as learning_rate",
        )

    def _next_rate(self) -> Array | None:
        """Return the learning rate of the next update; None where the transformation knows it."""
        if self._schedule is not None:
            return jnp.asarray(self._schedule(self._step.value), self._dtype)
        return None if self._rate is None else self._rate.value

    def updated(
        self,
        values: Mapping[str, Any],
        grads: Mapping[str, Any],
        extra: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the new values of the parameters that have gradients; remember what is to be.

        Parameters
        ----------
        values : mapping
            The parameters of this group by name, or more exact copies of them.
        grads : mapping
            The gradients by name; those of other groups are left alone.
        extra : mapping
            What some transformations take beside the gradients.
        """
        names = [name for name in self.params if name in grads]
        if not names:
            return {}
        like = {name: jax.tree.map(fitted, grads[name], values[name]) for name in names}
        transformation = self._make(self._next_rate())
        gradients = self._by_path(like)
        remembered, values_by_path = self._read(names), self._by_path({n: values[n] for n in names})
        extra = accepted(transformation, {"grad": gradients, **extra})
        try:
            updates, remembered = transformation.update(
                gradients, remembered, values_by_path, **extra
            )
        except TypeError as error:
            if "required keyword-only argument" in str(error):
                raise _wants_more(transformation, error) from error
            raise
        self._write(remembered, names)
        by_name = self._by_name(updates)
        return {name: jax.tree.map(_added, values[name], by_name[name]) for name in names}

    def by_path(self) -> Iterator[tuple[Path, ParamState[Any]]]:
        """Return the parameters by path."""
        return zip(self._paths, self.params.values(), strict=True)

    def numbers(self) -> list[OptimState[Any]]:
        """Return what is remembered of all together, the learning rate included."""
        rate = [] if self._rate is None else [self._rate]
        return [*self.counts.values(), *rate]

    def _read(self, names: list[str]) -> Any:
        slots = {
            slot: self._by_path({name: states[name].value for name in names if name in states})
            for slot, states in self.slots.items()
        }
        return self._layout.join(slots, {name: s.value for name, s in self.counts.items()})

    def _write(self, remembered: Any, names: list[str]) -> None:
        slots, counts = self._layout.part(remembered)
        for slot, tree in slots.items():
            by_name = self._by_name(tree)
            for name, state in self.slots[slot].items():
                if name in names:
                    state.value = jax.tree.map(fitted, by_name[name], state.value)
        for name, count in counts.items():
            self.counts[name].value = fitted(count, self.counts[name].value)

    def _by_path(self, by_name: Mapping[str, Any]) -> dict[Path, Any]:
        pairs = zip(self._paths, self.params, strict=True)
        return {path: by_name.get(name, ABSENT) for path, name in pairs}

    def _by_name(self, by_path: Mapping[Path, Any]) -> dict[str, Any]:
        return {name: by_path[path] for path, name in zip(self._paths, self.params, strict=True)}


def _wants_more(transformation: Transformation, error: TypeError) -> OptionError:
    _, _, names = str(error).partition(": ")
    return OptionError(
        "this transformation wants more than gradients",
        expected=f"{names}, as `minimize(loss)` passes them",
        got="`update(gradients)`",
        fix="call `minimize(loss)`, or pass it: `update(gradients, value=loss)`",
    )


def _added(value: Array, update: Array) -> Array:
    return (value + update).astype(value.dtype)


def _dtype_of_rates(values: Mapping[Path, Any]) -> Any:
    """Return float32, or float64 beside parameters of that."""
    kind = jnp.result_type(jnp.float32, *[leaf.dtype for leaf in jax.tree.leaves(dict(values))])
    return real_type(kind)


def _is_abstract(values: Mapping[Path, Any]) -> bool:
    return any(isinstance(x, jax.ShapeDtypeStruct) for x in jax.tree.leaves(dict(values)))
