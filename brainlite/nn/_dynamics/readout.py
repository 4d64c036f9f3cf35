"""Between numbers and spikes: a leaky readout, and an encoder of rates."""

from typing import Any

import jax.numpy as jnp

from brainlite import environ, random
from brainlite._given import is_quantity, to_size
from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError
from brainlite.nn import init
from brainlite.nn._dynamics.dynamics import (
    Dynamics,
    check_shape,
    check_time,
    one_dispatch,
    value_of,
)
from brainlite.nn._dynamics.integrate import exp_euler_step
from brainlite.nn._layers.layer import Init, check_features
from brainlite.nn._modules.module import Module
from brainlite.state import HiddenState, ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, DTypeLike, Size


class LeakyRateReadout(Dynamics):
    r"""Outputs that leak and add up spikes: :math:`\tau\, dr/dt = -r`, then r grows by x W.

    Parameters
    ----------
    in_size, out_size : int or sequence of int
        The sizes of the spikes and of the output; the last axis is mapped.
    tau : number, array or state
        The time constant, in ms.
    w_init : callable or array
        The weight, or what makes it from its shape (in, out).
    name : str, optional
        A name of its own.

    Attributes
    ----------
    weight : ParamState
        Of shape (in, out).
    r : HiddenState
        The output.

    Raises
    ------
    SizeError
        A size is negative or not whole.
    InputError
        At the call: the last axis of the input is not in_size[-1].
    OptionError
        The time constant is not above 0, or ``w_init`` is nothing that makes an array.

    References
    ----------
    Bellec et al., "A solution to the learning dilemma for recurrent networks of spiking neurons",
    Nature Communications 11:3625, 2020: the readout.

    Examples
    --------
    >>> readout = brainlite.nn.LeakyRateReadout(100, 10)
    >>> _ = brainlite.nn.init_all_states(readout, batch_size=32)
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(readout(jnp.ones((32, 100))).shape)
    (32, 10)
    """

    r: HiddenState[Array]

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        tau: Any = 5.0,
        w_init: Init = init.KaimingNormal(),
        name: str | None = None,
    ) -> None:
        super().__init__(in_size, name)
        self.out_size = to_size(out_size, "out_size", "LeakyRateReadout")
        self.tau: Any = float(tau) if isinstance(tau, int) else tau
        check_time("LeakyRateReadout", "tau", self.tau)
        shape = (self.in_size[-1], self.out_size[-1])
        self.weight: ParamState[Array] = ParamState(init.param(w_init, shape))

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make ``r`` anew, of shape ([batch_size,] *out_size)."""
        del kwargs
        size = self.in_size[:-1] + self.out_size[-1:]
        value = init.param(init.ZeroInit(), size, batch_size)
        self.r = HiddenState(value)

    @one_dispatch
    def update(self, x: Array) -> Array:
        """Take one step, and return the output.

        Parameters
        ----------
        x : array, shape ([batch,] in)
            Spikes.

        Returns
        -------
        array, shape ([batch,] out)
        """
        check_features(self, x, self.in_size[-1])
        tau, weight = value_of(self.tau), self.weight.value
        spikes = jnp.asarray(x)
        added = spikes.astype(jnp.promote_types(spikes.dtype, weight.dtype)) @ weight
        check_shape(self, added, self.r.value)
        r: Array = exp_euler_step(lambda r: -r / tau, self.r.value) + added
        self.r.value = r
        return r


class PoissonEncoder(Module):
    """Spikes at random, at given rates.

    In each step a neuron spikes with probability ``rate * dt``, at most once.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the rates, without a batch.
    spk_type : dtype
        The type of the spikes.

    Raises
    ------
    InputError
        The rates do not have this shape.
    OptionError
        A rate is negative or NaN, or more than one spike a step. (Rates that are traced pass
        unseen.)
    SizeError
        The size is negative or not whole.

    References
    ----------
    Dayan and Abbott, "Theoretical Neuroscience", MIT Press, 2001, section 1.4.

    Examples
    --------
    >>> encoder = brainlite.nn.PoissonEncoder(1000)
    >>> with brainlite.environ.context(dt=1.0):
    ...     spikes = encoder(jnp.full(1000, 100.0))
    >>> spikes.dtype, 50 < int(spikes.sum()) < 150
    (dtype('bool'), True)
    """

    def __init__(self, in_size: Size, spk_type: DTypeLike = bool) -> None:
        self.in_size = to_size(in_size, "in_size", "PoissonEncoder")
        self.out_size = self.in_size
        self.spk_type: DTypeLike = spk_type

    def update(self, rates: Any) -> Array:
        """Draw the spikes of one step.

        Parameters
        ----------
        rates : array, shape ([batch,] *in_size)
            In Hz, for ``dt`` in ms; or a quantity, for a quantity.

        Returns
        -------
        array of ``spk_type``, of the shape of the rates
        """
        dt = environ.get_dt()
        chance = (
            rates * dt if is_quantity(rates) or is_quantity(dt) else jnp.asarray(rates) * dt / 1000
        )
        if is_quantity(chance):
            raise refused(
                self,
                "a rate times dt has a unit",
                expected="rates in Hz and dt in ms, both as quantities or both as numbers",
                got=f"{chance.unit}",
                fix="give both a unit, or none",
            )
        chance = jnp.asarray(chance)
        size = len(self.in_size)
        if chance.shape[chance.ndim - size :] != self.in_size or chance.ndim < size:
            raise refused(
                self,
                "the rates do not fit the encoder",
                expected=f"shape (..., {', '.join(map(str, self.in_size))})",
                got=f"shape {chance.shape}",
                fix="pass one rate for each neuron: `jnp.full(size, rate)`",
            )
        _check_chance(chance)
        return (random.rand(*chance.shape) < chance).astype(self.spk_type)


def _check_chance(chance: Array) -> None:
    """Raise for what is no probability, where it can be seen."""
    if isinstance(chance, Tracer) or not chance.size:
        return
    least, most = float(chance.min()), float(chance.max())
    if least >= 0 and most <= 1:
        return
    raise OptionError(
        "a neuron cannot spike at this rate",
        where="PoissonEncoder",
        expected="rates of 0 or more, at most one spike for each step: rate * dt / 1000 <= 1",
        got=f"rates times dt from {least:.6g} to {most:.6g}",
        fix="check where the rates are computed (in Hz, with dt in ms), or take smaller steps",
    )
