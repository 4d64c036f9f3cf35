"""``vmap2``: states with lanes are selected by filters."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import nn, random
from brainlite.errors import ArgumentError, FilterError, MapStateError, OptionError
from brainlite.graph import PathContains
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import jit, vmap, vmap2, vmap2_new_states
from brainlite.typing import Array
from tests.transform.checks import assert_same

X = jnp.arange(8.0).reshape(4, 2)


def cell() -> nn.GRUCell:
    random.seed(0)
    return nn.init_all_states(nn.GRUCell(2, 3), batch_size=4)


def expected() -> tuple[Array, Array]:
    model = cell()
    out = vmap(model, in_states=model.states(HiddenState))(X)
    return out, model.h.value


@pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])
@pytest.mark.parametrize(
    "held",
    [
        lambda model: model,
        lambda model: model.update,
        lambda model: lambda x: model(x),
        lambda model: lambda x: [model][0](x),
        lambda model: functools.partial(model),
        lambda model: jit(lambda x: model(x)),
    ],
)
def test_filters_select_among_the_states_that_the_function_holds(
    held: Callable[[Any], Any], lifted: bool
) -> None:
    model = cell()
    run = vmap2(held(model), state_in_axes=HiddenState)
    out = (jit(run) if lifted else run)(X)
    assert_same((out, model.h.value), expected())


def test_axes_are_those_of_the_first_filter_that_selects() -> None:
    model = cell()
    model.h.value = model.h.value.T
    vmap2(model, state_in_axes={1: PathContains("h"), 0: ParamState})  # made, not run
    out = vmap2(model, state_in_axes={1: HiddenState, 0: HiddenState})(X)
    assert_same((out, model.h.value), (expected()[0], expected()[1].T))


def test_states_get_their_lanes_where_they_are_to() -> None:
    seen = State(jnp.zeros(()))

    def see(x: Array) -> Array:
        seen.value = x.sum()
        return x

    with pytest.raises(MapStateError, match="not declared"):
        vmap2(see)(X)
    vmap2(see, state_out_axes=State)(X)
    assert_same(seen.value, X.sum(-1))


def test_they_are_looked_up_at_each_call() -> None:
    model = cell()
    run = vmap2(model, state_in_axes=HiddenState)
    run(X)
    nn.init_all_states(model, batch_size=4)
    assert_same(run(X), expected()[0])
    assert repr(run).startswith("vmap2(")


def test_what_is_no_filter_is_refused() -> None:
    untyped: Any = vmap2
    with pytest.raises(FilterError, match="no filter"):
        untyped(cell(), state_in_axes=3.5)(X)


def test_it_decorates() -> None:
    model = cell()

    @vmap2(state_in_axes=HiddenState)
    def step(x: Array) -> Array:
        return model(x)

    assert_same((step(X), model.h.value), expected())


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"state_in_axes": HiddenState}, "a function that holds ParamState"),
        ({"state_out_axes": {0: ParamState, 1: "none"}}, "a function that holds ParamState"),
    ],
)
def test_a_filter_that_selects_nothing_is_told_of(options: dict[str, Any], got: str) -> None:
    model = nn.GRUCell(2, 3)  # its hidden state was not made
    untyped: Any = vmap2
    with pytest.raises(MapStateError, match=rf"GRUCell: a filter in (.|\n)*no state(.|\n)*{got}"):
        untyped(model, **options)(X)
    with pytest.raises(MapStateError, match="a function that holds no states"):
        untyped(lambda x: x, **options)(X)
    untyped(lambda x: x, state_in_axes={0: None})(X)


def test_axes_are_not_guessed() -> None:
    with pytest.raises(OptionError, match=r"guesses no axes(.|\n)*got: .*'auto'"):
        vmap2(cell(), unexpected_out_state_mapping="auto")
    model = cell()
    vmap2(model, state_in_axes=HiddenState, unexpected_out_state_mapping="raise")(X)


def test_new_states_hold_their_lanes_where_filters_say() -> None:
    model = nn.LSTMCell(2, 3)
    filters = {1: PathContains("c")}
    for size in (5, 4):  # made, and made anew
        made = vmap2_new_states(model, {}, "lanes", size, filters)
        assert made == {0: [model.h], 1: [model.c]}
        assert (model.h.value.shape, model.c.value.shape) == ((size, 3), (3, size))
    assert model.h.tag == frozenset({"lanes"})


def test_new_states_may_be_shared() -> None:
    model = nn.LSTMCell(2, 3)
    made = vmap2_new_states(model, {}, axis_size=4, state_out_axes={None: PathContains("c")})
    assert made == {0: [model.h], None: [model.c]}
    assert (model.h.value.shape, model.c.value.shape) == ((4, 3), (3,))
    drawing = nn.LSTMCell(2, 3, state_init=nn.init.Normal())
    with pytest.raises(MapStateError, match="excluded by state_to_exclude"):
        vmap2_new_states(drawing, {}, axis_size=4, state_out_axes={None: HiddenState})
    with pytest.raises(ArgumentError, match="axis_size"):
        vmap2_new_states(model, {})
