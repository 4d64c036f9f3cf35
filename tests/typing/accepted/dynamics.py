"""Dynamics: steps, delays and slopes, known to the checkers."""

from typing import Any, assert_type

import jax.numpy as jnp
from matplotlib.figure import Figure

import brainlite
from brainlite import display, nn, surrogate
from brainlite.typing import Array

X = jnp.ones(3)
neurons = nn.LIFRef(3, tau=20.0, spk_fun=surrogate.Sigmoid(2.0), spk_reset="hard")
assert_type(neurons(X), Array)
assert_type(neurons(lambda V: 2.0 * (1.0 - V)), Array)
assert_type(neurons.get_spike(), Array)
assert_type(neurons.V.value, Array)
assert_type(nn.ALIF(3).a.value, Array)
assert_type(nn.Expon(3)(), Array)
assert_type(nn.DualExpon(3)(X), Array)
assert_type(nn.STP(3)(X), Array)
assert_type(nn.LeakyRateReadout(3, 2)(X), Array)
assert_type(nn.PoissonEncoder(3)(X), Array)
assert_type(nn.EventFixedNumConn(3, 2, 1, 0.5)(X), Array)
assert_type(nn.EventLinear(3, 2, jnp.ones((3, 2))).weight.value, Array)
assert_type(surrogate.relu_grad(X), Array)
assert_type(surrogate.Arctan()(X), Array)
assert_type(neurons.prefetch_delay("V", 1.0), nn.PrefetchDelayAt)
assert_type(nn.Delay(X, 1.0).history, brainlite.DelayState[Any])

SLOPES: list[surrogate.Surrogate] = [
    surrogate.ReluGrad(0.3, 1.0),
    surrogate.SoftSign(1.0),
    surrogate.PiecewiseQuadratic(1.0),
    surrogate.GaussianGrad(0.5, 0.5),
    surrogate.MultiGaussianGrad(h=0.15),
    surrogate.InvSquareGrad(100.0),
]
assert_type(SLOPES[0](X), Array)
assert_type(surrogate.sigmoid(X, 4.0), Array)
assert_type(surrogate.arctan(X), Array)
assert_type(surrogate.soft_sign(X), Array)
assert_type(surrogate.piecewise_quadratic(X), Array)
assert_type(surrogate.gaussian_grad(X, 0.5), Array)
assert_type(surrogate.multi_gaussian_grad(X), Array)
assert_type(surrogate.inv_square_grad(X), Array)

populations: list[nn.Neuron] = [nn.IF(3), nn.LIF(3), nn.Izhikevich(3, a=0.1)]
synapses: list[nn.Synapse] = [nn.Alpha(3), nn.STD(3, U=0.5)]
models: list[nn.Dynamics] = [*populations, *synapses]
assert_type(nn.Alpha(3)(X), Array)
assert_type(nn.FixedNumConn(3, 2, 0.5, 1.0, seed=0)(X), Array)
nn.exp_euler_step(lambda x: -x, X)

delay = nn.Delay(X, 1.0, interpolation=nn.InterpolationRegistry.names()[0])
delay.update(X)
nn.DelayAccess(delay, 0.5, entry="late")()
nn.Prefetch(neurons, "V")()
nn.StateWithDelay(neurons, "V").update()
assert_type(nn.OutputDelayAt(neurons, 1.0).delay, nn.Delay)


@nn.receive_update_input
def before(x: Array) -> None:
    """Look at the input."""


@nn.not_receive_update_output
def after() -> None:
    """Look at nothing."""


models[0].add_before_update("look", before)
models[0].add_after_update("look", after)
nn.not_receive_update_input(before)
nn.receive_update_output(after)

comm = nn.Linear(3, 3)
target = nn.LIF(3)
nn.AlignPostProj(comm=comm, syn=nn.Expon.desc(3), out=nn.COBA.desc(E=0.0), post=target)
nn.CurrentProj(comm=comm, out=nn.CUBA(2.0), post=target)(X)
nn.DeltaProj(comm=comm, post=target)(X)
assert_type(display.plot_raster({"E": X}, dt=0.1), Figure)
assert_type(display.plot_traces({"V": X}, spikes=X), Figure)
