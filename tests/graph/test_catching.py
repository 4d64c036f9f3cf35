"""``catch_new_states``: which states are made in a block, also by transforms."""

from collections.abc import Callable

import jax.numpy as jnp
import pytest

import brainlite
from brainlite import HiddenState, ParamState, State, catch_new_states, nn, random
from brainlite.graph import WithTag
from brainlite.transform import cond, for_loop, grad, jit, vmap
from brainlite.typing import Array
from tests.transform.checks import assert_same


class Maker(nn.Module):
    def make(self) -> None:
        self.made = HiddenState(jnp.arange(2.0))


def test_states_are_caught_in_order_and_tagged() -> None:
    before = State(0.0)
    with catch_new_states("run") as catcher:
        cell = nn.init_all_states(nn.GRUCell(2, 3))
        before.value = 1.0
    after = nn.init_all_states(nn.GRUCell(2, 3))
    assert catcher.get_states() == list(cell.states().values()) == catcher.states
    assert catcher.get_by_tag("run") == catcher.states
    assert catcher.get_by_tag("other") == []
    assert_same(catcher.get_state_values()[-1], cell.h.value)
    assert len(cell.states(WithTag("run"))) == 3
    assert after.h.tag is None


def test_what_is_excluded_is_left_alone_and_blocks_nest() -> None:
    with catch_new_states("outer", ParamState) as outer, catch_new_states("inner") as inner:
        cell = nn.init_all_states(nn.GRUCell(2, 3))
    assert outer.states == [cell.h]
    assert inner.states == list(cell.states().values())
    assert cell.h.tag == frozenset({"inner", "outer"})
    assert cell.Wh.weight.tag == frozenset({"inner"})


@pytest.mark.parametrize(
    "run",
    [
        lambda make: jit(make)(),
        lambda make: for_loop(make, length=3),
        lambda make: grad(lambda x: (make(), x)[1])(1.0),
        lambda make: cond(jnp.asarray(True), make, make),
    ],
    ids=["jit", "for_loop", "grad", "cond"],
)
def test_of_what_a_transform_makes_the_state_that_survives_is_caught(
    run: Callable[[Callable[[], None]], object],
) -> None:
    model = Maker()
    with catch_new_states("new") as catcher:
        run(model.make)
    assert catcher.states == [model.made]
    assert model.made.tag == frozenset({"new"})
    assert_same(catcher.get_state_values(), [jnp.arange(2.0)])


def test_a_compiled_function_makes_states_that_are_caught_at_each_call() -> None:
    make = jit(lambda: nn.Linear(2, 3))
    make()
    with catch_new_states("warm") as catcher:
        layers = [make(), make()]
        lanes = vmap(lambda: nn.Linear(2, 3), axis_size=4)()
    assert catcher.states == [*(layer.weight for layer in layers), lanes.weight]


def test_a_state_that_takes_the_place_of_another_is_none() -> None:
    model = Maker()
    model.make()
    with catch_new_states() as catcher:
        jit(model.make)()
    assert catcher.states == []


def test_a_block_inside_a_transform_catches_what_is_made_there() -> None:
    model = Maker()

    @jit
    def run(x: Array) -> list[Array]:
        with catch_new_states("inside") as catcher:
            model.made = HiddenState(x * 2)
        return catcher.get_state_values()

    assert_same(run(jnp.ones(2)), [jnp.full(2, 2.0)])
    assert model.made.tag == frozenset({"inside"})


def test_an_error_ends_the_block() -> None:
    with pytest.raises(RuntimeError, match="stop"), catch_new_states("lost") as catcher:
        raise RuntimeError("stop")
    assert State(0.0).tag is None
    assert catcher.states == []


def test_copies_are_new_states_and_generators_too() -> None:
    state = State(jnp.ones(2))
    with brainlite.catch_new_states() as catcher:
        copied = state.copy()
        generator = random.RandomState(0)
    assert catcher.states == [copied, generator]
