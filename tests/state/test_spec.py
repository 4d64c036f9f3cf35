"""States made from what other states are apart from their values."""

from typing import Any

import jax
import jax.numpy as jnp

from brainlite.state import HiddenState, ParamState, State
from brainlite.state._frame import Frame
from brainlite.state._spec import make_states, specs_of


class Noted(State[Any]):
    """A state with attributes of its own."""

    def __init__(self, value: Any, note: str) -> None:
        super().__init__(value)
        self.note = note


def test_like_states_share_one_spec() -> None:
    one, two, tagged, named = specs_of(
        [State(1.0), State(2.0), State(1.0, tag="slow"), State(1.0, name="n")]
    )
    assert one is two
    assert len({one, tagged, named, *specs_of([HiddenState(1.0)])}) == 4
    assert specs_of([State(5.0)]) == (one,)
    assert one != "State"


def test_frozen_parameters_are_told_from_others() -> None:
    given = [ParamState(1.0), ParamState(1.0, requires_grad=False), ParamState(1.0)]
    specs = specs_of(given)
    assert specs[0] == specs[2] != specs[1]
    made: list[Any] = make_states(specs, [1.0, 2.0, 3.0])
    assert [state.requires_grad for state in made] == [True, False, True]


def test_in_a_frame_each_parameter_is_asked_whether_it_is_frozen() -> None:
    given = [ParamState(1.0), ParamState(1.0)]
    with Frame("jit", hoist=False) as frame:
        specs_of(given)
    assert [owner for owner, _ in frame.notes.values()] == given


def test_states_are_made_with_kind_name_tags_and_what_a_subclass_adds() -> None:
    given: list[State[Any]] = [
        ParamState(1.0, name="w", tag="slow"),
        Noted(1.0, "a"),
        Noted(2.0, "b"),
    ]
    made: list[Any] = make_states(specs_of(given), [3.0, 4.0, 5.0])
    assert [type(state) for state in made] == [ParamState, Noted, Noted]
    assert (made[0].name, made[0].tag) == ("w", frozenset({"slow"}))
    assert [state.note for state in made[1:]] == ["a", "b"]
    assert [state.value for state in made] == [3.0, 4.0, 5.0]


def test_states_made_in_a_frame_live_there() -> None:
    with Frame("jit", hoist=False) as frame:
        [made] = make_states(specs_of([State(1.0)]), [2.0])
        assert made.value == 2.0
        assert made in frame.born


def test_states_made_in_a_plain_transform_may_be_written_there() -> None:
    specs = specs_of([State(1.0)])

    def body(x: Any) -> Any:
        [made] = make_states(specs, [x])
        made.value = made.value + 1
        return made.value

    assert jax.vmap(body)(jnp.arange(2.0)).tolist() == [1, 2]
