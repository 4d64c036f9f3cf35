"""What networks of spiking neurons cost beside the same equations written by hand in JAX.

Two networks: one of conductances, 4,000 neurons of Vogels and Abbott (2005) for 1,000 steps, where
delivering the spikes is most of the work; and one that is trained by surrogate gradients, a
step of training. Then an eager step of neurons beside one compiled function of its arrays.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import brainlite
from benchmarks._measure import Named, Row, compare, repeated
from benchmarks._report import main
from brainlite import environ, nn, random, surrogate
from brainlite.transform import for_loop, grad, jit

Call = Callable[[], Any]
DT = 0.1
EXC, INH = 3200, 800
SIZE = EXC + INH
STEPS = 1000
GOAL = 1.05


class Coba(nn.Module):
    """The network of conductances."""

    def __init__(self) -> None:
        mean = nn.init.Normal(-65.0, 5.0)
        self.neurons = nn.LIFRef(SIZE, 1.0, 20.0, 5.0, -50.0, -60.0, -60.0, mean, spk_reset="hard")
        self.from_exc = nn.EventFixedNumConn(EXC, SIZE, 0.02, 0.6)
        self.from_inh = nn.EventFixedNumConn(INH, SIZE, 0.02, 6.7)
        self.exc = nn.Expon(SIZE, tau=5.0, g_initializer=nn.init.Uniform(2.5, 5.5))
        self.inh = nn.Expon(SIZE, tau=10.0, g_initializer=nn.init.Uniform(8.0, 32.0))

    def update(self, current: float) -> Any:
        """Take one step."""
        spikes = self.neurons.get_spike()
        ge = self.exc(self.from_exc(spikes[:EXC]))
        gi = self.inh(self.from_inh(spikes[EXC:]))
        return self.neurons(lambda V: ge * (0.0 - V) + gi * (-80.0 - V) + current)


def coba_here() -> Call:
    """Return a call of the compiled simulation."""
    random.seed(0)
    network = nn.init_all_states(Coba())

    def step(i: Any) -> Any:
        with environ.context(t=i * DT, i=i):
            spikes = network(20.0)
            return spikes[:EXC].sum(), spikes[EXC:].sum()

    run = jit(lambda steps: for_loop(step, steps))
    steps = jnp.arange(STEPS)
    return lambda: run(steps)


def deliver(events: Any, index: Any, weight: float, most: int) -> Any:
    """Add up what arrives at each neuron: of a few spikes only their targets are looked at."""
    pre = index.shape[0]

    def few(events: Any) -> Any:
        rows = jnp.nonzero(events, size=most, fill_value=pre)[0]
        values = events.at[rows].get(mode="fill", fill_value=0)[:, None] * weight
        targets = index.at[rows].get(mode="fill", fill_value=SIZE)
        values = jnp.broadcast_to(values, targets.shape)
        return jnp.zeros(SIZE).at[targets].add(values, mode="drop")

    def every(events: Any) -> Any:
        return (
            jnp.zeros(SIZE).at[index].add(jnp.broadcast_to(events[:, None] * weight, index.shape))
        )

    return jax.lax.cond((events != 0).sum() <= most, few, every, events)


def coba_by_hand() -> Call:
    """Return a call of the same equations as a ``lax.scan``, with the conductance in the leak."""
    random.seed(0)
    network = nn.init_all_states(Coba())
    exc, inh = network.from_exc.index.value, network.from_inh.index.value
    carry = (network.neurons.V.value, jnp.full(SIZE, -1e7), network.exc.g.value)
    carry = (*carry, network.inh.g.value)

    def step(carry: Any, i: Any) -> Any:
        V, last, ge, gi = carry
        t = i * DT
        spikes = (V >= -50.0).astype(jnp.float32)
        ge = ge * jnp.exp(-DT / 5.0) + deliver(spikes[:EXC], exc, 0.6, 64)
        gi = gi * jnp.exp(-DT / 10.0) + deliver(spikes[EXC:], inh, 6.7, 64)
        before = V - (V + 60.0) * spikes
        slope = -(1.0 + ge + gi) / 20.0
        drift = (-(before + 60.0) + ge * -before + gi * (-80.0 - before) + 20.0) / 20.0
        moved = before + jnp.expm1(DT * slope) / slope * drift
        V = jnp.where(t - last >= 5.0 - 0.1 * DT, moved, before)
        now = V >= -50.0
        return (V, jnp.where(now, t, last), ge, gi), (now[:EXC].sum(), now[EXC:].sum())

    @jax.jit
    def run(carry: Any, steps: Any) -> Any:
        return jax.lax.scan(step, carry, steps)

    steps = jnp.arange(STEPS)

    def call() -> Any:
        nonlocal carry
        carry, counts = run(carry, steps)
        return counts

    return call


INPUTS, HIDDEN, CLASSES, TIME, BATCH = 50, 100, 5, 100, 128


class Trained(nn.Module):
    """A recurrent network that is trained."""

    def __init__(self) -> None:
        self.encode = nn.Linear(INPUTS, HIDDEN, b_init=None)
        self.recur = nn.Linear(HIDDEN, HIDDEN, b_init=None)
        self.synapse = nn.Expon(HIDDEN, tau=5.0)
        self.neurons = nn.LIF(HIDDEN, tau=20.0, spk_fun=surrogate.ReluGrad())
        self.readout = nn.LeakyRateReadout(HIDDEN, CLASSES, tau=10.0)

    def update(self, x: Any) -> Any:
        """Take one step."""
        current = self.synapse(self.encode(x) + self.recur(self.neurons.get_spike()))
        return self.readout(self.neurons(current))


def make_sequences() -> Any:
    """Return spikes of shape (time, batch, inputs)."""
    drawn = jax.random.uniform(jax.random.key(0), (TIME, BATCH, INPUTS))
    return (drawn < 0.05).astype(jnp.float32)


def gradient_here() -> Call:
    """Return a call of the compiled gradient."""
    random.seed(0)
    net, xs = Trained(), make_sequences()

    def loss(xs: Any) -> Any:
        nn.init_all_states(net, batch_size=BATCH)
        with environ.context(dt=1.0):
            return (for_loop(net, xs).max(0) ** 2).mean()

    run = jit(lambda xs: grad(lambda: loss(xs), net.states(brainlite.ParamState))())
    return lambda: run(xs)


def gradient_by_hand() -> Call:
    """Return a call of the same gradient of a ``lax.scan``."""
    random.seed(0)
    net, xs = Trained(), make_sequences()
    weights = (net.encode.weight.value["weight"], net.recur.weight.value["weight"])
    weights = (*weights, net.readout.weight.value)
    spike = surrogate.ReluGrad()

    def loss(weights: Any, xs: Any) -> Any:
        encode, recur, readout = weights

        def step(carry: Any, x: Any) -> Any:
            g, V, r = carry
            z = spike(V - 1.0)
            g = g * jnp.exp(-1 / 5.0) + x @ encode + z @ recur
            V = V - z
            V = g + (V - g) * jnp.exp(-1 / 20.0)
            r = r * jnp.exp(-1 / 10.0) + spike(V - 1.0) @ readout
            return (g, V, r), r

        nothing = jnp.zeros((BATCH, HIDDEN))
        _, out = jax.lax.scan(step, (nothing, nothing, jnp.zeros((BATCH, CLASSES))), xs)
        return (out.max(0) ** 2).mean()

    run = jax.jit(jax.grad(loss))
    return lambda: run(weights, xs)


def eager_here() -> Call:
    """Return a call of one eager step."""
    neurons = nn.init_all_states(nn.LIF(HIDDEN), batch_size=32)
    x = jnp.ones((32, HIDDEN))
    return lambda: neurons(x)


def eager_by_hand() -> Call:
    """Return a call of one compiled function of the arrays."""
    spike, x = surrogate.ReluGrad(), jnp.ones((32, HIDDEN))
    V = jnp.zeros((32, HIDDEN))

    @jax.jit
    def step(V: Any, x: Any) -> Any:
        V = V - spike(V - 1.0)
        V = x + (V - x) * jnp.exp(-DT / 5.0)
        return V, spike(V - 1.0)

    def call() -> Any:
        nonlocal V
        V, spikes = step(V, x)
        return spikes

    return call


def measure() -> list[Row]:
    """Return a row for each network, and for an eager step."""
    environ.set(dt=DT)
    cases: list[tuple[str, str, Callable[[], Call], Callable[[], Call], int]] = [
        ("simulation", f"COBA, {SIZE:,} neurons, {STEPS:,} steps", coba_here, coba_by_hand, 1),
        (
            "surrogate gradient",
            f"LIF, {INPUTS}-{HIDDEN}-{CLASSES}, {TIME} steps of {BATCH}",
            gradient_here,
            gradient_by_hand,
            1,
        ),
        ("eager step", f"LIF, 32 x {HIDDEN}", eager_here, eager_by_hand, 100),
    ]
    return [
        compare(
            question,
            case,
            Named("brainlite", repeated(here(), times)),
            Named("plain JAX", repeated(by_hand(), times)),
            seconds=10.0,
            goal_ratio=None if question == "eager step" else GOAL,
        )
        for question, case, here, by_hand, times in cases
    ]


if __name__ == "__main__":
    main(measure)
