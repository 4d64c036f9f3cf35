"""Projections: connection, synapse and output in one, ending at a population.

They are for models that are written in this style. It takes none of them to wire a network: a
neuron's ``update`` takes a function of its potential, ``neurons(lambda V: g * (E - V))``.

A projection is called before the population, in the same step. What it brings, it keeps in a
state of its own, from where the population takes it.
"""

import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from brainlite.errors import OptionError
from brainlite.nn import init
from brainlite.nn._dynamics.dynamics import value_of
from brainlite.nn._dynamics.neuron import Neuron
from brainlite.nn._modules.module import Module
from brainlite.state import HiddenState
from brainlite.typing import Array


class SynapticOutput(Module):
    """The base of what turns a conductance into a current: ``out(g, V)``."""


class COBA(SynapticOutput):
    """A current from a conductance: ``g (E - V)``.

    Parameters
    ----------
    E : number or array
        The reversal potential, in mV.

    References
    ----------
    Brette et al., "Simulation of networks of spiking neurons: a review of tools and strategies",
    Journal of Computational Neuroscience 23:349, 2007.

    Examples
    --------
    >>> brainlite.nn.COBA(E=0.0)(2.0, -60.0)
    120.0
    """

    def __init__(self, E: Any) -> None:
        self.E: Any = E

    def update(self, g: Any, V: Any) -> Any:
        """Return the current at a potential."""
        return g * (value_of(self.E) - V)


class CUBA(SynapticOutput):
    """A current that does not depend on the potential: ``g`` times a scale.

    Parameters
    ----------
    scale : number or array
        The factor.

    References
    ----------
    Brette et al. 2007, as for :class:`COBA`.

    Examples
    --------
    >>> brainlite.nn.CUBA(3.0)(2.0, -60.0)
    6.0
    """

    def __init__(self, scale: Any = 1.0) -> None:
        self.scale: Any = scale

    def update(self, g: Any, V: Any) -> Any:
        """Return the current."""
        del V
        return g * value_of(self.scale)


class BaseProjection(Module):
    """The base of projections: what comes through ``modules`` and ``comm`` ends at ``post``."""

    arriving: HiddenState[Array]

    def _set_up(self, modules: tuple[Any, ...], comm: Any, post: Any, label: str | None) -> None:
        """Keep the parts of a projection, and let the neurons at its end know of it."""
        if not isinstance(post, Neuron):
            raise OptionError(
                "a projection ends at neurons",
                where=type(self).__name__,
                expected="post: a Neuron, such as LIF",
                got=f"{type(post).__name__}",
                fix="pass the population whose `update` is to take in what arrives",
            )
        self.name = label
        self.before: tuple[Any, ...] = modules
        self.comm: Any = comm
        self.post: Neuron = post
        post.receive(self)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make what arrives anew: nothing, of shape ([batch_size,] *post.in_size)."""
        del kwargs
        self.arriving = HiddenState(init.param(init.ZeroInit(), self.post.varshape, batch_size))

    def _through(self, inputs: tuple[Any, ...]) -> Any:
        """Return what comes out of the connection."""
        for module in self.before:
            inputs = (module(*inputs),)
        return self.comm(*inputs)

    def take_current(self) -> Callable[[Any], Any] | None:
        """Return the current that arrives in this step, as a function of the potential."""
        return None

    def take_delta(self) -> Any:
        """Return by how much the potential jumps in this step."""
        return None


class AlignPostProj(BaseProjection):
    """A projection whose synapses have the shape of the population that it ends at.

    Parameters
    ----------
    *modules
        What the input goes through first, each with one result; without an input, such as
        ``neurons.prefetch_delay(...)``.
    comm : Module
        The connection.
    syn : Module, or what makes one
        The synapse: ``Expon(...)``, or ``Expon.desc(...)``.
    out : Module, or what makes one
        From the conductance to the current: :class:`COBA` or :class:`CUBA`.
    post : Neuron
        The population.
    label : str, optional
        A name of its own.

    Raises
    ------
    OptionError
        ``post`` is no neuron, or ``syn`` is the synapse of another projection, which moves it.

    References
    ----------
    Wang et al., "A differentiable brain simulator bridging brain simulation and brain-inspired
    computing", ICLR 2024.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2, tau=10.0)
    >>> project = brainlite.nn.AlignPostProj(
    ...     comm=brainlite.nn.EventLinear(3, 2, jnp.ones((3, 2))),
    ...     syn=brainlite.nn.Expon.desc(2, tau=5.0),
    ...     out=brainlite.nn.COBA.desc(E=2.0),
    ...     post=neurons,
    ... )
    >>> _ = brainlite.nn.init_all_states(project)
    >>> with brainlite.environ.context(dt=1.0):
    ...     project(jnp.array([True, False, True]))
    ...     print(neurons(0.0), neurons.V.value > 0.3)
    [0. 0.] [ True  True]
    """

    def __init__(
        self, *modules: Any, comm: Any, syn: Any, out: Any, post: Any, label: str | None = None
    ) -> None:
        synapse = _made(syn)
        _check_alone(synapse)
        self._set_up(modules, comm, post, label)
        self.syn: Any = synapse
        _moved_by[synapse] = weakref.ref(self)
        self.out: Any = _made(out)

    def update(self, *x: Any) -> None:
        """Let spikes arrive."""
        self.arriving.value = self.syn(self._through(x))

    def take_current(self) -> Callable[[Any], Any]:
        """Return the current of the conductance that there is."""
        g = self.arriving.value
        return lambda V: self.out(g, V)


class CurrentProj(BaseProjection):
    """A projection that brings a current, for the step in which it is called.

    Parameters
    ----------
    *modules, comm, post, label
        As for :class:`AlignPostProj`.
    out : Module, or what makes one
        From what the connection brings to the current.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2)
    >>> project = brainlite.nn.CurrentProj(
    ...     comm=brainlite.nn.Linear(3, 2), out=brainlite.nn.CUBA(), post=neurons
    ... )
    """

    def __init__(
        self, *modules: Any, comm: Any, out: Any, post: Any, label: str | None = None
    ) -> None:
        self._set_up(modules, comm, post, label)
        self.out: Any = _made(out)

    def update(self, *x: Any) -> None:
        """Let a current arrive."""
        self.arriving.value = self._through(x)

    def take_current(self) -> Callable[[Any], Any]:
        """Return the current, once."""
        brought = _taken(self.arriving)
        return lambda V: self.out(brought, V)


class DeltaProj(BaseProjection):
    """A projection that makes the potential jump.

    Parameters
    ----------
    *modules, comm, post, label
        As for :class:`AlignPostProj`.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(2)
    >>> project = brainlite.nn.DeltaProj(
    ...     comm=brainlite.nn.EventLinear(3, 2, jnp.full((3, 2), 0.25)), post=neurons
    ... )
    >>> _ = brainlite.nn.init_all_states(project)
    >>> with brainlite.environ.context(dt=1.0):
    ...     project(jnp.array([True, False, True]))
    ...     print(neurons(0.0), neurons.V.value)
    [0. 0.] [0.5 0.5]
    """

    def __init__(self, *modules: Any, comm: Any, post: Any, label: str | None = None) -> None:
        self._set_up(modules, comm, post, label)

    def update(self, *x: Any) -> None:
        """Let spikes arrive."""
        self.arriving.value = self._through(x)

    def take_delta(self) -> Any:
        """Return by how much the potential jumps, once."""
        return _taken(self.arriving)


# Which projection moves a synapse: a step of each would move it twice.
_moved_by: "weakref.WeakKeyDictionary[Module, weakref.ref[BaseProjection]]"
_moved_by = weakref.WeakKeyDictionary()


def _check_alone(synapse: Module) -> None:
    """Raise if there is another projection with this synapse."""
    other = _moved_by.get(synapse)
    if other is None or other() is None:
        return
    raise OptionError(
        "this synapse is that of another projection",
        where="AlignPostProj",
        expected="a synapse for each: a call of either projection moves it by one step of time",
        got=f"the {type(synapse).__name__} of another one",
        fix=f"pass `{type(synapse).__name__}.desc(...)`, which makes one for each, or add up what "
        "arrives before one projection",
    )


def _made(part: Any) -> Any:
    return part if isinstance(part, Module) else part()


def _taken(state: HiddenState[Array]) -> Any:
    """Return what a state holds, and leave nothing in it."""
    value = state.value
    state.value = jax.tree.map(jnp.zeros_like, value)
    return value
