"""``vmap_new_states``: states that come to be inside hold all the lanes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn, random
from brainlite.errors import MapStateError, OptionError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import jit, vmap
from brainlite.transform._lanes._vmap_new_states import vmap_new_states
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values
from tests.transform.small import Counter

X = jnp.arange(1.0, 4.0)


class Model(Node):
    """Makes a random state, a constant one and a list of them."""

    noise: HiddenState[Array]
    zeros: ParamState[Array]
    both: list[State[Array]]

    def make(self) -> None:
        self.noise = HiddenState(random.randn(2))
        self.zeros = ParamState(jnp.zeros(2))
        self.both = [State(jnp.ones(())), self.noise]


def test_states_hold_all_the_lanes_in_their_place() -> None:
    model = Model()
    vmap_new_states(model.make, axis_size=5)()
    assert model.noise.value.shape == (5, 2)
    assert len(np.unique(model.noise.value)) == 10
    assert_same(model.zeros.value, jnp.zeros((5, 2)))
    assert model.both[1] is model.noise
    assert model.both[0].value.shape == (5,)


def test_second_call_writes_to_the_same_states() -> None:
    model = Model()
    make = vmap_new_states(model.make, axis_size=5, state_tag="lanes")
    make()
    noise, first = model.noise, model.noise.value
    make()
    assert model.noise is noise
    assert model.both[1] is noise
    assert not np.array_equal(first, noise.value)


def test_states_that_were_there_before_get_the_lanes() -> None:
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    hidden = cell.h

    @vmap_new_states(axis_size=5, state_tag="t")
    def init() -> None:
        nn.init_all_states(cell)

    init()
    assert cell.h is hidden
    assert hidden.value.shape == (5, 3)
    assert hidden.tag == frozenset({"t"})


def test_cell_runs_in_lanes_afterwards() -> None:
    cell = nn.GRUCell(2, 3)

    @vmap_new_states(axis_size=5)
    def init() -> None:
        nn.init_all_states(cell)

    init()
    xs = jax.random.normal(jax.random.key(0), (5, 2))
    out = vmap(cell, in_states=cell.h)(xs)
    nn.init_all_states(cell, batch_size=5)
    assert_close(out, cell(xs))


def test_mapped_arguments_and_results() -> None:
    class Store(Node):
        kept: State[Array]

        def __call__(self, x: Array, y: Array) -> Array:
            self.kept = State(x * y)
            return x + 1

    store = Store()
    out = vmap_new_states(store, in_axes=(0, None), out_axes=0)(X, jnp.asarray(2.0))
    assert_same(out, X + 1)
    assert_same(store.kept.value, X * 2)


def test_state_without_a_place_is_gone() -> None:
    def scratch(x: Array) -> Array:
        state = State(jnp.zeros(()))
        state.value = state.value + x
        return state.value

    assert_same(vmap_new_states(scratch)(X), X)


def test_excluded_states_are_shared() -> None:
    model = Model()
    vmap_new_states(model.make, axis_size=5, state_to_exclude=ParamState)()
    assert model.zeros.value.shape == (2,)
    assert model.noise.value.shape == (5, 2)
    vmap_new_states(
        model.make, axis_size=3, state_to_exclude=lambda path, state: path[0] == "zeros"
    )()
    assert model.zeros.value.shape == (2,)
    assert model.noise.value.shape == (3, 2)


def test_excluded_state_may_not_differ_between_lanes() -> None:
    model = Model()
    with pytest.raises(MapStateError, match=r"different value in each lane[\s\S]*'noise'"):
        vmap_new_states(model.make, axis_size=5, state_to_exclude=HiddenState)()
    assert vars(model) == {}


def test_tag_is_on_new_states_only() -> None:
    model, old = Model(), State(jnp.zeros(()))

    def make() -> None:
        model.make()
        setattr(model, "old", old)

    vmap_new_states(make, axis_size=2, state_tag="lanes")()
    assert {state.tag for state in (model.noise, model.zeros, *model.both)} == {
        frozenset({"lanes"})
    }
    assert old.tag is None


def test_states_from_outside_follow_the_rules_of_vmap() -> None:
    model, seen, weight = Model(), State(X), State(jnp.zeros(()))

    def make(x: Array) -> Array:
        model.make()
        seen.value = seen.value + x
        return seen.value

    out = vmap_new_states(make, in_states=seen)(X)
    assert_same([out, seen.value], [2 * X, 2 * X])

    def wrong(x: Array) -> None:
        model.make()
        weight.value = x

    with pytest.raises(MapStateError, match="was not declared"):
        vmap_new_states(wrong)(X)
    assert values(weight) == [0]
    vmap_new_states(wrong, out_states=weight)(X)
    assert_same(weight.value, X)


def test_shared_write_comes_out_once() -> None:
    counter = Counter()
    assert_same(vmap_new_states(counter, axis_size=3)(X), X)
    assert values(counter.count) == [1]


def test_generator_goes_on_once() -> None:
    random.seed(0)
    vmap_new_states(Model().make, axis_size=3)()
    after = random.DEFAULT.value
    random.seed(0)
    vmap(lambda: random.randn(2), axis_size=3)()
    assert_same(after, random.DEFAULT.value)


def test_under_jit_and_body_runs_once() -> None:
    runs, model = Runs(), Model()

    def make() -> None:
        runs.add()
        model.make()

    run = jit(lambda: vmap_new_states(make, axis_size=4, state_tag="t")())
    assert runs.of(run) == 1
    first = model.noise.value
    assert runs.of(run) <= 1  # the place was empty before
    assert runs.of(run) == 0
    assert model.noise.value.shape == (4, 2)
    assert not np.array_equal(first, model.noise.value)


def test_nothing_is_left_when_it_fails() -> None:
    model = Model()

    def make() -> None:
        model.make()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        vmap_new_states(make, axis_size=4)()
    assert vars(model) == {}


@pytest.mark.parametrize("axis_size", [0, -1, 2.0])
def test_bad_axis_size(axis_size: int) -> None:
    with pytest.raises(OptionError, match="axis_size: a whole number, 1 or more"):
        vmap_new_states(Model().make, axis_size=axis_size)


@pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])
def test_a_module_that_is_made_and_returned_has_all_the_lanes(lifted: bool) -> None:
    random.seed(0)
    make = vmap_new_states(lambda: nn.Linear(2, 3), axis_size=5, state_tag="ensemble")
    models = jit(make)() if lifted else make()
    assert models.weight.value["weight"].shape == (5, 2, 3)
    assert len(np.unique(models.weight.value["weight"])) == 30
    assert models.weight.tag == frozenset({"ensemble"})
    assert vmap(lambda m, x: m(x), in_axes=(0, None))(models, jnp.ones(2)).shape == (5, 3)


def test_excluded_states_of_what_is_returned_are_shared() -> None:
    class Made(nn.Module):
        def __init__(self, x: Array) -> None:
            self.weight = ParamState(jnp.ones((2, 3)))
            self.h = HiddenState(x)

    for axes in (0, -1):
        make = vmap_new_states(Made, state_to_exclude=ParamState, out_axes=axes)
        made = make(X)
        assert_same(made.weight.value, jnp.ones((2, 3)))
        assert_same(made.h.value, X)
    chosen = vmap_new_states(Made, state_to_exclude=lambda path, _: path == ("weight",))(X)
    assert chosen.weight.value.shape == (2, 3)
    with pytest.raises(MapStateError, match=r"(?s)HiddenState.*excluded.*at 'h'"):
        vmap_new_states(Made, state_to_exclude=HiddenState)(X)


def test_what_is_put_in_place_and_returned_is_one_object() -> None:
    class Holder(nn.Module):
        inner: nn.Linear

        def make(self) -> nn.Linear:
            self.inner = nn.Linear(2, 3)
            return self.inner

    holder = Holder()
    assert vmap_new_states(holder.make, axis_size=5)() is holder.inner
    assert holder.inner.weight.value["bias"].shape == (5, 3)
