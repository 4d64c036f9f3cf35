"""What all neurons share: how they spike and are set back, and what they take in.

Projections end at a neuron: at each step it asks them for the current that they bring, and for
jumps of its potential.
"""

import functools
import operator
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import jax

from brainlite._given import check_choice
from brainlite.nn._dynamics.dynamics import Dynamics, Input, check_shape
from brainlite.state import HiddenState
from brainlite.surrogate import InvSquareGrad
from brainlite.typing import Array, Size

SpikeFunction: TypeAlias = Callable[[Any], Array]
"""A step with a slope of its own: see :mod:`brainlite.surrogate`."""


class Projection(Protocol):
    """What ends at a neuron: see :mod:`brainlite.nn._dynamics.projections`."""

    def take_current(self) -> Callable[[Any], Any] | None:
        """Return the current that it brings, as a function of the potential; None for none."""

    def take_delta(self) -> Any:
        """Return by how much it makes the potential jump, once; None for not at all."""


class Neuron(Dynamics):
    """The base of neurons.

    A subclass makes its states in ``init_state``, says in ``get_spike`` what spikes, and takes a
    step in ``update(x)``, where ``x`` is an array or a function of the potential.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    spk_fun : callable
        The step that makes spikes, with its surrogate slope.
    spk_reset : {'soft', 'hard'}
        Whether a spike takes the way from the reset to the threshold off the potential, or sets it
        to the reset, through which then no gradient flows.
    name : str, optional
        A name of its own.

    Raises
    ------
    OptionError
        ``spk_reset`` is neither, or a time constant is not above 0.
    SizeError, InputError
        A parameter, or at the call the input, does not broadcast to the size.

    Examples
    --------
    >>> isinstance(brainlite.nn.LIF(3), brainlite.nn.Neuron)
    True
    """

    V: HiddenState[Array]
    # By the key of each projection that ends here; an attribute only where there are some.
    _projections: dict[str, "Projection"] | None = None

    def __init__(
        self,
        in_size: Size,
        spk_fun: SpikeFunction = InvSquareGrad(100.0),
        spk_reset: str = "soft",
        name: str | None = None,
    ) -> None:
        super().__init__(in_size, name)
        check_choice(type(self).__name__, "spk_reset", spk_reset, ("soft", "hard"))
        self.spk_fun: SpikeFunction = spk_fun
        self.spk_reset: str = spk_reset

    def get_spike(self, V: Any = None) -> Array:
        """Return the spikes at a potential, by default that of the last step."""
        raise TypeError(f"{type(self).__name__} does not say what spikes: define get_spike")

    def _set_back(self, V: Any, spikes: Array, threshold: Any, reset: Any) -> Any:
        """Return the potential after the reset of what has spiked."""
        top = threshold if self.spk_reset == "soft" else jax.lax.stop_gradient(V)
        return V - (top - reset) * spikes

    def receive(self, projection: "Projection") -> None:
        """Let a projection end here: from now on each step takes in what it brings."""
        there = self._projections or {}
        self._projections = {**there, f"projection {len(there)}": projection}

    def _input(self, x: Input) -> Callable[[Any], Any]:
        """Return the input, with that of projections, as a function of the potential."""
        if not callable(x):
            check_shape(self, x, self.V.value)
        found = [each.take_current() for each in (self._projections or {}).values()]
        currents = [current for current in found if current is not None]

        def total(V: Any) -> Any:
            own = x
            if callable(x):
                own = x(V)
                check_shape(self, own, V)
            return functools.reduce(operator.add, (current(V) for current in currents), own)

        return total

    def _add_deltas(self, V: Any) -> Any:
        """Return a potential with the jumps that projections bring."""
        found = [each.take_delta() for each in (self._projections or {}).values()]
        return functools.reduce(operator.add, (jump for jump in found if jump is not None), V)
