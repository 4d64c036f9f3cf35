"""Projections are what a function of the potential would be."""

import gc
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, graph, nn
from brainlite.errors import OptionError
from brainlite.state import ParamState
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close

W = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
XS = jnp.asarray(np.random.default_rng(1).random((30, 4)) < 0.3)


class Projected(nn.Module):
    def __init__(self) -> None:
        self.neurons = nn.LIF(3, tau=10.0)
        comm = nn.EventLinear(4, 3, jnp.asarray(W))
        self.exc = nn.AlignPostProj(
            comm=comm, syn=nn.Expon.desc(3, tau=5.0), out=nn.COBA.desc(E=3.0), post=self.neurons
        )
        self.flat = nn.AlignPostProj(
            comm=comm, syn=nn.Expon(3, tau=2.0), out=nn.CUBA(0.5), post=self.neurons
        )

    def update(self, x: Any) -> Any:
        self.exc(x)
        self.flat(x)
        self.neurons(0.1)
        return self.neurons.V.value


class Wired(nn.Module):
    def __init__(self) -> None:
        self.neurons = nn.LIF(3, tau=10.0)
        self.exc, self.flat = nn.Expon(3, tau=5.0), nn.Expon(3, tau=2.0)
        self.weight = ParamState(jnp.asarray(W))

    def update(self, x: Any) -> Any:
        arriving = x @ self.weight.value
        ge, flat = self.exc(arriving), self.flat(arriving)
        self.neurons(lambda V: 0.1 + ge * (3.0 - V) + 0.5 * flat)
        return self.neurons.V.value


def run(net: Any) -> Any:
    nn.init_all_states(net)
    return for_loop(net, XS)


def test_a_projection_is_the_same_as_wiring_by_hand() -> None:
    with environ.context(dt=1.0):
        one, other = Projected(), Wired()
        expected = run(other)
        assert_close(run(one), expected, 60)
        nn.init_all_states(one)
        assert_close(np.stack([one(x) for x in XS[:3]]), expected[:3], 60)

        def slope(net: Any) -> Any:
            loss = jit(grad(lambda: (run(net) ** 2).sum(), net.states(ParamState)))
            return next(iter(loss().values()))

        assert_close(slope(one), slope(other), 600)


def test_a_copy_is_wired_to_itself() -> None:
    net = Projected()
    other = graph.clone(net)
    with environ.context(dt=1.0):
        nn.init_all_states(net)
        run(other)
        assert not net.neurons.V.value.any()
        assert_close(run(net), run(other), 8)


@pytest.mark.parametrize("kind", ["delta", "current"])
def test_what_arrives_is_taken_once(kind: str) -> None:
    neurons = nn.LIF(3, tau=10.0, V_th=9.0)
    comm = nn.EventLinear(4, 3, jnp.asarray(np.abs(W)))
    if kind == "delta":
        project: Any = nn.DeltaProj(comm=comm, post=neurons)
    else:
        project = nn.CurrentProj(comm=comm, out=nn.CUBA(2.0), post=neurons)
    nn.init_all_states(project)
    spikes, jump = jnp.array([True, False, True, False]), np.abs(W[[0, 2]]).sum(0)
    decay = np.exp(-0.1)
    with environ.context(dt=1.0):
        project(spikes)
        neurons()
        first = jump if kind == "delta" else 2 * jump * (1 - decay)
        assert_close(neurons.V.value, first, 8)
        neurons()
        assert_close(neurons.V.value, first * decay, 8)


def test_modules_may_stand_before_the_connection() -> None:
    sources, targets = nn.LIF(4, V_th=0.5), nn.LIF(3, V_th=9.0)
    late = sources.output_delay
    with environ.context(dt=1.0):
        project = nn.DeltaProj(late(1.0), comm=nn.EventLinear(4, 3, jnp.ones((4, 3))), post=targets)
        nn.init_all_states(sources)
        nn.init_all_states(project)
        jumps: list[float] = []
        for x in (10.0, 0.0, 0.0):
            sources(x if x else -10.0)
            project()
            targets()
            jumps.append(float(targets.V.value[0]))
    assert jumps[0] == 0.0
    assert jumps[1] == 4.0


def test_a_projection_ends_at_neurons() -> None:
    with pytest.raises(OptionError, match=r"ends at neurons(.|\n)*Expon"):
        nn.DeltaProj(comm=nn.Linear(2, 2), post=nn.Expon(2))


def test_a_synapse_is_moved_by_one_projection() -> None:
    synapse, first, second = nn.Expon(1), nn.LIF(1), nn.LIF(1)

    def project(post: Any) -> Any:
        comm = nn.EventLinear(1, 1, jnp.ones((1, 1)))
        return nn.AlignPostProj(comm=comm, syn=synapse, out=nn.CUBA(), post=post)

    one = project(first)
    for post in (first, second):
        with pytest.raises(OptionError, match=r"of another projection(.|\n)*`Expon.desc\(...\)`"):
            project(post)
        del post
    del one, first  # which held it
    gc.collect()
    project(second)  # nobody else moves it any more
