"""What all neurons share: spikes, resets, and what they take in."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.errors import InputError, OptionError
from tests.closeness import assert_same


class Source:
    """What ends at a neuron: a current that falls with the potential, and one jump."""

    def __init__(self, jump: Any) -> None:
        self.jump = jump

    def take_current(self) -> Callable[[Any], Any] | None:
        return None if self.jump is None else lambda V: 2.0 - V

    def take_delta(self) -> Any:
        jump, self.jump = self.jump, None
        return jump


def test_a_neuron_of_ones_own_says_what_spikes() -> None:
    with pytest.raises(TypeError, match="does not say what spikes"):
        nn.Neuron(3).get_spike()


@pytest.mark.parametrize("drive", [lambda V: jnp.ones(4), lambda V: None, lambda V: V[:, None]])
def test_a_function_of_the_potential_has_its_shape(drive: Any) -> None:
    neurons = nn.init_all_states(nn.LIF(3))
    before = neurons.V.value
    with environ.context(dt=1.0), pytest.raises(InputError, match=r"LIF: .*input"):
        neurons(drive)
    assert_same(neurons.V.value, before)


def test_what_ends_at_a_neuron_is_taken_in_with_the_input() -> None:
    neurons = nn.init_all_states(nn.IF(2, V_th=100.0, tau=1.0))
    neurons.receive(Source(jnp.array([0.0, 3.0])))
    neurons.receive(Source(None))
    with environ.context(dt=0.5):
        neurons(jnp.array([1.0, 1.0]))
        first = neurons.V.value
        neurons(jnp.zeros(2))
    # dV/dt = x + 2 - V from 0, exactly, and the jump; then neither of the two brings anything.
    moved = 3 * -np.expm1(-0.5)
    np.testing.assert_allclose(first, np.array([moved, moved + 3], "float32"), rtol=1e-6)
    assert_same(neurons.V.value, first)


def test_a_reset_is_soft_or_hard() -> None:
    with pytest.raises(OptionError, match=r"LIF: .*spk_reset\n.*'soft' or 'hard'"):
        nn.LIF(2, spk_reset="none")
