"""Synapses: what spikes become on the way to a neuron.

Within a step the variables decay first, and then the spikes of the step are added.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite.errors import OptionError
from brainlite.nn import init
from brainlite.nn._dynamics.dynamics import Dynamics, check_shape, one_dispatch, value_of
from brainlite.nn._dynamics.integrate import exp_euler_step
from brainlite.nn._layers.layer import Init
from brainlite.state import HiddenState
from brainlite.typing import Array, ArrayLike, Size


class Synapse(Dynamics):
    """The base of synapses: dynamics whose input is spikes, or None for none.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    name : str, optional
        A name of its own.

    Raises
    ------
    SizeError
        The size is negative or not whole.

    Examples
    --------
    >>> isinstance(brainlite.nn.Expon(3), brainlite.nn.Synapse)
    True
    """

    def _decayed(self, x: Any, tau: Any) -> Any:
        return exp_euler_step(lambda x: -x / tau, x)


class Expon(Synapse):
    r"""An exponential synapse: :math:`\tau\, dg/dt = -g`, and each spike adds to g.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    name : str, optional
        A name of its own.
    tau : number, array or state
        The time constant of the decay, in ms.
    g_initializer : callable, array or number
        What g starts from.

    Raises
    ------
    SizeError
        A parameter does not broadcast to the size.
    OptionError
        A time constant is not above 0.
    InputError
        At the call: what is added does not broadcast to the variables.
    EnvironmentKeyError
        At the call: the time step ``dt`` is not set.

    References
    ----------
    Roth and van Rossum, "Modeling Synapses", in De Schutter (editor), "Computational Modeling
    Methods for Neuroscientists", MIT Press, 2009.

    Examples
    --------
    >>> synapse = brainlite.nn.init_all_states(brainlite.nn.Expon(1, tau=10.0))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(synapse(1.0), synapse())
    [1.] [0.9048374]
    """

    g: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        name: str | None = None,
        tau: Any = 8.0,
        g_initializer: Init = init.Constant(0.0),
    ) -> None:
        super().__init__(in_size, name)
        self.tau: Any = self._parameter("tau", tau)
        self.g_initializer: Init = g_initializer

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``g`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("g", HiddenState, self.g_initializer, batch_size)

    @one_dispatch
    def update(self, x: ArrayLike | None = None) -> Array:
        """Take one step, and return g.

        Parameters
        ----------
        x : array or number, optional
            What is added: spikes times weights.
        """
        g = self._decayed(self.g.value, value_of(self.tau))
        g = g if x is None else _added(self, g, x)
        self.g.value = g
        return self.g.value


def _added(synapse: Dynamics, g: Any, x: Any) -> Any:
    check_shape(synapse, x, g)
    return g + x


class DualExpon(Synapse):
    r"""A synapse that rises and decays: the difference of two exponentials.

    A spike becomes :math:`A (e^{-t / \tau_{decay}} - e^{-t / \tau_{rise}})`, at its peak 1 times
    ``amplitude``, or with A = amplitude where it is not normalised.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    name : str, optional
        A name of its own.
    tau_decay, tau_rise : number, array or state
        The time constants, in ms; it decays more slowly than it rises.
    amplitude : number, array or state
        The peak, or the factor A.
    normalize : bool
        Which of these.
    g_initializer : callable, array or number
        What both exponentials start from.

    Raises
    ------
    OptionError
        The decay is not slower than the rise (:class:`Alpha` has equal ones).
    SizeError, InputError
        As for :class:`Expon`.

    References
    ----------
    Roth and van Rossum, as for :class:`Expon`.

    Examples
    --------
    >>> synapse = brainlite.nn.init_all_states(brainlite.nn.DualExpon(1))
    >>> with brainlite.environ.context(dt=0.1):
    ...     _ = synapse(1.0)
    ...     g = brainlite.transform.for_loop(lambda: synapse(), length=100)
    >>> round(float(g.max()), 2)
    1.0
    """

    g_rise: HiddenState[Array]
    g_decay: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        name: str | None = None,
        tau_decay: Any = 10.0,
        tau_rise: Any = 1.0,
        amplitude: Any = 1.0,
        normalize: bool = True,
        g_initializer: Init = init.Constant(0.0),
    ) -> None:
        super().__init__(in_size, name)
        self.tau_decay: Any = self._parameter("tau_decay", tau_decay)
        self.tau_rise: Any = self._parameter("tau_rise", tau_rise)
        self.amplitude: Any = self._parameter("amplitude", amplitude)
        self.normalize: bool = normalize
        self.g_initializer: Init = g_initializer
        slower = value_of(self.tau_decay) > value_of(self.tau_rise)
        if not np.all(np.asarray(slower)):
            raise OptionError(
                "a DualExpon must decay more slowly than it rises",
                where="DualExpon",
                expected="tau_decay > tau_rise",
                got=f"tau_decay={tau_decay}, tau_rise={tau_rise}",
                fix="swap them, or use Alpha where they are equal",
            )

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``g_rise`` and ``g_decay`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("g_rise", HiddenState, self.g_initializer, batch_size)
        self._set_state("g_decay", HiddenState, self.g_initializer, batch_size)

    @one_dispatch
    def update(self, x: ArrayLike | None = None) -> Array:
        """Take one step, and return the conductance; see :meth:`Expon.update`."""
        decay, rise = value_of(self.tau_decay), value_of(self.tau_rise)
        slow, fast = (
            self._decayed(self.g_decay.value, decay),
            self._decayed(self.g_rise.value, rise),
        )
        if x is not None:
            slow, fast = _added(self, slow, x), _added(self, fast, x)
        self.g_decay.value, self.g_rise.value = slow, fast
        factor = value_of(self.amplitude)
        if self.normalize:
            peak = jnp.log(decay / rise) / (decay - rise)  # over the product of the time constants
            factor = factor / (jnp.exp(-peak * rise) - jnp.exp(-peak * decay))
        g: Array = factor * (slow - fast)
        return g


class Alpha(Synapse):
    r"""An alpha synapse: :math:`\tau\, dg/dt = -g + h`, :math:`\tau\, dh/dt = -h`; spikes add to h.

    A spike becomes :math:`t / \tau\; e^{-t / \tau}`. The step is exact.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    name : str, optional
        A name of its own.
    tau : number, array or state
        The time constant, in ms, after which g is largest.
    g_initializer : callable, array or number
        What g and h start from.

    Raises
    ------
    SizeError, OptionError, InputError
        As for :class:`Expon`.

    References
    ----------
    Roth and van Rossum, as for :class:`Expon`; for the step, Rotter and Diesmann, "Exact digital
    simulation of time-invariant linear systems with applications to neuronal modeling", Biological
    Cybernetics 81:381, 1999.

    Examples
    --------
    >>> synapse = brainlite.nn.init_all_states(brainlite.nn.Alpha(1, tau=2.0))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(synapse(1.0), synapse(), synapse())
    [0.] [0.30326533] [0.36787945]
    """

    g: HiddenState[Array]
    h: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        name: str | None = None,
        tau: Any = 8.0,
        g_initializer: Init = init.Constant(0.0),
    ) -> None:
        super().__init__(in_size, name)
        self.tau: Any = self._parameter("tau", tau)
        self.g_initializer: Init = g_initializer

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``g`` and ``h`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("g", HiddenState, self.g_initializer, batch_size)
        self._set_state("h", HiddenState, self.g_initializer, batch_size)

    @one_dispatch
    def update(self, x: ArrayLike | None = None) -> Array:
        """Take one step, and return g; see :meth:`Expon.update`."""
        tau = value_of(self.tau)
        g = self._decayed(self.g.value + environ.get_dt() / tau * self.h.value, tau)
        h = self._decayed(self.h.value, tau)
        self.h.value = h if x is None else _added(self, h, x)
        self.g.value = g
        return self.g.value


class STP(Synapse):
    r"""Short-term plasticity: spikes use up resources x, and make more of them available.

    Between spikes :math:`du/dt = -u / \tau_f`, :math:`dx/dt = (1 - x) / \tau_d`. A spike first
    raises u by :math:`U (1 - u)`, then releases :math:`u x`, which is the output, and takes it off
    x. At rest u is 0 and x is 1, so that the first spike releases U.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the presynaptic population.
    name : str, optional
        A name of its own.
    U : number, array or state
        The part of the resources that the first spike uses.
    tau_f, tau_d : number, array or state
        The time constants of facilitation and of depression, in ms.

    Raises
    ------
    SizeError
        A parameter does not broadcast to the size.
    OptionError
        A time constant is not above 0.
    InputError
        At the call: the spikes do not broadcast to the variables.
    EnvironmentKeyError
        At the call: the time step ``dt`` is not set.

    References
    ----------
    .. [1] Tsodyks and Markram, "The neural code between neocortical pyramidal neurons depends on
       neurotransmitter release probability", PNAS 94:719, 1997.
    .. [2] Tsodyks, Pawelzik and Markram, "Neural Networks with Dynamic Synapses", Neural
       Computation 10:821, 1998.

    Examples
    --------
    >>> plastic = brainlite.nn.init_all_states(brainlite.nn.STP(1, U=0.2))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(plastic(jnp.ones(1)), plastic(jnp.zeros(1)))
    [0.2] [0.]
    """

    u: HiddenState[Array]
    x: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        name: str | None = None,
        U: Any = 0.15,
        tau_f: Any = 1500.0,
        tau_d: Any = 200.0,
    ) -> None:
        super().__init__(in_size, name)
        self.U: Any = self._parameter("U", U)
        self.tau_f: Any = self._parameter("tau_f", tau_f)
        self.tau_d: Any = self._parameter("tau_d", tau_d)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``u`` and ``x`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("u", HiddenState, init.Constant(0.0), batch_size)
        self._set_state("x", HiddenState, init.Constant(1.0), batch_size)

    @one_dispatch
    def update(self, pre_spike: ArrayLike) -> Array:
        """Take one step, and return what the spikes release.

        Parameters
        ----------
        pre_spike : array, shape ([batch,] *in_size)
            1 or True for a spike.
        """
        spikes: Any = jnp.asarray(pre_spike)
        check_shape(self, spikes, self.u.value)
        tau_d = value_of(self.tau_d)
        u = self._decayed(self.u.value, value_of(self.tau_f))
        x = exp_euler_step(lambda x: (1 - x) / tau_d, self.x.value)
        u = u + spikes * value_of(self.U) * (1 - u)
        released: Array = spikes * u * x
        self.u.value, self.x.value = u, x - released
        return released


class STD(Synapse):
    r"""Short-term depression: spikes use up resources, :math:`dx/dt = (1 - x) / \tau`.

    A spike releases :math:`U x`, which is the output, and takes it off x.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the presynaptic population.
    name : str, optional
        A name of its own.
    tau : number, array or state
        The time constant of the recovery, in ms.
    U : number, array or state
        The part of the resources that a spike uses.

    Raises
    ------
    SizeError, OptionError, InputError
        As for :class:`STP`.

    References
    ----------
    Tsodyks and Markram 1997, as for :class:`STP`.

    Examples
    --------
    >>> plastic = brainlite.nn.init_all_states(brainlite.nn.STD(1, U=0.5))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(plastic(jnp.ones(1)), plastic(jnp.ones(1)))
    [0.5] [0.25124687]
    """

    x: HiddenState[Array]

    def __init__(
        self, in_size: Size, name: str | None = None, tau: Any = 200.0, U: Any = 0.07
    ) -> None:
        super().__init__(in_size, name)
        self.tau: Any = self._parameter("tau", tau)
        self.U: Any = self._parameter("U", U)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``x`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("x", HiddenState, init.Constant(1.0), batch_size)

    @one_dispatch
    def update(self, pre_spike: ArrayLike) -> Array:
        """Take one step, and return what the spikes release; see :meth:`STP.update`."""
        spikes: Any = jnp.asarray(pre_spike)
        check_shape(self, spikes, self.x.value)
        tau = value_of(self.tau)
        x = exp_euler_step(lambda x: (1 - x) / tau, self.x.value)
        released: Array = spikes * value_of(self.U) * x
        self.x.value = x - released
        return released
