"""Looks at the variables and outputs of models, as they are or as they were a time ago.

A delay of a model is an after-update of it: data of the model, which is copied and stored with it.
"""

from typing import Any

import jax

from brainlite import environ
from brainlite._jax_compat import shape_struct
from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.nn._dynamics.delay import Delay, type_of
from brainlite.nn._dynamics.updates import not_receive_update_output
from brainlite.nn._modules.module import Module
from brainlite.state import State
from brainlite.state._face import AnyState
from brainlite.typing import PyTree


@not_receive_update_output
class StateWithDelay(Delay):
    """The history of a state of a model, which is an after-update of the model.

    Parameters
    ----------
    target : Module
        The model.
    item : str
        The name of the state among its attributes.
    init, interpolation
        As for :class:`Delay`.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2)
    >>> potential = neurons.prefetch_delay("V", 1.0)
    >>> neurons.get_after_update("V-prefetch-delay").item
    'V'
    """

    def __init__(
        self, target: Module, item: str, init: Any = None, interpolation: str = "round"
    ) -> None:
        super().__init__((), init=init, interpolation=interpolation)
        self.target: Module = target
        self.item: str = item

    def _info(self) -> PyTree:
        return jax.tree.map(type_of, _state_of(self.target, self.item).value)

    def _empty(self, batch_size: int | None) -> PyTree:
        return super()._empty(None)  # the state has the batch already

    def update(self) -> None:  # type: ignore[override]  # it looks at the state itself
        """Write what the state holds now."""
        super().update(_state_of(self.target, self.item).value)


def _state_of(module: Module, item: str) -> AnyState:
    """Return the state in an attribute, or raise for what has no history."""
    state = getattr(module, item)
    if isinstance(state, State):
        return state
    raise OptionError(
        "only a state has a history",
        where=type(module).__name__,
        expected=f"a state in the attribute {item!r}",
        got=type(state).__name__,
        fix="name a state, such as 'V'",
    )


class Prefetch(Node):
    """A look at a variable of a model, made when it is called.

    Parameters
    ----------
    module : Module
        The model.
    item : str
        The name of the attribute.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2)
    >>> potential = brainlite.nn.Prefetch(neurons, "V")
    >>> _ = brainlite.nn.init_all_states(neurons)
    >>> potential()
    Array([0., 0.], dtype=float32)
    """

    def __init__(self, module: Any, item: str) -> None:
        self.module: Any = module
        self.item: str = item

    @property
    def delay(self) -> "Prefetch":
        """What ``delay.at(time)`` is asked of."""
        return self

    def at(self, *time_and_index: Any) -> "PrefetchDelayAt":
        """Return a look at the same state as it was a time ago."""
        return PrefetchDelayAt(self.module, self.item, *time_and_index)

    def __call__(self) -> PyTree:
        """Return the value of the variable."""
        value: Any = getattr(self.module, self.item)
        return value.value if isinstance(value, State) else value


class PrefetchDelayAt(Node):
    """A look at a state of a model as it was a time ago, made when it is called.

    The history is an after-update of the model, of the key ``'<item>-prefetch-delay'``: one for all
    that look at this state.

    Parameters
    ----------
    module : Dynamics
        The model.
    item : str
        The name of the state.
    *time_and_index
        The time in ms, and indices into the state; see :meth:`Delay.register_entry`.
    init, interpolation
        As for :class:`Delay`; the first one to look at a state says so for all.

    Examples
    --------
    >>> cell = brainlite.nn.Expon(1, tau=10.0)
    >>> before = brainlite.nn.PrefetchDelayAt(cell, "g", 2.0)
    >>> with brainlite.environ.context(dt=1.0):
    ...     _ = brainlite.nn.init_all_states(cell)
    ...     for _ in range(3):
    ...         g = cell(1.0)
    ...     print(before())
    [1.]
    """

    def __init__(
        self,
        module: Any,
        item: str,
        *time_and_index: Any,
        init: Any = None,
        interpolation: str | None = None,
    ) -> None:
        key = f"{item}-prefetch-delay"
        if not module.has_after_update(key):
            module.add_after_update(
                key, StateWithDelay(module, item, init, interpolation or "round")
            )
        self.delay: Delay = module.get_after_update(key)
        self.time_and_index: tuple[Any, ...] = self.delay.register_delay(*time_and_index)

    def __call__(self) -> PyTree:
        """Return the delayed value."""
        return self.delay.retrieve_after(*self.time_and_index)


class OutputDelayAt(Node):
    """A look at the output of a model as it was a time ago, made when it is called.

    The history is an after-update of the model, of the key ``'output-delay'``.

    Parameters
    ----------
    module : Dynamics
        The model; its output has its ``out_size``.
    *time_and_index
        The time in ms, and indices into the output; see :meth:`Delay.register_entry`.
    init, interpolation
        As for :class:`Delay`.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2)
    >>> late = neurons.output_delay(1.0)
    >>> with brainlite.environ.context(dt=0.5):
    ...     _ = brainlite.nn.init_all_states(neurons)
    ...     for _ in range(3):
    ...         spikes = neurons(20.0)
    ...     print(late(), late.delay.max_length)
    [1. 1.] 3
    """

    def __init__(
        self,
        module: Any,
        *time_and_index: Any,
        init: Any = None,
        interpolation: str | None = None,
    ) -> None:
        key = "output-delay"
        if not module.has_after_update(key):
            info = shape_struct(module.out_size, environ.dftype())
            delay = Delay(info, init=init, interpolation=interpolation)
            module.add_after_update(key, delay)
        self.delay: Delay = module.get_after_update(key)
        self.time_and_index: tuple[Any, ...] = self.delay.register_delay(*time_and_index)

    def __call__(self) -> PyTree:
        """Return the delayed output."""
        return self.delay.retrieve_after(*self.time_and_index)
