"""vmap_init_all_states and its kin: states for many lanes, made and set back."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import HiddenState, ParamState, State, random
from brainlite.errors import ArgumentError, MapStateError, OptionError
from brainlite.nn import (
    GRUCell,
    Module,
    call_all_fns,
    vmap_call_all_fns,
    vmap_init_all_states,
    vmap_reset_all_states,
)
from brainlite.transform import jit, vmap
from tests.closeness import assert_close


class Drawing(Module):
    def __init__(self) -> None:
        self.weight = ParamState(jnp.ones(2))

    def init_state(self, size: int = 2, **kwargs: Any) -> None:
        self.h = HiddenState(random.rand(size))
        self.count = State(jnp.asarray(0))

    def reset_state(self, **kwargs: Any) -> None:
        self.h.value = random.rand(*self.h.value.shape[-1:])

    def bump(self, by: int) -> None:
        self.count.value = self.count.value * 0 + by


def test_states_are_made_in_lanes_that_differ_and_parameters_are_not() -> None:
    random.seed(0)
    model = vmap_init_all_states(Drawing(), 3, axis_size=4, state_tag="lanes")
    assert model.h.value.shape == (4, 3)
    assert model.count.value.shape == (4,)
    assert len(np.unique(np.asarray(model.h.value))) == 12
    assert model.weight.value.shape == (2,)
    assert set(model.states("lanes")) == {("h",), ("count",)}


def test_states_are_set_back_in_lanes_and_stay_the_same_states() -> None:
    model = vmap_init_all_states(Drawing(), axis_size=4)
    h, before = model.h, model.h.value
    vmap_reset_all_states(model, axis_size=4)
    assert model.h is h
    assert h.value.shape == (4, 2)
    assert not jnp.isclose(h.value, before).any()
    vmap_init_all_states(model, axis_size=3)
    assert h.value.shape == (3, 2)


def test_lanes_compute_as_models_of_their_own() -> None:
    random.seed(0)
    cell = GRUCell(2, 3, state_init=brainlite.nn.init.Normal())
    vmap_init_all_states(cell, axis_size=2)
    start, xs = cell.h.value, jnp.asarray(np.random.RandomState(0).randn(2, 2), jnp.float32)
    ys = vmap(cell, in_states=cell.states(HiddenState))(xs)
    for lane in range(2):
        cell.h.value = start[lane]
        assert_close(cell(xs[lane]), ys[lane])


def test_excluded_states_are_shared_or_the_difference_is_an_error() -> None:
    model = vmap_init_all_states(
        Drawing(), axis_size=4, state_to_exclude=lambda path, _: path[-1] == "count"
    )
    assert model.count.value.shape == ()
    with pytest.raises(MapStateError, match=r"(?s)different value in each lane.*fix:"):
        vmap_init_all_states(Drawing(), axis_size=4, state_to_exclude=HiddenState)


def test_any_method_is_called_in_lanes() -> None:
    model = Drawing()
    model.init_state()
    assert vmap_call_all_fns(model, "bump", 3, axis_size=2) is model
    assert model.count.value.tolist() == [3, 3]
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        vmap_call_all_fns(model, "nope", axis_size=2)


def test_under_jit_as_without() -> None:
    model = Drawing()

    @jit
    def start() -> None:
        vmap_init_all_states(model, axis_size=4)

    start()
    assert model.h.value.shape == (4, 2)


@pytest.mark.parametrize("size", [0, -1])
def test_the_number_of_lanes_is_checked_and_nothing_is_made(size: int) -> None:
    model = Drawing()
    with pytest.raises(OptionError, match=rf"(?s)1 or more.*got: +{size}.*fix:"):
        vmap_init_all_states(model, axis_size=size)
    assert not model.states(HiddenState)
    with pytest.raises(ArgumentError, match="nothing to map over"):
        vmap_call_all_fns(call_all_fns(model, "init_state"), "bump", 1)


def test_the_number_of_lanes_is_seen_in_states_that_hold_them() -> None:
    cell = vmap_init_all_states(GRUCell(2, 3), axis_size=4)
    other = vmap_init_all_states(GRUCell(2, 3), in_states=cell.states(HiddenState))
    assert other.h.value.shape == (4, 3)
    drawing = Drawing()
    drawing.weight.value = drawing.weight.value * 2
    vmap_init_all_states(drawing, axis_size=3)
    drawing.h.value = jnp.arange(6.0).reshape(2, 3)  # lanes along axis 1
    vmap_call_all_fns(drawing, "bump", 7, in_states={1: [drawing.h], 0: drawing.count})
    assert_close(drawing.h.value, jnp.arange(6.0).reshape(2, 3))
    assert drawing.count.value.tolist() == [7, 7, 7]
    untyped: Any = vmap_init_all_states
    with pytest.raises(ArgumentError, match="axis_size"):
        untyped(GRUCell(2, 3))
