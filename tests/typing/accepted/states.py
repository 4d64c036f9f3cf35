"""Kinds of states, and what their values are."""

from typing import Any, NamedTuple, assert_type

import jax.numpy as jnp
import numpy as np
from jax import Array

import brainlite
from brainlite import (
    BatchState,
    HiddenState,
    LongTermState,
    ParamState,
    RandomState,
    ShortTermState,
    State,
)
from brainlite.typing import GradTarget


class Pair(NamedTuple):
    h: Array
    c: Array


class Scaled(ParamState[Array]):
    scale: float = 1.0


def a_state_has_the_type_of_its_value(x: Array) -> None:
    assert_type(State(x), State[Array])
    assert_type(ParamState(x), ParamState[Array])
    assert_type(HiddenState(x), HiddenState[Array])
    assert_type(ShortTermState(x), ShortTermState[Array])
    assert_type(LongTermState(x), LongTermState[Array])
    assert_type(BatchState(x, name="mean", tag="slow"), BatchState[Array])
    assert_type(State(3, tag=["a", "b"]), State[int])
    assert_type(State(x).value, Array)
    assert_type(State(Pair(x, x)).value.h, Array)
    assert_type(State({"w": x, "b": x}).value["w"], Array)
    assert_type(State[Array | None](None).value, Array | None)


def without_a_parameter_it_holds_an_array(param: ParamState, state: State) -> None:
    assert_type(param.value, Array)
    assert_type(state.value, Array)


def a_write_narrows_nothing_that_it_should_not(x: Array) -> Array:
    h = HiddenState[Array | None](None)
    if h.value is None:
        h.value = x
    return h.value


def other_members(state: HiddenState[Pair], x: Array) -> None:
    assert_type(state.name, str | None)
    assert_type(state.tag, frozenset[str] | None)
    assert_type(state.numel(), int)
    assert_type(state.copy(), HiddenState[Pair])
    assert_type(state.replace(Pair(x, x)), HiddenState[Pair])
    assert_type(Scaled(x).copy(), Scaled)
    assert_type(Scaled(x).scale, float)
    assert_type(repr(state), str)


def states_are_targets_of_gradients(state: State[Pair]) -> None:
    target: GradTarget[Pair] = state
    assert_type(target.__grad_value__(), Pair)


def kinds_are_related(hidden: HiddenState[Array], batch: BatchState[Array]) -> None:
    short: ShortTermState[Array] = hidden
    long: LongTermState[Array] = batch
    anything: list[State[Array]] = [short, long]
    assert_type(anything[0].value, Array)


def the_generator_is_a_state(rng: RandomState) -> None:
    assert_type(rng.value, Array)
    assert_type(rng.clone(), RandomState)
    assert_type(brainlite.RandomState(np.array([0, 1], "uint32")), RandomState)
    assert_type(jnp.zeros(3), Array)


def states_that_are_made(x: Array) -> None:
    with brainlite.catch_new_states("run", ParamState) as catcher:
        assert_type(catcher, brainlite.graph.NewStateCatcher)
        assert_type(catcher.get_states(), list[State[Any]])
    with brainlite.check_state_value_tree() as entered:
        assert_type(entered, None)
    assert_type(brainlite.nn.init.are_broadcastable_shapes((2, 1), 3), bool)
