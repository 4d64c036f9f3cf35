"""Loaders of others feed a training loop as they are, and go on from a checkpoint."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import checkpoint, nn, transform

optim = pytest.importorskip("brainlite.optim")
optax: Any = pytest.importorskip("optax")

X = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
Y = X @ np.array([[1.0], [-2.0], [0.5]], np.float32)


def trained(batches: Iterable[Any]) -> list[float]:
    """Return the losses of a linear model, step by step."""
    brainlite.random.seed(0)
    model = nn.Linear(3, 1)
    optimizer = optim.Optimizer(model, optax.sgd, learning_rate=0.1)

    @transform.jit
    def step(x: jax.Array, y: jax.Array) -> jax.Array:
        loss: jax.Array = optimizer.minimize(lambda: jnp.mean((model(x) - y) ** 2))
        return loss

    return [float(step(jnp.asarray(x), jnp.asarray(y))) for x, y in batches]


EXPECTED = (X[:8], Y[:8]), (X[8:16], Y[8:16]), (X[16:24], Y[16:24]), (X[24:], Y[24:])


def test_batches_of_arrays() -> None:
    assert trained(nn.batches((X, Y), 8)) == trained(EXPECTED)


def test_iterators_of_grain_feed_the_loop_and_go_on(tmp_path: Path) -> None:
    grain: Any = pytest.importorskip("grain")

    def make() -> Any:
        return grain.MapDataset.source(list(zip(X, Y, strict=True))).batch(8).to_iter_dataset()

    assert trained(make()) == trained(EXPECTED)
    data, other = iter(make()), iter(make())
    next(data)
    checkpoint.save(tmp_path / "a", data=data)
    checkpoint.restore(tmp_path / "a", data=other)
    for one, two in zip(data, other, strict=True):
        np.testing.assert_array_equal(one[0], two[0])


@pytest.mark.slow
def test_a_data_loader_of_torch_feeds_the_loop() -> None:
    torch: Any = pytest.importorskip("torch")
    data: Any = pytest.importorskip("torch.utils.data")
    rows = data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    assert trained(data.DataLoader(rows, batch_size=8)) == trained(EXPECTED)
