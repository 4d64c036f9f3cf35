"""Neurons: potentials that integrate a current, spike at a threshold, and are set back.

Times are in ms and potentials in mV by convention, conductances relative to the leak; with
quantities of brainunit throughout they have their units. Within a step the reset of the last spike
comes first, then the potential moves, then a spike is taken (see
:mod:`brainlite.nn._dynamics.dynamics`).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypeVar

from brainlite import environ
from brainlite._given import check_option
from brainlite.nn import init
from brainlite.nn._dynamics.dynamics import (
    Input,
    known_numbers,
    one_dispatch,
    value_of,
)
from brainlite.nn._dynamics.integrate import exp_euler_step
from brainlite.nn._dynamics.neuron import Neuron, SpikeFunction
from brainlite.nn._layers.layer import Init
from brainlite.state import HiddenState, ShortTermState
from brainlite.surrogate import ReluGrad
from brainlite.typing import Array, Size

T = TypeVar("T", default=Array)

# A time before all spikes. In float32 the time is known to about 1e-7 of itself, so that a
# refractory time must not be asked for to the last bit.
_LONG_AGO = -1e7
_SLACK = 0.1


class IF(Neuron):
    r"""Integrate and fire: :math:`\tau\, dV/dt = R I`, a spike at ``V_th``, the reset to 0.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    R : number, array or state
        The resistance of the membrane: the potential, in mV, that one unit of the input drives it
        towards.
    tau : number, array or state
        Its time constant, in ms.
    V_th : number, array or state
        The threshold, in mV.
    V_initializer : callable, array or number
        What the potential starts from, in mV.
    spk_fun, spk_reset, name
        As for :class:`Neuron`.

    References
    ----------
    Lapicque, "Recherches quantitatives sur l'excitation electrique des nerfs", Journal de
    Physiologie 9:620, 1907.

    Examples
    --------
    >>> neurons = brainlite.nn.init_all_states(brainlite.nn.IF(2))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(neurons(jnp.array([1.0, 6.0])), neurons.V.value)
    [0. 1.] [0.2 1.2]
    """

    def __init__(
        self,
        in_size: Size,
        R: Any = 1.0,
        tau: Any = 5.0,
        V_th: Any = 1.0,
        V_initializer: Init = init.Constant(0.0),
        spk_fun: SpikeFunction = ReluGrad(),
        spk_reset: str = "soft",
        name: str | None = None,
    ) -> None:
        super().__init__(in_size, spk_fun, spk_reset, name)
        self.R: Any = self._parameter("R", R)
        self.tau: Any = self._parameter("tau", tau)
        self.V_th: Any = self._parameter("V_th", V_th)
        self.V_initializer: Init = V_initializer

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the potential ``V`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("V", HiddenState, self.V_initializer, batch_size)

    def get_spike(self, V: Any = None) -> Array:
        """Return the spikes at a potential, by default that of the last step."""
        potential = self.V.value if V is None else V
        threshold = value_of(self.V_th)
        return self.spk_fun((potential - threshold) / threshold)

    @one_dispatch
    def update(self, x: Input = 0.0) -> Array:
        """Take one step, and return the spikes.

        Parameters
        ----------
        x : array, number, or function of the potential
            The current.

        Returns
        -------
        array, shape ([batch,] *in_size)
            1 where a neuron spikes, 0 elsewhere.
        """
        current, last = self._input(x), self.V.value
        threshold, R, tau = value_of(self.V_th), value_of(self.R), value_of(self.tau)
        before = self._set_back(last, self.get_spike(last), threshold, 0.0 * threshold)
        moved = exp_euler_step(lambda V: R * current(V) / tau, before)
        self.V.value = self._add_deltas(moved)
        return self.get_spike()


class LIF(Neuron):
    r"""Leaky integrate and fire: :math:`\tau\, dV/dt = -(V - V_{rest}) + R I`.

    A spike is taken where the potential reaches ``V_th``; it is set back at the start of the next
    step.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    R : number, array or state
        The resistance of the membrane: the potential, in mV, that one unit of the input drives it
        towards. A :class:`ParamState` is trained, as for the others.
    tau : number, array or state
        The time constant of the membrane, in ms.
    V_th, V_reset, V_rest : number, array or state
        The threshold, the reset, and where the leak leads to, in mV: or each in the same other
        unit, as by default, where the threshold is 1.
    V_initializer : callable, array or number
        What the potential starts from, in mV.
    spk_fun, spk_reset, name
        As for :class:`Neuron`.

    References
    ----------
    Gerstner, Kistler, Naud and Paninski, "Neuronal Dynamics", Cambridge University Press, 2014,
    chapter 1.

    Examples
    --------
    >>> neurons = brainlite.nn.init_all_states(brainlite.nn.LIF(2, tau=10.0))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(neurons(jnp.array([1.0, 20.0])))
    [0. 1.]
    """

    def __init__(
        self,
        in_size: Size,
        R: Any = 1.0,
        tau: Any = 5.0,
        V_th: Any = 1.0,
        V_reset: Any = 0.0,
        V_rest: Any = 0.0,
        V_initializer: Init = init.Constant(0.0),
        spk_fun: SpikeFunction = ReluGrad(),
        spk_reset: str = "soft",
        name: str | None = None,
    ) -> None:
        super().__init__(in_size, spk_fun, spk_reset, name)
        self.R: Any = self._parameter("R", R)
        self.tau: Any = self._parameter("tau", tau)
        self.V_th: Any = self._parameter("V_th", V_th)
        self.V_reset: Any = self._parameter("V_reset", V_reset)
        self.V_rest: Any = self._parameter("V_rest", V_rest)
        self.V_initializer: Init = V_initializer
        if known_numbers(self.V_th) is not None and known_numbers(self.V_reset) is not None:
            # Spikes are those of (V - V_th) / (V_th - V_reset).
            above = np.asarray(value_of(self.V_th) > value_of(self.V_reset))
            check_option(type(self).__name__, "V_th", V_th, bool(above.all()), "above V_reset")

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the potential ``V`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("V", HiddenState, self.V_initializer, batch_size)

    def get_spike(self, V: Any = None) -> Array:
        """Return the spikes at a potential, by default that of the last step."""
        potential = self.V.value if V is None else V
        threshold = value_of(self.V_th)
        return self.spk_fun((potential - threshold) / (threshold - value_of(self.V_reset)))

    @one_dispatch
    def update(self, x: Input = 0.0) -> Array:
        """Take one step, and return the spikes.

        Parameters
        ----------
        x : array, number, or function of the potential
            The current; a function lets a conductance take part in the exponential step:
            ``lambda V: g * (E - V)``.

        Returns
        -------
        array, shape ([batch,] *in_size)
            1 where a neuron spikes, 0 elsewhere.

        Raises
        ------
        InputError
            The input does not fit the potential.
        """
        self.V.value = self._add_deltas(self._move(self._after_reset(), x))
        return self.get_spike()

    def _after_reset(self) -> Any:
        last = self.V.value
        return self._set_back(
            last, self.get_spike(last), value_of(self.V_th), value_of(self.V_reset)
        )

    def _move(self, V: Any, x: Input) -> Any:
        """Return the potential after a step of its equation."""
        current = self._input(x)
        rest, R, tau = value_of(self.V_rest), value_of(self.R), value_of(self.tau)
        return exp_euler_step(lambda V: (-(V - rest) + R * current(V)) / tau, V)


class SpikeTime(ShortTermState[T]):
    """When a neuron spiked last: times are not rounded to the type of the potentials."""

    __slots__ = ()

    __keeps_dtype__ = True


class LIFRef(LIF):
    """Leaky integrate and fire with a refractory time: see :class:`LIF`.

    After a spike the potential is held where it was set back to for ``tau_ref``. The time ``t`` of
    the environment must be set. In float32 it tells steps of 0.1 ms apart for about a quarter of
    an hour of simulated time. A time before that of the last spike is of a run that starts anew:
    the neuron is not refractory. With the soft reset, a potential that is more than twice as far
    from the reset as the threshold is stays above it, and spikes again at once.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    R, tau
        As for :class:`LIF`.
    tau_ref : number, array or state
        The refractory time, in ms.
    V_th, V_reset, V_rest, V_initializer, spk_fun, spk_reset, name
        As for :class:`LIF`.

    Examples
    --------
    >>> neurons = brainlite.nn.init_all_states(brainlite.nn.LIFRef(1, tau_ref=2.0))
    >>> def step(i):
    ...     with brainlite.environ.context(dt=1.0, t=i * 1.0):
    ...         return neurons(7.0)
    >>> brainlite.transform.for_loop(step, jnp.arange(7))[:, 0]
    Array([1., 0., 1., 0., 1., 0., 1.], dtype=float32)
    """

    last_spike_time: SpikeTime[Array]

    def __init__(
        self,
        in_size: Size,
        R: Any = 1.0,
        tau: Any = 5.0,
        tau_ref: Any = 5.0,
        V_th: Any = 1.0,
        V_reset: Any = 0.0,
        V_rest: Any = 0.0,
        V_initializer: Init = init.Constant(0.0),
        spk_fun: SpikeFunction = ReluGrad(),
        spk_reset: str = "soft",
        name: str | None = None,
    ) -> None:
        super().__init__(
            in_size, R, tau, V_th, V_reset, V_rest, V_initializer, spk_fun, spk_reset, name
        )
        self.tau_ref: Any = self._parameter("tau_ref", tau_ref)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``V`` and ``last_spike_time`` anew, of shape ([batch_size,] *in_size)."""
        super().init_state(batch_size, **kwargs)
        long_ago = jax.tree.map(
            lambda _: jnp.asarray(_LONG_AGO, float), _one_of(value_of(self.tau_ref))
        )
        self._set_state("last_spike_time", SpikeTime, long_ago, batch_size)

    @one_dispatch
    def update(self, x: Input = 0.0) -> Array:
        """Take one step, and return the spikes; see :meth:`LIF.update`."""
        t = environ.get("t", desc="the time of the simulation")
        before = self._after_reset()
        last = self.last_spike_time.value
        over = t - last >= value_of(self.tau_ref) - _SLACK * environ.get_dt()
        ready = over | (t < last)  # the time has started anew
        moved = self._add_deltas(self._move(before, x))
        self.V.value = jax.tree.map(lambda m, b: jnp.where(ready, m, b), moved, before)
        spikes = self.get_spike()
        now = jax.tree.map(
            lambda t, past: jnp.where(spikes > 0, t, past).astype(past.dtype), t, last
        )
        self.last_spike_time.value = jax.lax.stop_gradient(now)
        return spikes


def _one_of(parameter: Any) -> Any:
    """Return a parameter as it is for one neuron, to see its unit."""
    return parameter if jnp.ndim(parameter) == 0 else parameter.reshape(-1)[0]


class ALIF(LIF):
    r"""Leaky integrate and fire with a threshold that adapts: see :class:`LIF`.

    The threshold is :math:`V_{th} + \beta a`; a spike adds 1 to a at the start of the next step,
    and :math:`\tau_a\, da/dt = -a`.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    R, tau
        As for :class:`LIF`.
    tau_a : number, array or state
        The time constant of the adaptation, in ms.
    V_th, V_reset, V_rest
        As for :class:`LIF`.
    beta : number, array or state
        How far one spike raises the threshold.
    V_initializer, a_initializer : callable, array or number
        What the potential and the adaptation start from, in mV.
    spk_fun, spk_reset, name
        As for :class:`Neuron`.

    References
    ----------
    Bellec, Salaj, Subramoney, Legenstein and Maass, "Long short-term memory and learning-to-learn
    in networks of spiking neurons", NeurIPS 2018.

    Examples
    --------
    >>> neurons = brainlite.nn.init_all_states(brainlite.nn.ALIF(1, beta=1.0))
    >>> with brainlite.environ.context(dt=1.0):
    ...     spikes = brainlite.transform.for_loop(lambda: neurons(10.0), length=20)
    >>> float(spikes[:10].sum()) > float(spikes[10:].sum())
    True
    """

    a: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        R: Any = 1.0,
        tau: Any = 5.0,
        tau_a: Any = 100.0,
        V_th: Any = 1.0,
        V_reset: Any = 0.0,
        V_rest: Any = 0.0,
        beta: Any = 0.1,
        V_initializer: Init = init.Constant(0.0),
        a_initializer: Init = init.Constant(0.0),
        spk_fun: SpikeFunction = ReluGrad(),
        spk_reset: str = "soft",
        name: str | None = None,
    ) -> None:
        super().__init__(
            in_size, R, tau, V_th, V_reset, V_rest, V_initializer, spk_fun, spk_reset, name
        )
        self.tau_a: Any = self._parameter("tau_a", tau_a)
        self.beta: Any = self._parameter("beta", beta)
        self.a_initializer: Init = a_initializer

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``V`` and ``a`` anew, of shape ([batch_size,] *in_size)."""
        super().init_state(batch_size, **kwargs)
        self._set_state("a", HiddenState, self.a_initializer, batch_size)

    def get_spike(self, V: Any = None, a: Any = None) -> Array:
        """Return the spikes at a potential and an adaptation, by default those of the last step."""
        potential = self.V.value if V is None else V
        adaptation = self.a.value if a is None else a
        above = potential - value_of(self.V_th) - value_of(self.beta) * adaptation
        return self.spk_fun(above / (value_of(self.V_th) - value_of(self.V_reset)))

    @one_dispatch
    def update(self, x: Input = 0.0) -> Array:
        """Take one step, and return the spikes; see :meth:`LIF.update`."""
        a, tau_a = self.a.value + self.get_spike(), value_of(self.tau_a)
        moved = self._move(self._after_reset(), x)
        self.V.value = self._add_deltas(moved)
        self.a.value = exp_euler_step(lambda a: -a / tau_a, a)
        return self.get_spike()


class Izhikevich(Neuron):
    r"""A neuron of two variables: dv/dt = 0.04 v² + 5 v + 140 - u + I, du/dt = a (b v - u).

    A spike is taken where the potential reaches ``V_th``; at the start of the next step it is set
    to ``c``, and ``u`` grows by ``d``. Potentials are in mV and times in ms, without units.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the population.
    a, b, c, d : number, array or state
        The parameters of the equations; the defaults are of regular spiking.
    V_th : number, array or state
        The top of a spike, in mV.
    V_initializer : callable, array or number
        What the potential starts from, in mV.
    u_initializer : callable, array or number, optional
        What ``u`` starts from, by default ``b`` times the potential.
    spk_fun, spk_reset, name
        As for :class:`Neuron`.

    References
    ----------
    Izhikevich, "Simple Model of Spiking Neurons", IEEE Transactions on Neural Networks 14:1569,
    2003.

    Examples
    --------
    >>> neurons = brainlite.nn.init_all_states(brainlite.nn.Izhikevich(1))
    >>> with brainlite.environ.context(dt=0.1):
    ...     spikes = brainlite.transform.for_loop(lambda: neurons(10.0), length=1000)
    >>> 3 <= int(spikes.sum()) <= 8
    True
    """

    u: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        a: Any = 0.02,
        b: Any = 0.2,
        c: Any = -65.0,
        d: Any = 8.0,
        V_th: Any = 30.0,
        V_initializer: Init = init.Constant(-65.0),
        u_initializer: Init | None = None,
        spk_fun: SpikeFunction = ReluGrad(),
        spk_reset: str = "hard",
        name: str | None = None,
    ) -> None:
        super().__init__(in_size, spk_fun, spk_reset, name)
        self.a: Any = self._parameter("a", a)
        self.b: Any = self._parameter("b", b)
        self.c: Any = self._parameter("c", c)
        self.d: Any = self._parameter("d", d)
        self.V_th: Any = self._parameter("V_th", V_th)
        self.V_initializer: Init = V_initializer
        self.u_initializer: Init | None = u_initializer

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``V`` and ``u`` anew, of shape ([batch_size,] *in_size)."""
        del kwargs
        self._set_state("V", HiddenState, self.V_initializer, batch_size)
        u = value_of(self.b) * self.V.value if self.u_initializer is None else self.u_initializer
        self._set_state("u", HiddenState, u, batch_size)

    def get_spike(self, V: Any = None) -> Array:
        """Return the spikes at a potential, by default that of the last step."""
        potential = self.V.value if V is None else V
        threshold = value_of(self.V_th)
        return self.spk_fun((potential - threshold) / (threshold - value_of(self.c)))

    @one_dispatch
    def update(self, x: Input = 0.0) -> Array:
        """Take one step, and return the spikes; see :meth:`LIF.update`."""
        current, last = self._input(x), self.V.value
        a, b = value_of(self.a), value_of(self.b)
        spikes = self.get_spike(last)
        before = self._set_back(last, spikes, value_of(self.V_th), value_of(self.c))
        u = self.u.value + value_of(self.d) * spikes

        def drift(V: Any) -> Any:
            return 0.04 * V * V + 5 * V + 140 - u + current(V)

        moved = exp_euler_step(drift, before)
        self.u.value = exp_euler_step(lambda u: a * (b * before - u), u)
        self.V.value = self._add_deltas(moved)
        return self.get_spike()
