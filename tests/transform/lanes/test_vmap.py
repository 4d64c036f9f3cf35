"""``vmap`` does in each lane what the function does, and shares what is the same in all."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite import graph, nn, random
from brainlite.errors import MapStateError
from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import checkpoint, cond, for_loop, grad, jit, vmap, vmap_new_states
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, counted_work, says, values
from tests.transform.small import Counter, Scale, Total

X = np.arange(1.0, 5.0, dtype=np.float32)  # (lanes,)

eager_and_jitted = pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])


def maybe_jit(fun: Callable[..., Any], lifted: bool) -> Callable[..., Any]:
    return jit(fun) if lifted else fun


class Cell(Node):
    """A recurrent cell: a shared parameter, and a hidden state for each lane."""

    def __init__(self, *lanes: int) -> None:
        self.weight = ParamState(jnp.full(3, 0.5, jnp.float32))
        self.hidden = HiddenState(jnp.zeros((*lanes, 3)))

    def __call__(self, x: Array) -> Array:
        self.hidden.value = jnp.tanh(self.hidden.value * self.weight.value + x)
        return self.hidden.value.sum()


def lane_by_lane(xs: np.ndarray[Any, Any], steps: int = 1) -> tuple[list[Array], list[Array]]:
    """Return what a cell gives for each lane alone, after some steps, and its hidden states."""
    outs: list[Array] = []
    hidden: list[Array] = []
    for x in xs:
        cell = Cell()
        outs.append([cell(jnp.asarray(x)) for _ in range(steps)][-1])
        hidden.append(cell.hidden.value)
    return outs, hidden


# States with and without lanes.


@eager_and_jitted
def test_a_declared_state_has_one_value_for_each_lane(lifted: bool) -> None:
    cell = Cell(4)
    fun = maybe_jit(vmap(cell, in_states=cell.hidden), lifted)
    for steps in (1, 2):
        outs, hidden = lane_by_lane(X, steps)
        assert_close(fun(jnp.asarray(X)), outs)
        assert_close(values(cell.hidden), [np.stack(hidden)])
    assert_close(values(cell.weight), [np.full(3, 0.5)])


@pytest.mark.parametrize(
    "declare",
    [
        lambda cell: cell.hidden,
        lambda cell: [cell.hidden],
        lambda cell: {"h": cell.hidden},
        lambda cell: graph.states(cell, HiddenState),
        lambda cell: {0: [cell.hidden]},
        lambda cell: {-2: graph.states(cell, HiddenState)},
    ],
    ids=["state", "list", "dict", "states", "axis", "negative axis"],
)
def test_states_are_declared_in_many_ways(declare: Callable[[Cell], Any]) -> None:
    cell = Cell(4)
    outs, _ = lane_by_lane(X)
    assert_close(vmap(cell, in_states=declare(cell))(jnp.asarray(X)), outs)
    assert cell.hidden.value.shape == (4, 3)


@eager_and_jitted
def test_a_state_may_have_its_lanes_along_another_axis(lifted: bool) -> None:
    cell = Cell()
    cell.hidden = HiddenState(jnp.zeros((3, 4)))
    outs, hidden = lane_by_lane(X)
    fun = maybe_jit(vmap(cell, in_states={1: cell.hidden}), lifted)
    assert_close(fun(jnp.asarray(X)), outs)
    assert_close(values(cell.hidden), [np.stack(hidden, 1)])


def test_a_state_may_get_its_lanes_in_the_vmap() -> None:
    cell = Cell()
    outs, hidden = lane_by_lane(X)
    assert_close(vmap(cell, out_states={1: cell.hidden})(jnp.asarray(X)), outs)
    assert_close(values(cell.hidden), [np.stack(hidden, 1)])


def test_a_declared_state_that_is_only_read_stays_as_it_is() -> None:
    bias = State(jnp.asarray(X))
    assert_close(vmap(lambda x: x + bias.value, in_states=bias)(jnp.asarray(X)), X * 2)
    assert_same(values(bias), [X])


@eager_and_jitted
def test_a_write_that_is_the_same_in_each_lane_needs_no_declaration(lifted: bool) -> None:
    model = Counter()
    fun = maybe_jit(vmap(model), lifted)
    for count in (1, 2):
        assert_close(fun(jnp.asarray(X)), X * count)
        assert_same(values(model.count), [count])


def test_a_module_as_an_argument_has_the_axis_of_its_states() -> None:
    outs, hidden = lane_by_lane(X)
    cell = Cell(4)
    cell.weight = ParamState(jnp.full((4, 3), 0.5, jnp.float32))
    fun = vmap(lambda cell, x: cell(x))
    assert_close(fun(cell, jnp.asarray(X)), outs)
    assert_close(values(cell.hidden), [np.stack(hidden)])
    shared = Scale()
    rows = jnp.ones((2, 3))
    assert_close(vmap(lambda m, x: m(x), in_axes=(None, 0))(shared, rows), np.full((2, 3), 2.0))


def test_a_state_made_in_each_lane_takes_the_place_of_a_declared_one() -> None:
    class Fresh(Node):
        def __init__(self) -> None:
            self.hidden = HiddenState(jnp.zeros((4, 2)))

        def __call__(self, x: Array) -> Array:
            self.hidden = HiddenState(jnp.full(2, x))
            return x

    model = Fresh()
    resident = model.hidden
    vmap(model, out_states=resident)(jnp.asarray(X))
    assert model.hidden is resident
    assert_close(values(resident), [np.stack([X, X], 1)])


# Arguments and results.


def test_axes_of_arguments_and_results_are_those_of_jax() -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0)

    def fun(a: Array, b: dict[str, Array], c: float) -> tuple[Array, Array]:
        return a * c, a.sum() + b["b"]

    in_axes, out_axes = (1, {"b": 0}, None), (1, 0)
    untyped: Any = fun
    expected = jax.vmap(untyped, in_axes, out_axes)(a, {"b": b}, 2.0)
    assert_close(vmap(untyped, in_axes=in_axes, out_axes=out_axes)(a, {"b": b}, 2.0), expected)


def test_keyword_arguments_are_mapped_over_axis_zero() -> None:
    def fun(x: Array, *, shift: Array) -> Array:
        return x + shift

    assert_close(vmap(fun)(jnp.asarray(X), shift=jnp.asarray(X * 10)), X * 11)


def test_an_axis_may_be_named_and_sized() -> None:
    psum: Any = jax.lax.psum
    named = vmap(lambda x: x / psum(x, "batch"), axis_name="batch")
    assert_close(named(jnp.asarray(X)), X / X.sum())
    model = Counter()
    sized = vmap(lambda: model(jnp.ones(())), axis_size=3, in_axes=())
    assert_close(sized(), np.ones(3))


def test_vmap_is_a_decorator_with_and_without_options() -> None:
    @vmap
    def double(x: Array) -> Array:
        """Double."""
        return x * 2

    @vmap(in_axes=(None, 0))
    def multiply(x: Array, y: Array) -> Array:
        return x * y

    assert_close(double(jnp.asarray(X)), X * 2)
    assert_close(multiply(jnp.asarray(2.0), jnp.asarray(X)), X * 2)
    assert (double.__name__, double.__doc__) == ("double", "Double.")


# Random numbers.


@eager_and_jitted
def test_lanes_draw_different_numbers_and_the_generator_goes_on_once(lifted: bool) -> None:
    generator = RandomState(0)

    def draw(x: Array) -> Array:
        return generator.normal(x, 1.0, 2)

    fun = maybe_jit(vmap(draw), lifted)
    drawn = fun(jnp.zeros(4))
    assert len(set(np.asarray(drawn).ravel().tolist())) == 8
    kept, used = jax.random.split(jax.random.key(0))
    assert_same(generator.value, kept)
    keys = [jax.random.split(jax.random.fold_in(used, lane))[1] for lane in range(4)]
    assert_close(drawn, [jax.random.normal(key, (2,)) for key in keys])
    again = fun(jnp.zeros(4))
    assert not set(np.asarray(again).ravel().tolist()) & set(np.asarray(drawn).ravel().tolist())


def test_several_draws_in_a_lane_advance_the_generator_once() -> None:
    generator = RandomState(0)
    drawn = vmap(lambda _: generator.normal(0.0, 1.0) - generator.normal(0.0, 1.0))(jnp.zeros(2))
    assert (np.asarray(drawn) != 0).all()
    assert_same(generator.value, jax.random.split(jax.random.key(0))[0])


def test_a_generator_that_is_not_used_does_not_go_on() -> None:
    generator = RandomState(0)
    vmap(lambda x: x * 2)(jnp.asarray(X))
    assert_same(generator.value, jax.random.key(0))


def test_a_declared_generator_has_a_key_for_each_lane() -> None:
    keys = jax.random.split(jax.random.key(3), 4)
    generator = RandomState(0)
    generator.value = keys
    drawn = vmap(lambda _: generator.normal(0.0, 1.0), in_states=generator)(jnp.zeros(4))
    pairs = [jax.random.split(key) for key in keys]
    assert_close(drawn, [jax.random.normal(used) for _, used in pairs])
    assert_same(generator.value, jnp.stack([kept for kept, _ in pairs]))


@pytest.mark.parametrize("first", ["loop", "branch"])
def test_what_draws_first_may_be_a_loop_or_a_branch_in_the_lane(first: str) -> None:
    generator = RandomState(0)

    def fun(x: Array) -> Array:
        if first == "loop":
            drawn = for_loop(lambda t: t + generator.normal(0.0, 1.0), jnp.zeros(3)).sum()
        else:
            drawn = cond(x > 2, lambda: generator.normal(0.0, 1.0), lambda: x)
        return drawn + generator.normal(0.0, 1.0)

    drawn = vmap(fun)(jnp.asarray(X))
    assert len(set(np.asarray(drawn).tolist())) == 4
    assert_same(generator.value, jax.random.split(jax.random.key(0))[0])


# With other transforms.


@eager_and_jitted
def test_a_vmap_in_a_vmap_maps_two_axes(lifted: bool) -> None:
    cell = Cell(2, 4)
    xs = np.stack([X, -X])
    inner = vmap(cell, in_states=cell.hidden)
    fun = maybe_jit(vmap(inner, in_states=cell.hidden), lifted)
    outs, hidden = lane_by_lane(xs.ravel())
    assert_close(fun(jnp.asarray(xs)), np.reshape(outs, (2, 4)))
    assert_close(values(cell.hidden), [np.reshape(np.stack(hidden), (2, 4, 3))])


def test_lanes_of_nested_vmaps_draw_different_numbers() -> None:
    generator = RandomState(0)
    drawn = vmap(vmap(lambda x: x + generator.normal(0.0, 1.0)))(jnp.zeros((3, 4)))
    assert len(set(np.asarray(drawn).ravel().tolist())) == 12


def test_a_loop_in_a_vmap_and_a_vmap_in_a_loop_agree() -> None:
    inside, outside = Cell(4), Cell(4)
    xs = np.outer(np.ones(3, np.float32), X)
    in_lanes = vmap(lambda x: for_loop(inside, x), in_states=inside.hidden, in_axes=1, out_axes=1)
    lanes = vmap(outside, in_states=outside.hidden)
    assert_close(in_lanes(jnp.asarray(xs)), for_loop(lanes, jnp.asarray(xs)))
    _, hidden = lane_by_lane(X, 3)
    assert_close(values(inside.hidden, outside.hidden), [np.stack(hidden)] * 2)


def test_an_ensemble_is_a_vmap_of_a_gradient_of_a_loop() -> None:
    cell = Cell(2)
    cell.weight = ParamState(jnp.stack([jnp.full(3, 0.5), jnp.full(3, 0.2)]))
    xs = jnp.asarray(X)

    def train(shift: Array) -> Array:
        return grad(lambda: for_loop(cell, xs + shift).sum(), cell.weight)()

    def raw(weight: Array, shift: Array) -> Array:
        def step(hidden: Array, x: Array) -> tuple[Array, Array]:
            hidden = jnp.tanh(hidden * weight + x)
            return hidden, hidden.sum()

        return jax.lax.scan(step, jnp.zeros(3), xs + shift)[1].sum()

    shifts = jnp.asarray([0.0, -3.0])
    weights = cell.weight.value
    gradients = jit(vmap(train, in_states=[cell.hidden, cell.weight]))(shifts)
    assert_close(gradients, [jax.grad(raw)(w, s) for w, s in zip(weights, shifts, strict=True)])


def test_a_branch_in_a_lane_writes_in_that_lane_alone() -> None:
    total = HiddenState(jnp.zeros(4))

    def add(x: Array) -> Array:
        total.value = total.value + x
        return x

    vmap(lambda x: cond(x > 2, add, lambda x: x, x), in_states=total)(jnp.asarray(X))
    assert_close(values(total), [np.where(X > 2, X, 0)])


def test_the_second_call_compiles_nothing() -> None:
    cell = Cell(4)
    fun = vmap(cell, in_states=cell.hidden)
    for _ in range(2):
        fun(jnp.asarray(X))
    with counted_work() as work:
        fun(jnp.asarray(X))
    assert work.compiled == 0


# Errors.


@eager_and_jitted
def test_an_undeclared_write_that_differs_raises_and_says_how_to_declare_it(lifted: bool) -> None:
    model = Total()

    def run(model: Total) -> Array:
        return vmap(model)(jnp.asarray(X))

    message = says(
        "this HiddenState gets a different value in each lane of a vmap, and was not declared",
        where=r"Total\.total \(HiddenState\)",
        expected="a value that all lanes share, or a declared state",
        got=r"one float32\[\] for each lane",
        fix="pass it in `out_states=`.*`in_states=`",
    )
    with pytest.raises(MapStateError, match=message):
        maybe_jit(run, lifted)(model)
    assert_same(values(model.total), [0.0])


# States and modules that are made in each lane.


class Own(nn.Module):
    """A model that starts a hidden state of its own, in a loop or not."""

    def __init__(self) -> None:
        self.cell = nn.GRUCell(2, 3)
        self.readout = nn.Linear(3, 1)

    def update(self, xs: Array) -> Array:
        nn.init_all_states(self)
        return self.readout(for_loop(self.cell, xs)[-1])[0]


SEQUENCES = jnp.asarray(np.random.RandomState(0).randn(4, 5, 2), jnp.float32)  # (lanes, T, I)


def own(made_before: bool) -> Own:
    random.seed(0)
    model = Own()
    return nn.init_all_states(model) if made_before else model


@pytest.mark.parametrize("made_before", [False, True])
@pytest.mark.parametrize(
    "mapped",
    [
        vmap,
        lambda model: jit(vmap(model)),
        lambda model: vmap(jit(model)),
        lambda model: vmap(lambda xs: grad(model, return_value=True)(xs)[1]),
        lambda model: vmap(checkpoint(model)),
        lambda model: lambda xs: vmap(vmap(model))(xs[None])[0],
        lambda model: vmap(model.update),
        lambda model: lambda xs: vmap(lambda m, x: m(x), in_axes=(None, 0))(model, xs),
    ],
)
def test_a_model_that_starts_its_own_hidden_state_runs_in_lanes(
    mapped: Callable[[Any], Any], made_before: bool
) -> None:
    model = own(made_before)
    alone = [model(xs) for xs in SEQUENCES]
    model = own(made_before)
    run = mapped(model)
    for _ in range(2):  # what the first call has left does not matter to the second
        assert_close(run(SEQUENCES), jnp.stack(alone))
        assert model.cell.h.value.shape[-2:] == (4, 3)
    assert_close(model(SEQUENCES[0]), alone[0])
    assert model.cell.h.value.shape == (3,)


@eager_and_jitted
@pytest.mark.parametrize("made_before", [False, True])
def test_gradients_of_each_sample(lifted: bool, made_before: bool) -> None:
    model = own(made_before)

    def gradient(xs: Array) -> Any:
        return grad(lambda: model(xs) ** 2, model.states(ParamState))()

    alone = [gradient(xs) for xs in SEQUENCES]
    found = maybe_jit(vmap(gradient), lifted)(SEQUENCES)
    assert_close(found, jax.tree.map(lambda *each: jnp.stack(each), *alone))
    through = vmap(grad(lambda xs: model(xs), model.states(ParamState)))(SEQUENCES)
    assert through.keys() == found.keys()


class Keeps(Node):
    """Makes a hidden state that it has looked at before, in one of several ways."""

    def __init__(self) -> None:
        self.h = HiddenState(jnp.zeros(()))

    def reads(self, x: Array) -> Array:
        self.h = HiddenState(self.h.value + x)
        return self.h.value

    def keeps_parameter(self, x: Array) -> Array:
        self.weight = ParamState(x)
        return self.weight.value

    def asks(self, x: Array) -> Array:
        if not hasattr(self, "lazy"):
            self.lazy = HiddenState(jnp.zeros(()))
        self.lazy.value = self.lazy.value + x
        return self.lazy.value

    def branches(self, x: Array) -> Array:
        def make() -> Array:
            self.h = HiddenState(x)
            return self.h.value

        return cond(x > 2, make, lambda: x)

    def loops(self, x: Array) -> Array:
        def step(y: Array) -> Array:
            self.h = HiddenState(self.h.value + y)
            return self.h.value

        return for_loop(step, jnp.stack([x, x]))[-1]

    def in_gradient(self, x: Array) -> Array:
        return grad(self.reads)(x) + self.h.value


@pytest.mark.parametrize(
    "way", ["reads", "keeps_parameter", "asks", "branches", "loops", "in_gradient"]
)
def test_a_state_whose_value_before_matters_must_be_declared(way: str) -> None:
    model = Keeps()
    message = "(?s)different value in each lane.*not declared.*fix"
    for _ in range(2):
        with pytest.raises(MapStateError, match=message):
            vmap(getattr(model, way))(jnp.asarray(X))
    assert_same(model.h.value, 0.0)
    assert not hasattr(model, "lazy")


def test_how_to_make_states_in_lanes_is_said() -> None:
    with pytest.raises(MapStateError, match=r"(?s)`vmap_new_states` in place of `vmap`.*in_states"):
        vmap(Keeps().reads)(jnp.asarray(X))


class Net(nn.Module):
    """A model with two layers that share a parameter, and a generator of its own."""

    def __init__(self) -> None:
        self.one = nn.Linear(2, 3)
        self.other = self.one
        self.hidden = HiddenState(jnp.zeros(3))
        self.random = RandomState(0)

    def update(self, x: Array) -> Array:
        self.hidden.value = self.other(x)
        return self.hidden.value.sum()


@eager_and_jitted
def test_modules_that_are_made_and_returned_are_an_ensemble(lifted: bool) -> None:
    random.seed(0)
    make: Any = maybe_jit(vmap(Net, axis_size=4), lifted)
    models = make()
    weights = models.one.weight.value["weight"]
    assert weights.shape == (4, 2, 3)
    assert len(np.unique(weights)) == weights.size
    assert models.other is models.one
    assert models.hidden.value.shape == (4, 3)
    x = jnp.ones(2)
    found = vmap(lambda model, x: model(x), in_axes=(0, None))(models, x)
    assert_close(found, (x @ weights + models.one.weight.value["bias"]).sum(-1))
    assert models.hidden.value.shape == (4, 3)
    again = make()
    assert again is not models
    assert not np.array_equal(again.one.weight.value["weight"], weights)


def test_states_and_arrays_come_beside_them() -> None:
    made: Any = vmap(lambda x: {"x": x, "state": State(x + 1), "net": Net()})(jnp.asarray(X))
    assert_same(made["x"], X)
    assert_same(made["state"].value, X + 1)
    assert made["net"].hidden.value.shape == (4, 3)


def test_a_module_from_outside_comes_back_as_it_is() -> None:
    model = Net()
    assert vmap(lambda x: (model, x))(jnp.asarray(X))[0] is model


def test_an_ensemble_has_its_lanes_along_another_axis_where_that_is_asked_for() -> None:
    made = vmap(lambda: nn.Linear(2, 3), axis_size=4, out_axes=1)()
    assert made.weight.value["weight"].shape == (2, 4, 3)
    assert vmap(lambda m, x: m(x), in_axes=(1, None))(made, jnp.ones(2)).shape == (4, 3)


def test_an_undeclared_write_to_an_edited_dict_raises() -> None:
    state = State({"a": jnp.zeros(())})

    def fun(x: Array) -> Array:
        state.value["a"] = x
        return x

    with pytest.raises(MapStateError, match="gets a different value in each lane"):
        vmap(fun)(jnp.asarray(X))
    assert_same(values(state), [{"a": 0.0}])


@pytest.mark.parametrize("axis", [1, -2, 3])
def test_a_state_without_the_axis_raises(axis: int) -> None:
    model = Total()
    model.total = HiddenState(jnp.zeros(4))

    def run(model: Total) -> Array:
        return vmap(model, in_states={axis: model.total})(jnp.asarray(X))

    message = says(
        f"this HiddenState has no axis {axis} to map over",
        where=r"Total\.total \(HiddenState\)",
        expected=f"at least {max(axis + 1, -axis)} axes",
        got=r"float32\[4\]",
        fix=r"batch_size=.*or leave it out of in_states",
    )
    with pytest.raises(MapStateError, match=message):
        run(model)


def test_a_state_with_another_number_of_lanes_raises() -> None:
    cell = Cell(3)
    with pytest.raises(ValueError, match=r"4 in argument x, 3 in Cell\.hidden"):
        vmap(cell, in_states=cell.hidden)(jnp.asarray(X))
    assert_same(values(cell.hidden), [np.zeros((3, 3))])


def test_nothing_to_map_over_raises() -> None:
    with pytest.raises(ValueError, match="vmap"):
        vmap(lambda: jnp.zeros(()))()


@pytest.mark.parametrize("option", ["in_states", "out_states"])
@pytest.mark.parametrize("declared", [np.zeros(3), [1.0], {0: "h"}])
def test_a_declaration_of_something_else_raises(option: str, declared: Any) -> None:
    untyped: Any = vmap
    message = says(
        f"{option} holds something that is no state",
        expected="a State, a list of states",
        got="a (ndarray|float|str)",
        fix=rf"pass `{option}=model\.states\(brainlite\.HiddenState\)`",
    )
    with pytest.raises(MapStateError, match=message):
        untyped(lambda x: x, **{option: declared})


def test_what_is_declared_of_where_a_value_lives_has_the_axis_of_the_lanes() -> None:
    mesh = jax.make_mesh((1,), ("x",), axis_types=(AxisType.Auto,))

    def along(*names: str | None) -> NamedSharding:
        return NamedSharding(mesh, PartitionSpec(*names))  # type: ignore[no-untyped-call]  # jax's is not typed

    def placed(state: State[Array]) -> Any:
        state.sharding = along("x")
        return state

    def make(x: Array) -> Any:
        return x, placed(ParamState(jnp.full(3, x)))

    ways: list[Any] = [vmap, vmap_new_states]
    for mapped in ways:
        assert mapped(make)(jnp.asarray(X))[1].sharding == along(None, "x")
    assert vmap(make, out_axes=(0, 1))(jnp.asarray(X))[1].sharding == along("x", None)
    model = Keeps()
    model.h = placed(HiddenState(jnp.zeros(3)))

    def start(x: Array) -> Array:
        model.h = placed(HiddenState(jnp.full(3, x)))
        return x

    with pytest.raises(MapStateError, match="not declared"):  # it lives there as one value
        vmap(start)(jnp.asarray(X))
