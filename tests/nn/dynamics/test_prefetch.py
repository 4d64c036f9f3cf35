"""Looks at variables of models, as they are and as they were."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.errors import OptionError
from brainlite.transform import for_loop, jit
from tests.closeness import assert_close, assert_same


def test_a_state_is_seen_as_it_was() -> None:
    synapse = nn.Expon(2, tau=5.0)
    before, now = synapse.prefetch_delay("g", 3.0), synapse.prefetch("g")
    one = nn.PrefetchDelayAt(synapse, "g", np.array([1.0, 2.0]), jnp.arange(2))
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2)), jnp.float32)
    with environ.context(dt=1.0):
        nn.init_all_states(synapse)

        def step(x: Any) -> Any:
            g = synapse(x)
            return g, now(), before(), one()

        g, same, late, each = jit(lambda: for_loop(step, xs))()
    assert_same(same, g)
    assert_same(late, np.concatenate([np.zeros((3, 2), np.float32), g[:-3]]))
    assert_same(each[2:, 0], g[1:-1, 0])
    assert_same(each[2:, 1], g[:-2, 1])
    assert before.delay is one.delay is synapse.get_after_update("g-prefetch-delay")
    assert synapse.prefetch("g").delay.at(3.0).delay is before.delay


def test_an_output_is_seen_as_it_was() -> None:
    neurons = nn.LIF(1, tau=3.0)
    with environ.context(dt=1.0):
        late = neurons.output_delay(2.0)
        nn.init_all_states(neurons, batch_size=2)

        def step(x: Any) -> Any:
            return neurons(x), late()

        xs = jnp.asarray(np.random.default_rng(0).normal(1, 2, (20, 2, 1)), jnp.float32)
        spikes, delayed = for_loop(step, xs)
    assert spikes.sum() > 3
    assert_same(delayed[2:], spikes[:-2])


class Net(nn.Module):
    def __init__(self) -> None:
        self.synapse = nn.Expon(1, tau=5.0)
        self.before = self.synapse.prefetch_delay("g", 1.0)

    def update(self, x: Any) -> Any:
        self.synapse(x)
        return self.before()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_looks_at_itself(copied: Any) -> None:
    with environ.context(dt=1.0):
        net = nn.init_all_states(Net())
        net(1.0)
        other = copied(net)
        other(5.0)
        assert_close(other(0.0), np.array([5 + np.exp(-0.2)], np.float32))
        assert_close(net(0.0), np.ones(1, np.float32))


def test_only_states_have_a_history() -> None:
    synapse = nn.Expon(1)
    synapse.prefetch_delay("tau", 1.0)
    with environ.context(dt=1.0), pytest.raises(OptionError, match=r"only a state(.|\n)*'tau'"):
        nn.init_all_states(synapse)
    assert synapse.prefetch("tau")() == 8.0
