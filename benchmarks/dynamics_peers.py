"""What networks of spiking neurons cost beside brainpy.state and snntorch.

The network of conductances of Vogels and Abbott (2005) with 4,000 and 40,000 neurons, beside the
same one in brainpy.state, whose spikes are delivered by compiled kernels of numba. A step of
training of a recurrent network, beside snntorch, on one thread and on two: those of torch wait by
spinning, which takes many times as long where other programs want the cores. And the forward pass,
eager, beside brainpy.state, whose loop is traced at each call.
"""

import warnings
from collections.abc import Callable
from typing import Any

import brainpy.state
import brainstate
import braintools
import brainunit as u
import jax
import jax.numpy as jnp
import snntorch
import torch

from benchmarks._measure import Named, Row, compare, repeated
from benchmarks._report import main
from benchmarks.dynamics import BATCH, CLASSES, DT, HIDDEN, INPUTS, TIME, Trained, make_sequences
from brainlite import environ, nn, optim, random
from brainlite.transform import for_loop, jit

Call = Callable[[], Any]
TARGETS = 80  # of each neuron
GOALS = {4_000: 0.8, 40_000: 1.0}
GOAL_TRAINING, GOAL_EAGER = 0.8, 1.0


class Coba(nn.Module):
    """The network of conductances, four fifths of it excitatory."""

    def __init__(self, size: int) -> None:
        mean = nn.init.Normal(-65.0, 5.0)
        self.excitatory = size * 4 // 5
        inhibitory = size - self.excitatory
        self.neurons = nn.LIFRef(size, 1.0, 20.0, 5.0, -50.0, -60.0, -60.0, mean, spk_reset="hard")
        self.from_exc = nn.EventFixedNumConn(self.excitatory, size, TARGETS, 0.6)
        self.from_inh = nn.EventFixedNumConn(inhibitory, size, TARGETS, 6.7)
        self.exc = nn.Expon(size, tau=5.0, g_initializer=nn.init.Uniform(2.5, 5.5))
        self.inh = nn.Expon(size, tau=10.0, g_initializer=nn.init.Uniform(8.0, 32.0))

    def update(self, current: float) -> Any:
        """Take one step."""
        spikes = self.neurons.get_spike()
        ge = self.exc(self.from_exc(spikes[: self.excitatory]))
        gi = self.inh(self.from_inh(spikes[self.excitatory :]))
        return self.neurons(lambda V: ge * (0.0 - V) + gi * (-80.0 - V) + current)


def coba(size: int, steps: int) -> Call:
    """Return a call of the compiled simulation."""
    random.seed(0)
    network = nn.init_all_states(Coba(size))

    def step(i: Any) -> Any:
        with environ.context(t=i * DT, i=i):
            return network(20.0).sum()

    run = jit(lambda numbers: for_loop(step, numbers))
    numbers = jnp.arange(steps)
    return lambda: run(numbers)


class BrainpyCoba(brainstate.nn.Module):
    """The same in brainpy.state, wired by its projections."""

    def __init__(self, size: int) -> None:
        super().__init__()
        bp, drawn = brainpy.state, braintools.init
        self.excitatory = size * 4 // 5
        inhibitory = size - self.excitatory
        self.neurons = bp.LIFRef(
            size,
            tau=20.0 * u.ms,
            tau_ref=5.0 * u.ms,
            V_th=-50.0 * u.mV,
            V_reset=-60.0 * u.mV,
            V_rest=-60.0 * u.mV,
            V_initializer=drawn.Normal(-65.0 * u.mV, 5.0 * u.mV),
            spk_reset="hard",
        )
        sides = (
            (self.excitatory, 0.6, 5.0, drawn.Uniform(2.5 * u.mS, 5.5 * u.mS), 0.0),
            (inhibitory, 6.7, 10.0, drawn.Uniform(8.0 * u.mS, 32.0 * u.mS), -80.0),
        )
        self.exc, self.inh = (
            bp.AlignPostProj(
                comm=brainstate.nn.EventFixedNumConn(count, size, TARGETS, weight * u.mS),
                syn=bp.Expon.desc(size, tau=tau * u.ms, g_initializer=start),
                out=bp.COBA.desc(E=reversal * u.mV),
                post=self.neurons,
            )
            for count, weight, tau, start, reversal in sides
        )

    def update(self, current: Any) -> Any:
        """Take one step."""
        spikes = self.neurons.get_spike() != 0.0
        self.exc(spikes[: self.excitatory])
        self.inh(spikes[self.excitatory :])
        return self.neurons(current)


def coba_of_brainpy(size: int, steps: int) -> Call:
    """Return a call of the compiled simulation."""
    brainstate.random.seed(0)
    network = BrainpyCoba(size)
    brainstate.nn.init_all_states(network)

    def step(i: Any) -> Any:
        with brainstate.environ.context(t=i * DT * u.ms, i=i):
            return network.update(20.0 * u.mA).sum()

    run = brainstate.transform.jit(lambda numbers: brainstate.transform.for_loop(step, numbers))
    numbers = jnp.arange(steps)
    return lambda: run(numbers)


def training() -> Call:
    """Return a call of a compiled step of training."""
    random.seed(0)
    net, xs = Trained(), make_sequences()
    labels = jnp.arange(BATCH) % CLASSES
    optimizer = optim.Adam(lr=1e-3)
    optimizer.register_trainable_weights(net)

    def loss() -> Any:
        nn.init_all_states(net, batch_size=BATCH)
        with environ.context(dt=1.0):
            return nn.functional.cross_entropy(for_loop(net, xs).max(0), labels)

    step = jit(lambda: optimizer.minimize(loss))
    return lambda: step().block_until_ready()


class SnntorchNet(torch.nn.Module):
    """The same in snntorch: currents and potentials that decay, and a readout that does."""

    def __init__(self) -> None:
        super().__init__()
        slope = snntorch.surrogate.fast_sigmoid()
        decays = torch.exp(-1 / torch.tensor([5.0, 20.0, 10.0]))
        self.encode = torch.nn.Linear(INPUTS, HIDDEN, bias=False)
        self.recur = torch.nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.neurons = snntorch.Synaptic(alpha=decays[0], beta=decays[1], spike_grad=slope)
        self.readout = torch.nn.Linear(HIDDEN, CLASSES, bias=False)
        self.out = snntorch.Leaky(beta=decays[2], reset_mechanism="none", spike_grad=slope)

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        """Read sequences; return the readout at each step."""
        current, potential = self.neurons.reset_mem()
        kept, spikes = self.out.reset_mem(), torch.zeros(xs.shape[1], HIDDEN)
        steps = []
        for x in xs:
            arriving = self.encode(x) + self.recur(spikes)
            spikes, current, potential = self.neurons(arriving, current, potential)
            _, kept = self.out(self.readout(spikes), kept)
            steps.append(kept)
        return torch.stack(steps)


def training_of_snntorch(threads: int) -> Call:
    """Return a call of a step of training on so many threads."""
    net = SnntorchNet()
    xs = torch.tensor(jax.device_get(make_sequences()))
    labels = torch.arange(BATCH) % CLASSES
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def call() -> Any:
        torch.set_num_threads(threads)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(xs).max(0).values, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return call


def forward() -> Call:
    """Return an eager call of the network on sequences."""
    random.seed(0)
    net, xs = Trained(), make_sequences()

    def call() -> Any:
        nn.init_all_states(net, batch_size=BATCH)
        return for_loop(net, xs)

    return call


class BrainpyNet(brainstate.nn.Module):
    """The same network in brainpy.state."""

    def __init__(self) -> None:
        super().__init__()
        bp, drawn = brainpy.state, braintools.init
        weights = drawn.KaimingNormal(unit=u.mA)
        self.encode = brainstate.nn.Linear(INPUTS, HIDDEN, w_init=weights, b_init=None)
        self.recur = brainstate.nn.Linear(HIDDEN, HIDDEN, w_init=weights, b_init=None)
        self.synapse = bp.Expon(HIDDEN, tau=5.0 * u.ms, g_initializer=drawn.Constant(0.0 * u.mA))
        self.neurons = bp.LIF(HIDDEN, tau=20.0 * u.ms)
        self.readout = bp.LeakyRateReadout(HIDDEN, CLASSES, tau=10.0 * u.ms)

    def update(self, x: Any) -> Any:
        """Take one step."""
        arriving = self.encode(x) + self.recur(self.neurons.get_spike())
        return self.readout(self.neurons(self.synapse(arriving)))


def forward_of_brainpy() -> Call:
    """Return an eager call of the network on sequences."""
    net, xs = BrainpyNet(), make_sequences()

    def call() -> Any:
        brainstate.nn.init_all_states(net, batch_size=BATCH)
        return brainstate.transform.for_loop(net.update, xs)

    return call


def measure() -> list[Row]:
    """Return a row for each size, for the step of training, and for the eager pass."""
    warnings.filterwarnings("ignore")
    environ.set(dt=DT)
    brainstate.environ.set(dt=DT * u.ms)
    rows = [
        compare(
            "simulation",
            f"COBA, {size:,} neurons, {steps:,} steps",
            Named("brainlite", repeated(coba(size, steps))),
            Named("brainpy.state", repeated(coba_of_brainpy(size, steps))),
            seconds=10.0,
            goal_ratio=GOALS[size],
        )
        for size, steps in ((4_000, 1_000), (40_000, 300))
    ]
    case = f"LIF, {INPUTS}-{HIDDEN}-{CLASSES}, {TIME} steps of {BATCH}"
    rows += [
        compare(
            "step of training",
            case,
            Named("brainlite", repeated(training())),
            Named(f"snntorch, {threads} threads", repeated(training_of_snntorch(threads))),
            seconds=10.0,
            goal_ratio=GOAL_TRAINING,
        )
        for threads in (1, 2)
    ]
    environ.set(dt=1.0)
    brainstate.environ.set(dt=1.0 * u.ms)
    rows.append(
        compare(
            "eager forward pass",
            case,
            Named("brainlite", repeated(forward())),
            Named("brainpy.state", repeated(forward_of_brainpy())),
            seconds=10.0,
            goal_ratio=GOAL_EAGER,
        )
    )
    return rows


if __name__ == "__main__":
    main(measure)
