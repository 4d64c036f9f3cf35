"""What is read of transformations and learning rates."""

import copy
import pickle
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from brainlite import nn, optim
from brainlite.errors import OptionError
from brainlite.optim._transformation import Maker, accepted, check_rate, is_transformation
from brainlite.transform import eval_shape, jit


def test_makers_of_the_same_are_one_object() -> None:
    maker = Maker.of(optax.adam, 0.1)
    assert Maker.of(optax.adam, 0.2) is maker
    assert Maker.of(optax.sgd, 0.1) is not maker
    assert copy.deepcopy(maker) is maker
    assert pickle.loads(pickle.dumps(maker)) is maker
    assert Maker.of(partial(optax.adam, b1=0.5), 0.1) is not maker


def test_what_a_call_has_made_says_why_it_cannot_be_pickled() -> None:
    with pytest.raises(OptionError, match=r"cannot be pickled[\s\S]*chain"):
        pickle.dumps(Maker.of(optax.adam(0.1), None))


def test_a_transformation_is_asked_what_it_takes() -> None:
    extra = {"value": 1.0, "value_fn": abs}

    class Plain:
        def init(self, params: Any) -> Any:
            return ()

        def update(self, updates: Any, state: Any, params: Any = None) -> Any:
            return updates, state

    class Curious(Plain):
        def update(self, updates: Any, state: Any, params: Any = None, *, value: Any = 0) -> Any:
            return updates, state

    assert accepted(Plain(), extra) == {}
    assert accepted(Curious(), extra) == {"value": 1.0}
    assert accepted(optax.adam(0.1), extra) == extra


def test_transformations_are_told_from_other_things() -> None:
    assert is_transformation(optax.adam(0.1))
    assert is_transformation(optax.MultiSteps(optax.adam(0.1), 2))
    for other in (optax.adam, optax.MultiSteps, {"init": 1, "update": 2}, None):
        assert not is_transformation(other)


@pytest.mark.parametrize("rate", [0, 0.1, jnp.float16(0.5), jnp.array([0.1, 0.2])])
def test_rates_may_be_numbers_of_any_kind_and_one_for_each_lane(rate: Any) -> None:
    shapes = {(), jnp.shape(rate)}
    check_rate(rate, shapes=shapes)
    jax.jit(lambda rate: check_rate(rate, shapes=shapes))(rate)


@pytest.mark.parametrize("rate", [jnp.array([0.1, jnp.nan]), -1, 1j, "0.1", None, False])
def test_rates_that_are_none_are_refused(rate: Any) -> None:
    with pytest.raises(OptionError, match="learning_rate: this is no learning rate"):
        check_rate(rate)


@pytest.mark.parametrize("rate", [1e-3, 1, np.float32(1e-3), optax.constant_schedule(1e-3)])
@pytest.mark.parametrize("around", [jit, eval_shape])
def test_a_rate_is_a_rate_while_a_function_is_traced(around: Any, rate: Any) -> None:
    def made() -> Any:
        return optim.Optimizer(nn.Linear(1, 1), optax.adam, learning_rate=rate).learning_rate

    if around is jit:
        expected: Any = rate(0) if callable(rate) else rate
        assert float(jit(made)()) == np.float32(expected)
    else:
        assert eval_shape(made).shape == ()


def test_a_rate_can_be_set_while_a_function_is_traced() -> None:
    optimizer = optim.Optimizer(nn.Linear(1, 1), optax.adam, learning_rate=1e-3)

    @jit
    def halve() -> None:
        optimizer.learning_rate = 5e-4

    halve()
    assert float(optimizer.learning_rate) == np.float32(5e-4)


@pytest.mark.parametrize("rate", [[1e-3], jnp.ones(2), jnp.ones((1, 1)), 10**400])
def test_a_rate_is_one_number(rate: Any) -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(OptionError, match=r"this is no learning rate[\s\S]*got: +(an array of|10)"):
        optim.Optimizer(model, optax.sgd, learning_rate=rate)
    optimizer = optim.Optimizer(model, optax.sgd, learning_rate=1.0)
    with pytest.raises(OptionError, match="this is no learning rate"):
        optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == 1


def test_a_model_is_no_rate_of_an_optimizer_with_a_name() -> None:
    model: Any = nn.Linear(2, 2)
    with pytest.raises(OptionError, match=r"first argument[\s\S]*a Linear[\s\S]*register_train"):
        optim.AdamW(model)
