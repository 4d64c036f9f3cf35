"""Layers and losses where how arrays are laid out is a part of their types."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite import nn
from brainlite.nn import functional
from brainlite.state import ParamState
from brainlite.transform import grad, jit
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
