"""The kinds of states: how they are related, and what is frozen."""

import copy
import pickle

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import TransformError
from brainlite.state import (
    BatchState,
    DelayState,
    HiddenState,
    LongTermState,
    ParamState,
    ShortTermState,
    State,
)
from brainlite.state._frame import Frame


def test_kinds_are_related_as_their_names_say() -> None:
    assert issubclass(HiddenState, ShortTermState)
    assert issubclass(BatchState, LongTermState)
    assert issubclass(DelayState, ShortTermState)
    assert issubclass(ShortTermState, State)
    assert issubclass(LongTermState, State)
    assert issubclass(ParamState, LongTermState)
    assert not issubclass(ParamState, ShortTermState | BatchState)


def test_a_frozen_parameter_stays_frozen_in_copies_and_pickles() -> None:
    weight = ParamState(jnp.ones(2), requires_grad=False)
    twins = [weight.copy(), copy.deepcopy(weight), pickle.loads(pickle.dumps(weight))]
    assert [twin.requires_grad for twin in twins] == [False] * 3
    assert "requires_grad=False" in repr(weight)
    assert "requires_grad" not in repr(ParamState(jnp.ones(2)))
    with Frame("test", hoist=False):
        assert not weight.copy().requires_grad


def test_a_frozen_parameter_can_still_be_written() -> None:
    weight = ParamState(jnp.ones(2), requires_grad=False)
    weight.value = jnp.zeros(2)
    weight.requires_grad = True
    assert (weight.value.tolist(), weight.requires_grad) == ([0.0, 0.0], True)


def test_freezing_inside_a_transform_is_refused() -> None:
    weight = ParamState(jnp.ones(2))
    with (
        Frame("jit", hoist=False),
        pytest.raises(TransformError, match=r"requires_grad is set inside jit.*trace only"),
    ):
        weight.requires_grad = False
    assert weight.requires_grad


def test_a_parameter_is_frozen_by_the_method_of_torch() -> None:
    weight = ParamState(jnp.ones(2))
    assert weight.requires_grad_(False) is weight
    assert not weight.requires_grad
    assert weight.requires_grad_().requires_grad


def test_a_parameter_outlives_a_run() -> None:
    model = brainlite.nn.BatchNorm0d(2)
    assert {*model.states(LongTermState)} == {("weight",), ("running_mean",), ("running_var",)}
    assert HiddenState(jnp.zeros((4, 3))).varshape == (4, 3)
    assert brainlite.maybe_state(State(3)) == brainlite.maybe_state(3) == 3
