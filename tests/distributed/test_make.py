"""Models that are born on a mesh, placed there, and gathered."""

import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from brainlite import graph, nn, optim, random
from brainlite.distributed import batch, fsdp, gather, make, mesh, place, plan
from brainlite.errors import OptionError, ShardingError
from brainlite.graph import PathContains
from brainlite.state import ParamState
from brainlite.transform import jit
from tests.closeness import assert_close, assert_same

pytestmark = pytest.mark.devices(8)
P: Any = PartitionSpec


@pytest.fixture(autouse=True)
def _free_generator() -> Any:
    yield
    random.DEFAULT.sharding = None
    random.seed(0)


class Net(nn.Module):
    def __init__(self) -> None:
        self.up = nn.Linear(64, 128)
        self.norm = nn.BatchNorm0d((128,))
        self.rng = random.RandomState(3)
        self.down = nn.Linear(128, 8)
        self.table = jnp.arange(8.0)  # a plain attribute that is computed

    def update(self, x: jax.Array) -> jax.Array:
        return self.down(jax.nn.relu(self.norm(self.up(x)))) + self.table


RULES: Any = [
    (PathContains("up"), {"weight": P(None, "model"), "bias": P("model")}),
    (..., lambda name, leaf: P("data") if leaf.ndim == 2 else None),
]


def check_layout(model: Any) -> None:
    for state in graph.states(model).values():
        assert state.sharding is not None
        for leaf, where in zip(
            jax.tree.leaves(state.value), jax.tree.leaves(state.sharding), strict=True
        ):
            assert leaf.sharding == where


@pytest.mark.slow
def test_a_model_that_is_born_on_a_mesh_has_the_numbers_of_one_that_is_not() -> None:
    where = mesh(data=4, model=2)
    random.seed(7)
    plain = Net()
    random.seed(7)
    model = make(Net, where, RULES)
    check_layout(model)
    assert_close(gather(model), {n: np.asarray(a) for n, a in plain.state_dict().items()})
    assert_same(jax.random.key_data(random.DEFAULT.value), _next_key(7))
    assert_same(model.table, plain.table)
    assert [part.data.shape for part in model.up.weight.value["weight"].addressable_shards] == [
        (64, 64)
    ] * 8
    x = jnp.ones((8, 64))
    plain.eval()
    model.eval()
    assert_close(jit(model)(x), plain(x), terms=192)


def _next_key(seed: int) -> Any:
    """Return what the generator holds after the model was made on one device."""
    before = random.DEFAULT.value
    random.DEFAULT.sharding = None
    random.seed(seed)
    Net()
    after = jax.random.key_data(random.DEFAULT.value)
    random.DEFAULT.set_key(before)
    return after


class Wide(nn.Module):
    """Arrays that are drawn in several ways, all of them to be cut."""

    def __init__(self) -> None:
        self.layers = [nn.Linear(256, 512) for _ in range(4)]
        # An eighth of the largest: its decomposition, whole on each device, takes four times that.
        self.square = nn.Linear(256, 256, w_init=nn.init.Orthogonal())
        self.cell = nn.LSTM(256, 256)
        self.words = nn.Embedding(1024, 512)


def wide_with_optimizer() -> tuple[Wide, optim.Optimizer]:
    model = Wide()
    return model, optim.AdamW(lr=1e-3).register_trainable_weights(model)


@pytest.mark.slow
@pytest.mark.parametrize("factory", [Wide, wide_with_optimizer])
def test_no_device_holds_more_than_its_part_and_the_largest_array_while_it_is_made(
    factory: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, programs = mesh(data=-1), []

    def kept(function: Any) -> Any:
        program: Any = jit(function)
        programs.append(program)
        return program

    module: Any = importlib.import_module("brainlite.distributed._make")
    monkeypatch.setattr(module, "jit", kept)
    rules: Any = [(..., fsdp(where, "data"))]
    table = plan(factory, where, rules)
    assert table.bytes > 7 * table.device_bytes  # so most of it is cut
    made = make(factory, where, rules)
    [program] = programs
    memory = program.lower().compile().memory_analysis()
    assert memory.output_size_in_bytes < table.device_bytes + 2**14  # and the generator
    assert memory.temp_size_in_bytes < 1.25 * table.largest
    held = dict.fromkeys(range(8), 0)
    for state in graph.states(made).values():
        for leaf in jax.tree.leaves(state.value):
            for part in leaf.addressable_shards:
                held[part.device.id] += part.data.nbytes
    assert set(held.values()) == {table.device_bytes}


def test_a_model_that_is_there_is_placed_whole_or_cut_and_computes_what_it_did() -> None:
    model, x = Net(), jnp.ones((8, 64))
    model.eval()
    before, arrays = model(x), gather(model)
    for rules in ([], RULES, [(..., fsdp(mesh(data=4, model=2), "data", 0))]):
        assert place(model, mesh(data=4, model=2), rules) is model
        check_layout(model)
        assert_same(gather(model), arrays)
        assert_close(jit(model)(x), before, terms=192)


def test_what_no_rule_selects_stays_where_it_declares_to_be() -> None:
    where = mesh(data=-1)
    model = place(nn.Linear(64, 64), where, [(..., P("data"))])
    optimizer = optim.Adam(lr=0.1)
    optimizer.register_trainable_weights(model)
    place(optimizer, where, [(optim.OptimState, lambda name, leaf: None)])
    assert model.weight.sharding["weight"].spec == P("data")
    moment = optimizer.groups[0].slots["exp_avg"]["weight"]
    assert moment.sharding["weight"].spec == P()


def test_nothing_is_placed_where_one_rule_is_wrong() -> None:
    model = Net()
    before = {path: state.value for path, state in graph.states(model).items()}
    wrong: list[tuple[Any, type[Exception]]] = [
        ([(PathContains("up"), P("data")), ("nothing", P())], OptionError),
        ([(PathContains("up"), P()), (ParamState, P("data", "data"))], Exception),
        ([(PathContains("down"), {"bias": P(None, "model")})], ShardingError),
    ]
    for rules, error in wrong:
        with pytest.raises(error):
            place(model, mesh(data=4, model=2), rules)
    for path, state in graph.states(model).items():
        assert state.sharding is None
        assert state.value is before[path]
    assert random.DEFAULT.sharding is None


def test_the_generator_goes_on_for_models_on_one_device() -> None:
    older = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    where = mesh(data=-1)
    make(lambda: nn.Linear(8, 8), where, [])
    newer = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    on_first = jax.device_put(jnp.ones((4, 4)), jax.devices()[0])
    for model in (older, newer):
        model.train()
        for x in (jnp.ones((4, 4)), on_first):
            assert model(x).shape == (4, 4)
            assert jit(model)(x).shape == (4, 4)
    assert newer[0].weight.value["weight"].sharding.device_set == {jax.devices()[0]}


def test_the_generator_follows_the_models_that_draw_from_it() -> None:
    class Drops(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(4, 4)
            self.drop = nn.Dropout(0.5)

        def update(self, x: jax.Array) -> jax.Array:
            return self.drop(self.layer(x))

    random.seed(1)
    far = make(Drops, mesh(data=-1))
    near = Drops()
    near.layer.weight.value = jax.device_put(near.layer.weight.value, jax.devices()[3])
    for model in (far, near):
        model.train()
    counts: list[int] = []

    @jit
    def run(model: Drops, x: jax.Array) -> jax.Array:
        counts.append(1)
        return model(x)

    x, masks = jnp.ones((64, 4)), set[bytes]()
    for _ in range(3):
        for model, devices in ((far, jax.devices()), (near, jax.devices()[3:4])):
            out = run(model, x)
            masks.add(np.asarray(out != 0).tobytes())
            assert out.sharding.device_set == set(devices)
            assert random.DEFAULT.value.sharding.device_set == set(devices)
    assert len(masks) == 6  # every call has drawn numbers of its own
    assert len(counts) <= 4  # traces: one for each model, and one without the declaration
    both = jit(lambda: far(x) + near(x))
    with pytest.raises(ValueError, match="incompatible devices"):
        both()


def new_pair() -> tuple[nn.Linear, optim.Optimizer]:
    model = nn.Linear(8, 16)
    optimizer = optim.Adam(lr=0.1, accumulate=2, average=0.9)
    return model, optimizer.register_trainable_weights(model)


@pytest.mark.parametrize("wrap", [jit, lambda step: step], ids=["jit", "eager"])
def test_an_optimizer_made_before_its_model_was_placed_says_so_and_can_be_placed(wrap: Any) -> None:
    where = mesh(data=-1)
    model, optimizer = new_pair()
    x = jnp.ones((8, 8))

    def take(x: Any) -> Any:
        return optimizer.minimize(lambda: (model(x) ** 2).mean())

    whole, other = new_pair()
    whole.weight.value = model.weight.value
    for _ in range(4):
        take(x)
        other.minimize(lambda: (whole(x) ** 2).mean())
    place(model, where, [(..., fsdp(where, "data", 0))])
    before = optimizer.groups[0].slots["exp_avg"]["weight"].value
    step = wrap(take)
    with pytest.raises(OptionError, match=r"weight: .*placed(.|\n)*place\(optimizer, mesh\)"):
        step(jnp.asarray(x))
    assert optimizer.groups[0].slots["exp_avg"]["weight"].value is before
    place(optimizer, where)
    for name in ("exp_avg", "exp_avg_sq"):
        moment = optimizer.groups[0].slots[name]["weight"]
        assert moment.sharding == model.weight.sharding
        assert jax.tree.map(lambda a: a.sharding, moment.value) == moment.sharding
    assert optimizer.counts["step"].sharding.spec == P()
    for _ in range(4):
        step(batch(x, where))
        other.minimize(lambda: (whole(x) ** 2).mean())
    assert_close(gather(model), {n: np.asarray(a) for n, a in whole.state_dict().items()}, terms=64)


def test_what_an_optimizer_remembers_follows_to_another_mesh_and_is_cut_as_its_parameters() -> None:
    first, second = mesh(data=-1), mesh(data=4, model=2)
    model = place(nn.Linear(8, 16), first, [(..., fsdp(first, "data", 0))])
    optimizer = optim.Adam(lr=0.1).register_trainable_weights(model)
    place(model, second, [(..., P(None))])
    with pytest.raises(OptionError, match="lives on a mesh, and moments that do not"):
        optimizer.minimize(lambda: model(batch(jnp.ones((8, 8)), second)).mean())
    place(optimizer, second)
    check_layout(optimizer)
    assert optimizer.groups[0].slots["exp_avg"]["weight"].sharding == model.weight.sharding
    pair = graph.clone((model, optimizer))
    place(pair, second, [(optim.OptimState, fsdp(second, "data", 0))])
    assert pair[1].groups[0].slots["exp_avg"]["weight"].sharding["bias"].spec == P("data")
    table = repr(plan(new_pair, second, [(PathContains("weight"), fsdp(second, "data", 0))]))
    assert table.count("P(None, 'data')") >= 3
