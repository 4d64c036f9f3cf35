"""One training program for any number of devices and processes: how things lie is an argument."""

import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from brainlite import environ, metrics, nn, optim, random
from brainlite.distributed import batch, fsdp, make, mesh, place, rules
from brainlite.graph import PathContains
from brainlite.transform import jit

P: Any = PartitionSpec
optax: Any = importlib.import_module("optax")


class Net(nn.Module):
    """Maps, running averages, dropout and a recurrent layer."""

    def __init__(self) -> None:
        self.up = nn.Linear(16, 64)
        self.norm = nn.BatchNorm0d((64,))
        self.drop = nn.Dropout(0.5)
        self.down = nn.Linear(64, 32)
        self.cell = nn.LSTM(32, 32, batch_first=True)
        self.out = nn.Linear(32, 8)

    def update(self, x: jax.Array) -> jax.Array:
        hidden = self.drop(jax.nn.gelu(self.norm(self.up(x))))
        _, (h, _) = self.cell(self.down(hidden)[:, None].repeat(3, 1))
        return self.out(h[0])


def tensor(axis: str) -> list[Any]:
    return [
        (PathContains("up"), rules.column(axis)),
        (PathContains("down"), rules.row(axis)),
        (PathContains("cell"), rules.heads(axis)),
    ]


def over_data(where: Mesh) -> list[Any]:
    return [(..., fsdp(where, "data", 64))]


def plan_of(kind: str) -> tuple[Mesh | None, list[Any]]:
    """Return the devices and the rules of a way to train."""
    if kind == "one device":
        return None, []
    if kind == "tensor":
        return mesh(data=1, model=8), tensor("model")
    if kind == "fsdp and tensor":
        where = mesh(data=4, model=2)
        return where, [*tensor("model"), *over_data(where)]
    where = mesh(data=-1)
    return where, over_data(where) if kind == "fsdp" else []


class Run:
    """A model, an optimizer, a metric and a step of training."""

    def __init__(self, kind: str) -> None:
        random.seed(0)
        self.mesh, chosen = plan_of(kind)
        self.model = Net() if self.mesh is None else make(Net, self.mesh, chosen)
        self.optimizer = optim.Optimizer(self.model, optax.adam, learning_rate=1e-2, clip_norm=1.0)
        if kind == "zero" and self.mesh is not None:
            place(self.optimizer, self.mesh, [(optim.OptimState, fsdp(self.mesh, "data", 64))])
        self.metric = metrics.AverageMetric("loss")
        if self.mesh is not None:
            place(self.metric, self.mesh)
        self.step: Callable[..., jax.Array] = jit(self._step)

    def _step(self, x: jax.Array, y: jax.Array) -> jax.Array:
        with environ.context(fit=True):
            loss = self.optimizer.minimize(lambda: ((self.model(x) - y) ** 2).mean())
        self.metric.update(loss=loss)
        return loss

    def batch(self, number: int) -> tuple[Any, Any]:
        """Return this process's part of a batch of 16."""
        rng = np.random.default_rng(number)
        x: Any = rng.normal(size=(16, 16))
        whole = x, np.tanh(x[:, :8])
        if self.mesh is None:
            return jnp.asarray(whole[0]), jnp.asarray(whole[1])
        size = 16 // jax.process_count()
        rows = slice(jax.process_index() * size, (jax.process_index() + 1) * size)
        kind = jnp.zeros(()).dtype
        return batch((whole[0][rows].astype(kind), whole[1][rows].astype(kind)), self.mesh)
