"""What a state declares of where it lives holds, whatever changes its value, and for its copies."""

import copy
import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from brainlite import checkpoint, environ, graph, nn, optim, random
from brainlite.errors import ShardingError, StateValueError, TransformError
from brainlite.interop import safetensors
from brainlite.state import HiddenState, LongTermState, ParamState, State
from brainlite.transform import (
    cond,
    eval_shape,
    for_loop,
    grad,
    jit,
    vmap,
    vmap_new_states,
)
from tests.closeness import assert_close, assert_same

pytestmark = pytest.mark.devices(8)

P: Any = PartitionSpec
optax: Any = importlib.import_module("optax")
constrain: Any = jax.lax.with_sharding_constraint
reshard: Any = jax.sharding.reshard
treescope: Any = importlib.import_module("treescope")


def over(*axes: Any, kind: Any = AxisType.Auto, **sizes: int) -> NamedSharding:
    sizes = sizes or {"data": 8}
    mesh = jax.make_mesh(tuple(sizes.values()), tuple(sizes), axis_types=(kind,) * len(sizes))
    return NamedSharding(mesh, P(*axes))


class Net(nn.Module):
    """A layer whose state holds two arrays, running averages, and a hidden state."""

    def __init__(self) -> None:
        self.layer = nn.Linear(8, 16)
        self.norm = nn.BatchNorm0d((16,))
        self.init_state()

    def init_state(self, batch_size: int = 8) -> None:
        self.h = HiddenState(jnp.zeros((batch_size, 16)))

    def reset_state(self, batch_size: int = 8) -> None:
        self.h.value = jnp.zeros((batch_size, 16))

    def update(self, x: jax.Array) -> jax.Array:
        self.h.value = self.h.value + self.norm(self.layer(x))
        return self.h.value


def declared() -> Net:
    model = Net()
    model.layer.weight.sharding = {"weight": over(None, "data"), "bias": over()}
    mean, var = model.norm.running_mean, model.norm.running_var
    assert mean is not None
    assert var is not None
    mean.sharding, var.sharding = over("data"), over()
    model.h.sharding = over("data")
    return model


def check_places(model: Any, count: int = 4) -> None:
    """Check that every state that declares a place is there, and that so many do."""
    states = [state for state in graph.states(model).values() if state.sharding is not None]
    assert len(states) == count
    for state in states:
        for leaf, where in zip(
            jax.tree.leaves(state.value), jax.tree.leaves(state.sharding), strict=True
        ):
            assert leaf.sharding == where
            assert not leaf.is_fully_replicated or where.is_fully_replicated


X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8)), "float32")


def train(model: Net) -> None:
    with environ.context(fit=True):
        model(X)


def whole(model: Net) -> None:
    """Write values that are whole on one device."""
    for state in graph.states(model).values():
        state.value = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf) + 1), state.value)


def reset(model: Net) -> None:
    nn.reset_all_states(model, batch_size=16)


def make_anew(model: Net) -> None:
    nn.init_all_states(model, batch_size=16)


def load(model: Net) -> None:
    model.load_state_dict({n: np.asarray(a) + 1 for n, a in Net().state_dict().items()})


def load_torch(model: Net) -> None:
    entries = Net().to_torch_state_dict()
    model.load_torch_state_dict({n: np.asarray(a) for n, a in entries.items()})


def load_safetensors(model: Net, folder: Path) -> None:
    safetensors.save(folder / "net.safetensors", Net())
    safetensors.load(folder / "net.safetensors", model)


def restore(model: Net, folder: Path) -> None:
    checkpoint.save(folder / "saved", model=Net())
    checkpoint.restore(folder / "saved", model=model)


def in_branches(model: Net) -> None:
    cond(X.sum() > 0, lambda: train(model), lambda: None)


def in_lanes(model: Net) -> None:
    x = jnp.stack([X, X])
    states = model.states(HiddenState)
    vmap(lambda x: model.layer(x).sum(), in_axes=0)(x)
    for state in states.values():
        state.value = state.value * 2


def differentiated(model: Net) -> None:
    parameters = model.states(ParamState)
    with environ.context(fit=True):
        gradient = grad(lambda: model(X).sum(), parameters)()
    parameters.assign(jax.tree.map(lambda p, g: p - g, parameters.to_values(), gradient))


WRITES: dict[str, Callable[..., None]] = {
    "eager call": train,
    "written by hand": whole,
    "reset": reset,
    "made anew": make_anew,
    "load_state_dict": load,
    "load_torch_state_dict": load_torch,
    "safetensors": load_safetensors,
    "checkpoint": restore,
    "a loop": lambda model: for_loop(lambda x: train(model), X[:3, None].repeat(8, 1)),
    "a branch": in_branches,
    "lanes": in_lanes,
    "gradients": differentiated,
    "half": lambda model: model.half(),
    "jit": lambda model: jit(train)(model),
    "jit, by closure": lambda model: jit(lambda: train(model))(),
    "jit, giving memory up": lambda model: jit(train, donate_argnums=0)(model),
    "jit of a loop": lambda model: jit(
        lambda: for_loop(lambda x: train(model), X[:3, None].repeat(8, 1))
    )(),
    "jit in jit": lambda model: jit(jit(train))(model),
    "jit that makes anew": lambda model: jit(lambda: make_anew(model))(),
    "jit that gathers": jit(
        lambda model: setattr(
            model.layer.weight,
            "value",
            jax.tree.map(
                lambda leaf: constrain(leaf * 2, over()),
                model.layer.weight.value,
            ),
        )
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_values_stay_where_the_state_declares_and_are_what_they_are_on_one_device(
    write: Callable[..., None], tmp_path: Path
) -> None:
    random.seed(0)
    plain = Net()
    random.seed(0)
    model = declared()
    more = (tmp_path,) if write in (load_safetensors, restore) else ()
    for _ in range(2):
        random.seed(1)
        write(model, *more)
        check_places(model)
        random.seed(1)
        write(plain, *more)
    found = graph.states(model).to_values()
    for path, value in graph.states(plain).to_values().items():
        assert_close(found[path], value, terms=64)  # sums of 8, then of 8 rows


COPIES: dict[str, Callable[[Any], Any]] = {
    "clone": graph.clone,
    "deepcopy": copy.deepcopy,
    "copy of a state": lambda model: [s.copy() for s in graph.states(model).values()],
    "deepcopy of a state": lambda model: [copy.deepcopy(s) for s in graph.states(model).values()],
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "split and merge": lambda model: graph.merge(*graph.split(model)),
    "pickled definition": lambda model: graph.merge(
        *pickle.loads(pickle.dumps(graph.split(model)))
    ),
    "a tree of states": lambda model: list(
        jax.tree.map(lambda leaf: leaf + 1, model.states()).values()
    ),
    "a compiled function": lambda model: jit(lambda: graph.clone(model))(),
    "the same, compiled by jax": lambda model: list(
        jax.jit(lambda states: jax.tree.map(lambda leaf: leaf + 1, states))(model.states()).values()
    ),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_live_where_the_original_does(copied: Callable[[Any], Any]) -> None:
    model = declared()
    other = copied(model)
    check_places(other)
    same = [state.sharding for state in graph.states(other).values()]
    assert same == [state.sharding for state in graph.states(model).values()]


def test_a_pickle_for_devices_that_are_not_here_declares_nothing_and_says_so() -> None:
    text = pickle.dumps(declared().layer.weight)
    # As another process would have written it, which has devices of other numbers.
    moved = text.replace(
        b"K\x00K\x01K\x02K\x03K\x04K\x05K\x06K\x07",
        bytes(byte for number in range(100, 108) for byte in (0x4B, number)),
    )
    assert moved != text
    with pytest.warns(UserWarning, match=r"pickled on 8 devices \{'data': 8\}.*Place the model"):
        state = pickle.loads(moved)
    assert state.sharding is None
    assert state.value["weight"].shape == (8, 16)


def test_a_model_without_values_declares_too_and_is_loaded_into_shards(tmp_path: Path) -> None:
    model = eval_shape(Net)
    where = over("data")
    model.layer.weight.sharding = {"weight": where, "bias": where}
    assert model.layer.weight.value["weight"].sharding == where
    source = Net()
    checkpoint.save(tmp_path / "saved", model=source)
    checkpoint.restore(tmp_path / "saved", model=model, select=ParamState)
    check_places(model, 1)
    assert_same(model.layer.weight.value, source.layer.weight.value)
    model = eval_shape(Net)
    model.layer.weight.sharding = {"weight": where, "bias": where}
    model.load_state_dict(source.state_dict())
    check_places(model, 1)


def test_a_step_is_compiled_once_and_moments_live_with_their_parameters() -> None:
    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        del duration_secs, kwargs
        if "backend_compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    model = declared()
    for state in model.norm.states(ParamState).values():
        state.sharding = over()
    optimizer = optim.Optimizer(
        model, optax.adamw, learning_rate=0.1, clip_norm=1.0, average=0.9, accumulate=2
    )
    for name, moment in optimizer.groups[0].slots["mu"].items():
        assert moment.sharding == optimizer.groups[0].params[name].sharding
    assert optimizer.step.sharding == over()

    @jit
    def step(x: jax.Array) -> jax.Array:
        with environ.context(fit=True):
            return optimizer.minimize(lambda: (model(x) ** 2).mean())

    x = jax.device_put(X, over("data"))
    counts: list[int] = []
    for _ in range(4):
        compiled.clear()
        step(x)
        counts.append(len(compiled))
    optimizer.learning_rate = 0.01
    compiled.clear()
    step(x)
    assert (counts, len(compiled)) == ([1, 0, 0, 0], 0)
    every = graph.states(optimizer)
    assert all(state.sharding is not None for state in every.values())
    check_places(optimizer, len(every))


def test_moments_may_be_cut_where_weights_are_whole() -> None:
    layer = nn.Linear(8, 16)
    layer.weight.sharding = over()
    optimizer = optim.Optimizer(layer, optax.adam, learning_rate=0.1)
    for moment in optimizer.groups[0].slots["mu"].values():
        moment.sharding = over("data")
    step = jit(lambda: optimizer.minimize(lambda: (layer(X) ** 2).sum()))
    for _ in range(3):
        step()
        check_places(optimizer, len(graph.states(optimizer)))
    assert layer.weight.value["weight"].is_fully_replicated
    assert not optimizer.groups[0].slots["mu"]["weight"].value["weight"].is_fully_replicated


def test_a_compiled_function_follows_a_new_declaration() -> None:
    total = State(jnp.zeros(8))

    @jit
    def add(x: jax.Array) -> None:
        total.value = total.value + x

    add(jnp.ones(8))
    for where in (over("data"), over(), over("b", a=2, b=4), over("data")):
        total.sharding = where
        assert total.value.sharding == where
        add(jnp.ones(8))
        assert total.value.sharding == where
    total.sharding = None
    add(jnp.ones(8))
    assert float(total.value[0]) == 6.0


def test_two_models_that_live_elsewhere_are_both_served() -> None:
    @jit
    def double(layer: nn.Linear) -> None:
        layer.weight.value = jax.tree.map(lambda leaf: leaf * 2, layer.weight.value)

    one, two = nn.Linear(8, 16), nn.Linear(8, 16)
    one.weight.sharding, two.weight.sharding = over("data"), over()
    for _ in range(2):
        double(one)
        double(two)
        check_places([one, two], 2)


def test_what_is_read_depends_on_what_is_declared() -> None:
    state = State(jnp.zeros(8))
    asks = jit(lambda: jnp.asarray(state.sharding is None) & (state.value[0] == 0))
    assert bool(asks())
    state.sharding = over("data")
    assert not bool(asks())


def test_lanes_of_new_states_are_laid_out_as_one_was_declared() -> None:
    class Cell(nn.Module):
        h: HiddenState

        def init_state(self) -> None:
            self.h = HiddenState(jnp.zeros((16, 2)))
            self.h.sharding = over("data")

        def update(self, x: jax.Array) -> jax.Array:
            return x + self.h.value

    cell = Cell()

    def init() -> None:
        nn.init_all_states(cell)

    vmap_new_states(init, axis_size=3)()
    assert cell.h.value.shape == (3, 16, 2)
    assert cell.h.sharding == over(None, "data")
    check_places(cell, 1)
    inner = Cell()
    nn.init_all_states(nn.Map(inner, init_map_size=3, init_state_axes={1: HiddenState}))
    assert inner.h.value.shape == (16, 3, 2)
    assert inner.h.sharding == over("data", None)


def test_memory_is_cut_not_copied() -> None:
    state = State(jnp.zeros((800, 100)))
    state.sharding = over("data")
    jit(lambda: setattr(state, "value", state.value + 1))()
    assert [shard.data.shape for shard in state.value.addressable_shards] == [(100, 100)] * 8


# Made by functions: where tests are gathered there is one device.
MISFITS: dict[str, tuple[Callable[[], Any], str]] = {
    "too many axes": (
        lambda: {"weight": over(), "bias": over(None, "data")},
        r"Linear.weight.*expected: of 'bias' a spec of at most 1 axes\n"
        r".*P\(None, 'data'\) of 2 for float32\[20\]",
    ),
    "does not divide": (
        lambda: {"weight": over(None, "data"), "bias": over()},
        r"of 'weight' axis 1 in 8 equal parts\n"
        r".*P\(None, 'data'\) of {'data': 8} for float32\[8,20\]",
    ),
    "two axes that do not divide": (
        lambda: {"weight": over(None, ("a", "b"), a=4, b=2), "bias": over()},
        r"axis 1 in 8 equal parts",
    ),
    "another structure": (
        lambda: {"weight": over()},
        r"another structure than its value\n.*tree of them like {'bias': float32\[20\], 'weight'",
    ),
    "no sharding": (
        lambda: {"weight": "data", "bias": over()},
        "of 'weight' a jax.sharding.Named",
    ),
    "not settled": (
        lambda: {"weight": over(PartitionSpec.UNCONSTRAINED), "bias": over()},
        "names of axes of the mesh, or None",
    ),
}


@pytest.mark.parametrize(("sharding", "message"), MISFITS.values(), ids=MISFITS)
def test_what_cannot_be_laid_out_is_refused_and_nothing_changes(
    sharding: Callable[[], Any], message: str
) -> None:
    layer = nn.Linear(8, 20)
    before = layer.weight.value
    with pytest.raises(ShardingError, match=f"(?s){message}.*fix:"):
        layer.weight.sharding = sharding()
    assert layer.weight.sharding is None
    assert layer.weight.value is before


def test_a_value_that_cannot_be_laid_out_as_declared_is_refused_eagerly_and_compiled() -> None:
    model = declared()
    before = model.h.value
    message = r"(?s)Net.h.*axis 0 in 8 equal parts.*P\('data'\) of {'data': 8} for float32\[4,16\]"
    with pytest.raises(ShardingError, match=message):
        model.h.value = jnp.zeros((4, 16))
    for function in (make_anew_with(4), jit(make_anew_with(4)), jit(write_four)):
        with pytest.raises(ShardingError, match=r"(?s)axis 0 in 8 equal parts.*float32\[4,16\]"):
            function(model)
    assert model.h.value is before


def make_anew_with(batch_size: int) -> Callable[[Net], None]:
    def init(model: Net) -> None:
        nn.init_all_states(model, batch_size=batch_size)

    return init


def write_four(model: Net) -> None:
    model.h.value = jnp.zeros((4, 16))


def test_a_sharding_is_not_declared_in_the_middle_of_a_transform() -> None:
    state = State(jnp.zeros(8))
    with pytest.raises(TransformError, match=r"(?s)sharding is set inside jit.*P\('data'\)"):
        jit(lambda: setattr(state, "sharding", over("data")))()
    assert state.sharding is None


def test_a_state_without_a_value_declares_for_the_first_one() -> None:
    state: State[Any] = State(None)
    state.sharding = over("data")
    state.value = jnp.zeros(8)
    assert state.value.sharding == over("data")
    state.value = None
    assert state.value is None


def test_on_explicit_axes_a_parameter_keeps_the_sharding_that_is_part_of_its_type() -> None:
    cut, whole = over("data", kind=AxisType.Explicit), over(kind=AxisType.Explicit)
    parameter = ParamState(jax.device_put(jnp.ones((8, 2)), cut))
    message = r"(?s)a value of another sharding\n.*expected: P\('data', None\).*reshard"
    for new in (jnp.ones((8, 2)), jax.device_put(jnp.ones((8, 2)), whole)):
        with pytest.raises(ShardingError, match=message):
            parameter.value = new
    gather = jit(lambda: setattr(parameter, "value", reshard(parameter.value, P())))
    assert isinstance(cut.mesh, Mesh)
    with jax.set_mesh(cut.mesh), pytest.raises(ShardingError, match=message):
        gather()
    parameter.value = parameter.value * 2
    jit(lambda: setattr(parameter, "value", parameter.value * 2))()
    assert jax.typeof(parameter.value).sharding.spec == P("data", None)
    parameter.sharding = cut  # then a write from outside is put there
    parameter.value = jnp.ones((8, 2))
    assert parameter.value.sharding == cut


def test_a_parameter_that_is_on_no_explicit_axes_can_be_laid_out_on_some_by_hand() -> None:
    cut = over("data", kind=AxisType.Explicit)
    parameter = ParamState(jnp.ones((8, 2)))
    parameter.value = jax.device_put(parameter.value, cut)
    assert parameter.value.sharding == cut
    other = ParamState(jnp.ones((8, 2)))
    with pytest.raises(ShardingError, match="another sharding"):
        jit(lambda x: setattr(other, "value", x))(parameter.value)
    assert not isinstance(other.value.sharding, type(cut))


def test_it_is_shown() -> None:
    layer = nn.Linear(8, 16)
    assert "sharding" not in repr(layer)
    assert "per device" not in repr(nn.summary(layer))
    layer.weight.sharding = {"weight": over(None, "data"), "bias": over()}
    for text in (repr(layer), repr(layer.weight), treescope.render_to_text(layer)):
        assert "P(None, 'data')" in text
    table = nn.summary(nn.Sequential(layer, nn.Linear(16, 2)))
    assert "per device" in repr(table)
    assert "on one device: " in repr(table)
    assert "per device" in format(table)
    # The first layer: an eighth of 8 x 16 numbers, and 16 whole ones. The second is whole.
    assert (table.bytes, table.device_bytes) == (4 * (128 + 16 + 34), 4 * (16 + 16 + 34))
    assert [row.device_bytes for row in table.rows] == [4 * 66, 4 * 32, 4 * 34]


def test_a_generator_lives_on_a_mesh_and_draws_the_same_numbers() -> None:
    here, there = random.RandomState(3), random.RandomState(3)
    there.sharding = over()
    draw = jit(lambda: (here.normal(size=4), there.normal(size=4)))
    for _ in range(3):
        one, other = draw()
        assert_same(one, other)
        assert_same(here.normal(size=4), np.asarray(there.normal(size=4)))
        assert there.value.sharding == over()
    with pytest.raises(StateValueError, match="no key"):
        there.value = jnp.zeros(2)


def test_other_kinds_of_value_are_placed_too() -> None:
    numbers = LongTermState({"a": (jnp.zeros(8), jnp.zeros((8, 2))), "n": 3})
    numbers.sharding = {"a": (over("data"), over(None)), "n": over()}
    assert [leaf.sharding.spec for leaf in jax.tree.leaves(numbers.value)] == [
        P("data"),
        P(None),
        P(),
    ]
