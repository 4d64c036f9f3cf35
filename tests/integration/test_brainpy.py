"""Neurons and synapses beside those of brainpy.state, where that is: in `make test-torch`."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.transform import for_loop

bp: Any = pytest.importorskip("brainpy.state")
brainstate: Any = pytest.importorskip("brainstate")
u: Any = pytest.importorskip("brainunit")

STEPS, SIZE, DT = 400, 6, 0.5
RNG = np.random.default_rng(0)
CURRENT = jnp.asarray(RNG.normal(1.2, 2.0, (STEPS, SIZE)), jnp.float32)
SPIKES = jnp.asarray(RNG.random((STEPS, SIZE)) < 0.1, jnp.float32)


def here(model: Any, xs: Any, seen: str) -> Any:
    """What a model returns at each step, and a variable of it."""
    nn.init_all_states(model)

    def step(i: Any, x: Any) -> Any:
        with environ.context(i=i, t=i * DT):
            return model(x), getattr(model, seen).value

    with environ.context(dt=DT):
        return for_loop(step, jnp.arange(STEPS), xs)


def there(model: Any, xs: Any, unit: Any, seen: str, seen_in: Any) -> Any:
    """The same of brainpy.state, in numbers of a unit."""
    brainstate.nn.init_all_states(model)

    def step(i: Any, x: Any) -> Any:
        with brainstate.environ.context(i=i, t=i * DT * u.ms):
            return model(x * unit), getattr(model, seen).value / seen_in

    with brainstate.environ.context(dt=DT * u.ms):
        return brainstate.transform.for_loop(step, jnp.arange(STEPS), xs)


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("kind", ["LIF", "LIFRef", "ALIF"])
def test_neurons_spike_alike(kind: str, reset: str) -> None:
    spikes, V = here(getattr(nn, kind)(SIZE, spk_reset=reset), CURRENT, "V")
    expected = there(getattr(bp, kind)(SIZE, spk_reset=reset), CURRENT, u.mA, "V", u.mV)
    assert spikes.sum() > 50
    np.testing.assert_array_equal(spikes, expected[0])
    np.testing.assert_allclose(V, expected[1], 1e-5, 1e-5)


@pytest.mark.parametrize("kind", ["Expon", "DualExpon"])
def test_synapses_conduct_alike(kind: str) -> None:
    found = nn.init_all_states(getattr(nn, kind)(SIZE))
    seen = next(name for name in vars(found) if name.startswith("g"))
    out, _ = here(found, SPIKES, seen)
    expected, _ = there(getattr(bp, kind)(SIZE), SPIKES, u.mS, seen, u.mS)
    np.testing.assert_allclose(out, expected / u.mS, 1e-5, 1e-6)


def test_resources_are_depleted_alike() -> None:
    """There the output is what is left of the resources; here the part that is released."""
    released, x = here(nn.STD(SIZE, U=0.07), SPIKES, "x")
    left, expected = there(bp.STD(SIZE, U=0.07), SPIKES, 1.0, "x", 1.0)
    # To a hundredth: the order within a step is another one.
    np.testing.assert_allclose(x, expected, 1e-2)
    np.testing.assert_allclose(released, 0.07 * left, 1e-2)
