"""Layers and losses where how arrays are laid out is a part of their types."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite import nn
from brainlite.errors import LoopStateError
from brainlite.nn import functional
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import for_loop, grad, jit, while_loop
from tests.closeness import assert_close

pytestmark = pytest.mark.devices(8)
P: Any = PartitionSpec
RNG = np.random.default_rng(0)
X: Any = RNG.normal(size=(5, 8, 6)).astype("float32")  # (T, B, I)
LOGITS: Any = RNG.normal(size=(8, 10)).astype("float32")
LABELS: Any = RNG.integers(0, 10, 8)
IGNORED: Any = np.where(np.arange(8) == 2, -100, LABELS)

LAYERS: dict[str, Callable[[], Any]] = {
    "RNN": lambda: nn.RNN(6, 4),
    "GRU": lambda: nn.GRU(6, 4),
    "LSTM": lambda: nn.LSTM(6, 4, num_layers=2, bidirectional=True),
    "LSTM with a projection": lambda: nn.LSTM(6, 4, proj_size=2, remat=True),
    "MinGRU": lambda: nn.MinGRU(6, 4),
    "LRU": lambda: nn.LRU(6, 4),
}

LOSSES: dict[str, tuple[Callable[..., jax.Array], tuple[Any, ...]]] = {
    "cross_entropy": (functional.cross_entropy, (LOGITS, LABELS)),
    "cross_entropy, ignored": (functional.cross_entropy, (LOGITS, IGNORED)),
    "cross_entropy, weighted": (
        lambda x, y: functional.cross_entropy(x, y, weight=jnp.arange(10.0), label_smoothing=0.1),
        (LOGITS, IGNORED),
    ),
    "cross_entropy, each": (
        lambda x, y: functional.cross_entropy(x, y, reduction="none"),
        (LOGITS, LABELS),
    ),
    "nll_loss": (functional.nll_loss, (LOGITS, IGNORED)),
    "multi_margin_loss": (functional.multi_margin_loss, (LOGITS, LABELS)),
}


CELLS: dict[str, Callable[[], Any]] = {
    "VanillaRNNCell": lambda: nn.VanillaRNNCell(6, 4),
    "GRUCell": lambda: nn.GRUCell(6, 4),
    "MGUCell": lambda: nn.MGUCell(6, 4),
    "LSTMCell": lambda: nn.LSTMCell(6, 4),
    "URLSTMCell": lambda: nn.URLSTMCell(6, 4),
}

# How the table is cut, how the indices are, and how the rows that come out.
TABLES: dict[str, tuple[Any, Any, Any]] = {
    "a whole table": (P(), P("data"), P("data", None, None)),
    "cut between the rows": (P("model"), P("data"), P("data", None, None)),
    "cut through the rows": (P(None, "model"), P("data"), P("data", None, "model")),
    "both over one axis": (P(None, "data"), P("data"), P("data", None, None)),
    "cut twice": (P("model", "data"), P("data", "model"), P("data", "model", None)),
    "whole indices": (P("data", "model"), P(), P(None, None, "model")),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"padding_idx": 2},
    "short": {"max_norm": 0.5},
    "by frequency": {"scale_grad_by_freq": True, "padding_idx": -1},
}
LOOK_UPS = [
    *[(table, "plain") for table in TABLES],
    *[("cut twice", options) for options in OPTIONS if options != "plain"],
    ("whole indices", "short"),
    ("cut through the rows", "padded"),
]
IDS: Any = RNG.integers(0, 16, (8, 4))


def explicit(array: Any, spec: Any) -> jax.Array:
    """Return an array on a mesh of 4 x 2 devices, laid out by its type."""
    mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=(AxisType.Explicit,) * 2)
    placed: jax.Array = jax.device_put(jnp.asarray(array), NamedSharding(mesh, spec))
    return placed


def cut(array: Any, axis: int) -> jax.Array:
    """Return an array whose batch is cut, by its type."""
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Explicit,))
    spec = P(*[None] * axis, "data")
    placed: jax.Array = jax.device_put(jnp.asarray(array), NamedSharding(mesh, spec))
    return placed


@pytest.mark.slow
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_sequence_with_a_cut_batch_has_the_outputs_and_gradients_of_a_whole_one(
    make: Callable[[], Any],
) -> None:
    layer = make()

    def both(x: jax.Array) -> Any:
        def loss() -> jax.Array:
            mean: jax.Array = (layer(x)[0] ** 2).mean()
            return mean

        return layer(x), grad(loss, layer.states(ParamState))()

    x = cut(X, 1)
    with jax.set_mesh(x.sharding.mesh):  # type: ignore[attr-defined]  # of a NamedSharding
        found = jit(both)(x)
    assert jax.typeof(found[0][0]).sharding.spec[1] == "data"
    assert_close(jax.tree.map(np.asarray, found), both(jnp.asarray(X)), terms=512)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "given"), LOSSES.values(), ids=LOSSES)
def test_a_loss_of_a_cut_batch_is_that_of_a_whole_one(
    loss: Callable[..., jax.Array], given: tuple[Any, ...]
) -> None:
    x, y = [cut(each, 0) for each in given]

    def total(x: jax.Array, y: jax.Array) -> jax.Array:
        return loss(x, y).sum()

    whole = [jnp.asarray(each) for each in given]
    with jax.set_mesh(x.sharding.mesh):  # type: ignore[attr-defined]  # of a NamedSharding
        found = [loss(x, y), jit(loss)(x, y), jit(grad(total))(x, y)]
    assert_close(
        [np.asarray(each) for each in found],
        [loss(*whole), loss(*whole), grad(total)(*whole)],
        terms=80,
    )


def on_mesh(x: jax.Array) -> Any:
    """Return the context in which jax knows the devices of what has none, such as zeros."""
    return jax.set_mesh(x.sharding.mesh)  # type: ignore[attr-defined]  # of a NamedSharding


def outputs_and_gradients(layer: Any, *given: jax.Array) -> Any:
    def loss() -> jax.Array:
        total: jax.Array = (layer(*given) ** 2).sum()
        return total

    return layer(*given), dict(grad(loss, layer.states(ParamState))())


def lay_out(layer: Any, spec: Any) -> None:
    for state in layer.states(ParamState).values():
        state.value = jax.tree.map(
            lambda leaf: explicit(leaf, spec if leaf.ndim == 2 else P()), state.value
        )


@pytest.mark.slow
@pytest.mark.parametrize(("how", "which"), LOOK_UPS)
def test_rows_are_looked_up_in_a_table_that_is_cut(how: str, which: str) -> None:
    (table, ids, rows), options = TABLES[how], OPTIONS[which]
    layer = nn.Embedding(16, 8, **options)
    start = layer.weight.value
    wanted = outputs_and_gradients(layer, jnp.asarray(IDS))
    after = layer.weight.value  # `max_norm` writes it
    for call in (outputs_and_gradients, jit(outputs_and_gradients)):
        other = nn.Embedding(16, 8, start, **options)
        lay_out(other, table)
        x = explicit(IDS, ids)
        with on_mesh(x):
            found = call(other, x)
        assert jax.typeof(found[0]).sharding.spec == rows
        [gradient] = jax.tree.leaves(found[1])
        assert jax.typeof(gradient).sharding == jax.typeof(other.weight.value).sharding
        assert_close(jax.tree.map(np.asarray, found), wanted, terms=32)
        assert_close(np.asarray(other.weight.value), after, terms=8)


@pytest.mark.parametrize("value", [-1, 16])
def test_an_index_outside_of_a_table_that_is_cut_has_a_row_of_nan_where_it_is_compiled(
    value: int,
) -> None:
    layer = nn.Embedding(16, 8)
    lay_out(layer, P("model"))
    x = explicit(np.where(IDS[3, 1] == IDS, value, IDS), P("data"))
    with on_mesh(x):
        found = np.asarray(jit(layer)(x))
    np.testing.assert_array_equal(np.isnan(found).all(-1), IDS[3, 1] == IDS)


def loop(cell: Any, xs: jax.Array) -> jax.Array:
    nn.init_all_states(cell, batch_size=8)
    ys: jax.Array = for_loop(cell, xs)
    return ys


def steps(cell: Any, xs: jax.Array) -> jax.Array:
    nn.init_all_states(cell, batch_size=8)
    return jnp.stack([cell(xs[n]) for n in range(len(xs))])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "batch"),
    [
        (None, "data"),
        (P(None, "model"), "data"),
        (P("model", None), ("data", "model")),
        (P(None, "model"), None),
    ],
    ids=str,
)
@pytest.mark.parametrize("make", CELLS.values(), ids=CELLS)
def test_a_cell_steps_with_a_cut_batch_and_cut_weights(
    make: Callable[[], Any], batch: Any, weight: Any
) -> None:
    cell = make()
    wanted = loop(cell, jnp.asarray(X))

    class Run(nn.Module):
        def __init__(self, over: Callable[[Any, jax.Array], jax.Array]) -> None:
            self.cell = cell
            self.over = over

        def update(self, xs: jax.Array) -> jax.Array:
            return self.over(self.cell, xs)

    whole = outputs_and_gradients(Run(loop), jnp.asarray(X))
    assert_close(whole[0], wanted, terms=10)
    if weight is not None:
        lay_out(cell, weight)
    xs = explicit(X, P(None, batch))
    with on_mesh(xs):
        for run in (Run(loop), jit(Run(loop)), Run(steps)):
            found: Any = run(xs)
            assert jax.typeof(found).sharding.spec == P(None, batch, None)
            assert_close(np.asarray(found), wanted, terms=50)
        both = jit(outputs_and_gradients)(Run(loop), xs)
        assert_close(jax.tree.map(np.asarray, both), whole, terms=400)


@pytest.mark.parametrize("make", [CELLS["GRUCell"], lambda: nn.Recurrent(nn.LSTMCell(6, 4))])
def test_the_hidden_state_takes_over_how_the_batch_is_cut(make: Callable[[], Any]) -> None:
    layer = make()
    x = explicit(X[0], P("data")) if isinstance(layer, nn.GRUCell) else explicit(X, P(None, "data"))
    with on_mesh(x):
        nn.init_all_states(layer, batch_size=8)
        jit(layer)(x)
    for state in layer.states(HiddenState).values():
        assert jax.typeof(state.value).sharding.spec == P("data", None)


def test_a_loop_that_lays_a_state_out_anew_at_each_step_says_which() -> None:
    state = State(explicit(jnp.zeros((8, 8)), P("data")), name="turning")

    def turn() -> None:
        here = jax.typeof(state.value).sharding
        spec = P(None, "data") if here.spec[0] == "data" else P("data", None)
        reshard: Any = jax.sharding.reshard
        state.value = reshard(state.value, NamedSharding(here.mesh, spec))

    def again(n: Any) -> Any:
        turn()
        return n + 1

    with on_mesh(state.value):
        with pytest.raises(LoopStateError, match=r"turning: .*out anew at each step(.|\n)*reshard"):
            jit(lambda: for_loop(turn, length=3))()
        with pytest.raises(LoopStateError, match=r"is laid out anew in the body(.|\n)*P\('data'"):
            jit(lambda: while_loop(lambda n: n < 3, again, 0))()
    assert jax.typeof(state.value).sharding.spec == P("data", None)
