"""EnvironContext: a module under settings of its own."""

import jax.numpy as jnp

from brainlite import environ
from brainlite.nn import EnvironContext, Linear, Module, Sequential
from brainlite.transform import jit
from brainlite.typing import Array


class Asking(Module):
    def __init__(self) -> None:
        self.linear = Linear(2, 3)

    def update(self, x: Array) -> tuple[Array, bool, float]:
        return self.linear(x), self.training, environ.get("dt", 0.0)


def test_settings_hold_inside_and_over_those_around() -> None:
    module = EnvironContext(Asking(), fit=True, dt=0.1)
    with environ.context(fit=False, dt=0.5):
        assert module(jnp.ones(2))[1:] == (True, 0.1)
        assert environ.get("dt") == 0.5


def test_added_settings_are_seen_by_a_compiled_function() -> None:
    module = EnvironContext(Asking(), fit=True)
    scaled = jit(lambda x: module(x)[2] * x)
    assert scaled(jnp.ones(2)).tolist() == [0, 0]
    module.add_context(dt=2.0)
    assert scaled(jnp.ones(2)).tolist() == [2, 2]
    assert module.context == {"fit": True, "dt": 2.0}


def test_it_is_part_of_a_model() -> None:
    model = Sequential(EnvironContext(Linear(2, 3), fit=False), Linear(3, 1))
    assert (model.in_size, model.out_size) == ((2,), (1,))
    assert len(list(model.parameters())) == 2
    assert "context={" in str(model)
