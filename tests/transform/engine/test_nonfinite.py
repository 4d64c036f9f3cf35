"""What is looked at for NaN and infinity, and what is not."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import nn, random
from brainlite.errors import NonFiniteError
from brainlite.transform._engine._nonfinite import raise_if_not_finite


def look(fun: Any, *args: Any, **options: Any) -> None:
    raise_if_not_finite(fun, args, {}, label="test", phase="", **options)


def use(_made: object) -> None:
    """Return nothing of what was made."""


def test_results_without_floats_are_finite() -> None:
    look(lambda: None)
    look(lambda x: (x, random.get_key()), jnp.arange(3))
    look(lambda x: x, jnp.zeros((0, 2)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64"])
def test_floats_of_every_type_are_looked_at(dtype: str) -> None:
    look(lambda x: x, jnp.ones(2, dtype))
    with pytest.raises(NonFiniteError, match="1 NaN, 1 infinite"):
        look(lambda x: x, jnp.array([jnp.nan, jnp.inf], dtype))


def test_states_that_are_made_are_looked_at_and_not_kept() -> None:
    cell = nn.GRUCell(2, 3)
    look(lambda: use(nn.init_all_states(cell)))
    assert not hasattr(cell, "h")
    cell = nn.GRUCell(2, 3, state_init=nn.init.Constant(jnp.nan))
    with pytest.raises(NonFiniteError, match=r"the state h .*3 NaN|the state .*3 NaN"):
        look(lambda: use(nn.init_all_states(cell)))


def test_the_condition_may_hold_nothing() -> None:
    look(jnp.log, jnp.asarray(-1.0), when=False)
