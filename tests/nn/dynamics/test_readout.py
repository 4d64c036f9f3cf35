"""The leaky readout and the encoder of rates."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn, random
from brainlite.errors import InputError, OptionError
from brainlite.transform import for_loop, jit, vmap
from tests.closeness import assert_close


def test_a_readout_leaks_and_adds_up() -> None:
    readout = nn.init_all_states(nn.LeakyRateReadout(4, 3, tau=7.0), batch_size=2)
    weight = np.asarray(readout.weight.value, np.float64)
    xs = np.random.default_rng(0).random((30, 2, 4)) < 0.3
    r, expected = np.zeros((2, 3)), list[Any]()
    for x in xs:
        r = r * np.exp(-0.5 / 7) + x @ weight
        expected.append(r)
    with environ.context(dt=0.5):
        found = for_loop(readout, jnp.asarray(xs))
    assert_close(found, np.asarray(expected, np.float32), 60)
    with environ.context(dt=0.5), pytest.raises(InputError, match=r"batch_size=5"):
        readout(jnp.ones((5, 4)))


@pytest.mark.parametrize("tau", [0, -1.0, jnp.array([5.0, 0.0]), float("nan")])
def test_a_readout_whose_output_would_be_nan_is_refused(tau: Any) -> None:
    with pytest.raises(OptionError, match="tau: a time, above 0"):
        nn.LeakyRateReadout(4, 2, tau=tau)
    nn.LeakyRateReadout(4, 2, tau=jnp.array([5.0, 1.0]))


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_spikes_come_at_the_rate(dt: float) -> None:
    random.seed(0)
    encoder = nn.PoissonEncoder((2, 5000))
    rates = jnp.stack([jnp.full(5000, 20.0), jnp.full(5000, 400.0)])
    with environ.context(dt=dt):
        spikes = for_loop(lambda: encoder(rates), length=20)
    assert spikes.dtype == bool
    for measured, rate in zip(spikes.mean((0, 2)), (20.0, 400.0), strict=True):
        chance = rate * dt / 1000
        assert abs(float(measured) - chance) < 5 * np.sqrt(chance * (1 - chance) / 100_000)


def test_each_step_and_lane_draws_anew() -> None:
    encoder = nn.PoissonEncoder(100, spk_type="float32")
    rates = jnp.full(100, 500.0)
    with environ.context(dt=1.0):
        one, other = jit(encoder)(rates), jit(encoder)(rates)
        lanes = vmap(encoder)(jnp.stack([rates, rates]))
    assert one.dtype == "float32"
    assert (one != other).any()
    assert (lanes[0] != lanes[1]).any()
    with environ.context(dt=1.0):
        assert not encoder(jnp.zeros(100)).any()
        assert encoder(jnp.full(100, 1000.0)).all()


@pytest.mark.parametrize("rate", [-1.0, np.nan, 1001.0])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    encoder = nn.PoissonEncoder(2)
    with environ.context(dt=1.0):
        with pytest.raises(OptionError, match=r"cannot spike at this rate(.|\n)*in Hz"):
            encoder(jnp.array([1.0, rate]))
        with pytest.raises(InputError, match=r"do not fit(.|\n)*\(\.\.\., 2\)(.|\n)*\(3,\)"):
            encoder(jnp.ones(3))
