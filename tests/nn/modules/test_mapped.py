"""Vmap and Map: a module over lanes, its states shared or one for each lane."""

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import HiddenState, ParamState, State, random
from brainlite.errors import MapStateError, NameNotFoundError, OptionError, StateMissingError
from brainlite.nn import (
    GRUCell,
    Linear,
    Map,
    Module,
    Sequential,
    Vmap,
    init_all_states,
    reset_all_states,
    vmap_init_all_states,
)
from brainlite.transform import grad, jit
from brainlite.typing import Array
from tests.closeness import assert_close


class Adding(Module):
    """A shared weight, and for each lane a sum, a scale of its own and a count."""

    def __init__(self) -> None:
        self.weight = ParamState(jnp.full(2, 2.0))

    def init_state(self, **kwargs: Any) -> None:
        self.sum = HiddenState(jnp.zeros(2))
        self.scale = ParamState(random.uniform(1.0, 2.0, 2))
        self.count = State(0)

    def update(self, x: Array, shift: Array | float = 0.0) -> Array:
        self.sum.value = self.sum.value + x * self.weight.value
        self.count.value = self.count.value + 1
        return (self.sum.value * self.scale.value).sum() + shift

    def total(self, factor: Array) -> Array:
        return self.sum.value.sum() * factor


def called(name: str) -> Any:
    return lambda path, _: path[-1] == name


XS = jnp.arange(8.0).reshape(4, 2)


def sums() -> np.ndarray[Any, Any]:
    return 2.0 * np.asarray(XS)


def test_vmap_maps_the_selected_states_and_shares_the_others() -> None:
    cell = vmap_init_all_states(GRUCell(2, 3), axis_size=4)
    alone = init_all_states(GRUCell(2, 3))
    alone.Wrz, alone.Wh = cell.Wrz, cell.Wh
    ys = Vmap(cell, vmap_states=HiddenState)(XS)
    assert_close(ys[1], alone(XS[1]))
    np.testing.assert_array_equal(cell.h.value, ys)


def test_vmap_takes_axes_as_jax_does_and_states_by_axis() -> None:
    class Kept(Module):
        def __init__(self) -> None:
            self.seen = State(jnp.zeros((2, 4)))
            self.last = State(jnp.zeros(()))

        def update(self, x: Array, y: Array) -> Array:
            self.seen.value = self.seen.value + x
            self.last.value = x.sum()
            return self.seen.value * y

    module = Kept()
    lanes = Vmap(
        module,
        in_axes=(0, None),
        out_axes=1,
        vmap_states={1: called("seen")},
        vmap_out_states=called("last"),
        axis_size=4,
    )
    assert lanes(XS, jnp.asarray(3.0)).shape == (2, 4)
    np.testing.assert_array_equal(module.seen.value, XS.T)
    np.testing.assert_array_equal(module.last.value, XS.sum(1))


def test_vmap_says_which_state_was_not_selected() -> None:
    cell = init_all_states(GRUCell(2, 3))
    with pytest.raises(MapStateError, match=r"(?s)Vmap.module.h .*gets a different value.*fix:"):
        Vmap(cell)(XS)
    assert cell.h.value.shape == (3,)


def test_vmap_names_its_axis_and_shows_only_what_was_given() -> None:
    index = Vmap(lambda x: x + jax.lax.axis_index("batch"), axis_name="batch")
    np.testing.assert_array_equal(index(XS), XS + jnp.arange(4)[:, None])
    text = str(Vmap(Linear(2, 3), axis_name="batch"))
    assert "axis_name='batch'" in text
    assert "axis_size" not in text


def test_map_makes_states_in_lanes_and_runs_over_them() -> None:
    lanes = Map(Adding(), init_map_size=4)
    lanes.init_all_states()
    module: Any = lanes.module
    made = lanes.dict_vmap_states or {}
    assert {axis: len(states) for axis, states in made.items()} == {0: 3}
    expected = (sums() * np.asarray(module.scale.value)).sum(1)
    assert_close(jit(lanes)(XS), expected)
    assert_close(lanes(XS * 0, shift=jnp.ones(4)), expected + 1)
    assert module.count.value.tolist() == [2] * 4
    assert module.weight.value.shape == (2,)


def test_a_map_is_set_back_in_its_lanes() -> None:
    model = Map(GRUCell(2, 3), init_map_size=4)
    init_all_states(model)
    first = model(jnp.ones((4, 2)))
    reset_all_states(model)
    np.testing.assert_array_equal(model(jnp.ones((4, 2))), first)


def test_map_keeps_lanes_along_the_axis_that_was_asked_for() -> None:
    module = Adding()
    lanes = Map(module, 4, init_state_axes={1: HiddenState}, state_tag="lane")
    for _ in range(2):
        lanes.init_all_states()
        assert module.sum.value.shape == (2, 4)
        assert module.scale.value.shape == (4, 2)
        lanes(XS)
        np.testing.assert_array_equal(module.sum.value, sums().T)
    assert len(lanes.states("lane")) == 3
    assert (lanes.dict_vmap_states or {})[1] == [module.sum]


def test_map_takes_further_states_at_a_call() -> None:
    module = Adding()
    module.weight = ParamState(jnp.arange(4.0)[:, None] * jnp.ones(2))
    lanes = Map(module, 4, call_state_axes={0: called("weight")})
    lanes.init_all_states()
    lanes(jnp.ones((4, 2)))
    np.testing.assert_array_equal(module.sum.value[:, 0], jnp.arange(4.0))


def test_map_calls_other_methods_and_functions_in_lanes() -> None:
    module = Adding()
    lanes = Map(module, 4)
    lanes.init_all_states()
    lanes(XS)
    expected = sums().sum(1)
    np.testing.assert_array_equal(lanes.map("total")(jnp.ones(4)), expected)
    np.testing.assert_array_equal(lanes.map("total", in_axes=None)(2.0), 2 * expected)
    np.testing.assert_array_equal(lanes.map(lambda x: module.total(x))(jnp.ones(4)), expected)
    shared = lanes.map("total", state_axes={})(jnp.ones(4))
    np.testing.assert_array_equal(shared, [expected.sum()] * 4)
    with pytest.raises(NameNotFoundError, match=r"Map: the module has no method 'nope'"):
        lanes.map("nope")


def test_map_is_part_of_a_model() -> None:
    model = Sequential(Map(GRUCell(2, 3), 4), Linear(3, 1))
    init_all_states(model)
    assert model(XS).shape == (4, 1)
    twin = copy.deepcopy(model)
    assert_close(twin(XS), model(XS))
    gradients = grad(lambda: model(XS).sum(), model.states(ParamState))()
    assert {path[-2:] for path in gradients} == {
        ("Wrz", "weight"),
        ("Wh", "weight"),
        ("1", "weight"),
    }


def test_map_says_what_is_missing_or_unknown() -> None:
    with pytest.raises(StateMissingError, match=r"(?s)Map: .*for 4 lanes.*init_all_states"):
        Map(GRUCell(2, 3), 4)(XS)
    with pytest.raises(OptionError, match=r"(?s)Map: .*'vmap'.*'pmap'.*shard_map"):
        Map(GRUCell(2, 3), 4, behavior="pmap")
    with pytest.raises(OptionError, match=r"(?s)1 or more.*got: +0"):
        Map(GRUCell(2, 3), 0).init_all_states()
