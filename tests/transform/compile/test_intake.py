"""How the values of states go into a compiled function."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.state import ParamState, State
from brainlite.transform import jit
from brainlite.transform._compile._intake import Intake, Misfit, own_buffers
from brainlite.typing import Array
from tests.transform.checks import assert_same


def layer(weight: float = 2.0) -> dict[str, Array]:
    return {"weight": jnp.asarray(weight), "bias": jnp.asarray(1.0)}


def make_states() -> dict[State[Any], Any]:
    found: list[State[Any]] = [
        State(layer()),
        State(jnp.asarray(5.0)),
        State((jnp.asarray(6.0), 7)),
        State({}),
    ]
    return {state: state.value for state in found}


def test_dicts_are_taken_apart_and_put_together() -> None:
    values = make_states()
    intake = Intake(values)
    in_order = [values[state] for state in intake.states]
    flat = intake.flatten(in_order)
    assert [type(each) for each in flat].count(dict) == 1  # the empty one
    assert_same(intake.restore(flat), in_order)


def test_states_whose_buffers_are_given_up_come_first() -> None:
    values = make_states()
    given = set(list(values)[1:3])
    intake = Intake(values, given)
    assert set(intake.states[: intake.given]) == given


@pytest.mark.parametrize("wrong", [{"weight": 1.0}, {**layer(), "scale": 1.0}, 3.0, (1.0, 2.0)])
def test_a_value_of_another_form_does_not_fit(wrong: Any) -> None:
    intake = Intake({State(layer()): layer()})
    with pytest.raises(Misfit):
        intake.flatten([wrong])


def test_an_edit_of_a_dict_in_place_is_seen_by_a_compiled_function() -> None:
    state: ParamState[dict[str, Array]] = ParamState(layer())
    fun = jit(lambda: sum(jnp.sum(value) for value in state.value.values()))
    assert_same([fun(), fun()], [3.0, 3.0])
    state.value["weight"] = jnp.asarray(4.0)
    assert_same(fun(), 5.0)
    state.value["scale"] = jnp.asarray(10.0)
    assert_same([fun(), fun()], [15.0, 15.0])
    del state.value["scale"], state.value["bias"]
    assert_same([fun(), fun()], [4.0, 4.0])


def test_an_array_that_is_passed_twice_is_copied() -> None:
    once, twice = jnp.ones(2), jnp.zeros(2)
    mine = own_buffers([once, twice, once, 3], [twice])
    assert mine[0] is once
    assert mine[1] is not twice
    assert mine[2] is not once
    assert_same(mine, [once, twice, once, 3])


def test_arrays_that_are_all_different_are_given_as_they_are() -> None:
    given = [{"weight": jnp.ones(2), "bias": jnp.zeros(2)}, jnp.ones(3)]
    assert own_buffers(given, [jnp.zeros(1)]) is given
