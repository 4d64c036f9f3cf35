"""The ways to read between steps, by name."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import environ, nn
from brainlite.errors import OptionError
from brainlite.nn import InterpolationRegistry


def test_a_way_of_ones_own_is_found_by_its_name() -> None:
    @InterpolationRegistry.register("oldest")
    def _oldest(steps: Any, most: int, read: Any) -> Any:
        return read(jnp.full_like(steps, most, jnp.int32))

    try:
        with environ.context(dt=1.0, t=2.0):
            delay = nn.init_all_states(nn.Delay(jnp.zeros(()), 2.0, interpolation="oldest"))
            for x in (5.0, 6.0, 7.0):
                delay.update(x)
            assert delay.retrieve_at_time(1.5) == 5.0
    finally:
        del InterpolationRegistry._ways["oldest"]  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(OptionError, match=r"no interpolation of this name(.|\n)*'oldest'"):
        InterpolationRegistry.get("oldest")


@pytest.mark.parametrize("way", InterpolationRegistry.names())
def test_a_history_of_one_step_has_one_value(way: str) -> None:
    with environ.context(dt=1.0, t=0.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(2), interpolation=way))
        delay.update(jnp.ones(2))
        assert delay.retrieve_at_time(0.0).tolist() == [1.0, 1.0]


def test_whole_numbers_between_steps_are_floats() -> None:
    with environ.context(dt=1.0, t=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros((), jnp.int32), 2.0))
        for x in (1, 4):
            delay.update(x)
        assert delay.retrieve_at_time(0.5) == 2.5
