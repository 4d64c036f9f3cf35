"""Simulations that are longer than the memory, taken up in their middle, and with a bar."""

import copy
import pickle
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import checkpoint, environ, nn, random
from brainlite.state import ShortTermState
from brainlite.transform import for_loop, jit
from tests.closeness import assert_same

DT = 0.5


class Network(nn.Module):
    """Noise, refractory neurons, plastic synapses, delays, connections at random; and a clock."""

    def __init__(self, seed: int = 0) -> None:
        random.seed(seed)
        self.noise = random.RandomState(seed)
        self.neurons = nn.LIFRef(20, tau=10.0, tau_ref=2.0, V_initializer=nn.init.Uniform(0.0, 1.0))
        self.late = self.neurons.output_delay(3.0)
        self.plastic = nn.STP(20)
        self.synapse = nn.Expon(20, tau=5.0)
        self.earlier = self.synapse.prefetch_delay("g", 2.0)
        self.conn = nn.EventFixedNumConn(20, 20, 0.3, 0.4, float_as_event=False)
        self.seen = ShortTermState(jnp.zeros((), jnp.int32))
        self.counts = ShortTermState(jnp.zeros(20))

    def step(self) -> Any:
        """Take a step of time, and count the spikes."""
        i = self.seen.value
        with environ.context(i=i, t=i * DT):
            self.synapse(self.conn(self.plastic(self.late())))
            spikes = self.neurons(self.earlier() + 1.2 + self.noise.normal(0, 0.5, (20,)))
        self.seen.value = i + 1
        self.counts.value = self.counts.value + spikes
        return spikes


@pytest.fixture(autouse=True)
def _dt() -> Any:
    environ.set(dt=DT)
    yield
    environ.reset()


def everything(network: Network) -> dict[str, Any]:
    return {".".join(map(str, path)): s.value for path, s in network.states().items()}


def simulate(network: Network, steps: int, **options: Any) -> Any:
    return for_loop(network.step, length=steps, **options)


def test_memory_does_not_grow_with_the_time() -> None:
    network = nn.init_all_states(Network())
    used = set[tuple[int, ...]]()

    def step() -> None:
        network.step()

    for steps in (1_000, 100_000):
        run = jit(lambda steps=steps: for_loop(step, length=steps))
        memory: Any = run.lower().compile().memory_analysis()
        used.add((memory.temp_size_in_bytes, memory.output_size_in_bytes))
    assert len(used) == 1
    for_loop(step, length=1_000)
    rates = network.counts.value / (1_000 * DT) * 1000
    assert 5 < rates.mean() < 200


def saved_and_restored(network: Network, folder: Path) -> Network:
    """Return the network as another process would find it."""
    with checkpoint.Checkpointer(folder) as saver:
        saver.save(200, network=network, select=...)
    other = nn.init_all_states(Network(seed=1))
    with checkpoint.Checkpointer(folder) as saver:
        found = saver.restore(network=other, select=...)
    assert found is not None
    assert found.step == 200
    return other


WAYS: dict[str, Any] = {
    "Checkpointer": saved_and_restored,
    "pickle": lambda network, _: pickle.loads(pickle.dumps(network)),
    "deepcopy": lambda network, _: copy.deepcopy(network),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_is_taken_up_in_its_middle_goes_on_bit_for_bit(way: str, tmp_path: Path) -> None:
    if way == "Checkpointer":
        pytest.importorskip("orbax.checkpoint")
    network = nn.init_all_states(Network())
    run = jit(lambda network: simulate(network, 200))
    run(network)
    other = WAYS[way](network, tmp_path)
    middle = everything(network)
    assert_same(everything(other), middle)
    expected = run(network)
    assert_same(everything(other), middle)  # nothing is shared
    assert_same(run(other), expected)
    assert_same(everything(other), everything(network))
    assert expected.sum() > 100
    np.testing.assert_array_equal(network.seen.value, 400)


def test_pieces_come_to_the_whole() -> None:
    whole, pieces = nn.init_all_states(Network()), nn.init_all_states(Network())
    expected = simulate(whole, 120)
    run = jit(lambda network: simulate(network, 30))
    assert_same(jnp.concatenate([run(pieces) for _ in range(4)]), expected)
    assert_same(everything(pieces), everything(whole))


def test_a_bar_changes_nothing() -> None:
    pytest.importorskip("tqdm")
    plain, shown = nn.init_all_states(Network()), nn.init_all_states(Network())
    expected = jit(lambda: simulate(plain, 400))()
    assert_same(jit(lambda: simulate(shown, 400, pbar=100))(), expected)
    assert_same(everything(shown), everything(plain))
