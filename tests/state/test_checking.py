"""``check_state_value_tree``, which asks for what is always so."""

import jax.numpy as jnp
import pytest

from brainlite import State, check_state_value_tree
from brainlite.errors import OptionError, StateValueError


def test_the_structure_is_kept_inside_and_outside() -> None:
    state = State(jnp.zeros(2))
    with check_state_value_tree():
        state.value = jnp.ones(2)
        with pytest.raises(StateValueError, match="another structure"):
            state.value = (jnp.ones(2), jnp.ones(2))  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake
    with pytest.raises(StateValueError, match="another structure"):
        state.value = {"a": jnp.ones(2)}  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake


def test_it_cannot_be_switched_off() -> None:
    with pytest.raises(OptionError, match="cannot be switched off"), check_state_value_tree(False):
        pass
