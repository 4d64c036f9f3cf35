"""A run that has everything which must go on where it was; also as a program that can be killed.

    python -m tests.checkpoint.training DIRECTORY STEPS

goes on from the last checkpoint in the directory, saves at every second step, and prints the loss
of each step, exactly.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import brainlite
from brainlite import nn, optim, transform
from brainlite.checkpoint import Checkpointer

optax: Any = importlib.import_module("optax")


rate: Any = optax.warmup_cosine_decay_schedule(0.0, 0.1, 4, 20)


class Net(nn.Module):
    """Dropout, running averages, and a hidden state that is carried from batch to batch."""

    def __init__(self) -> None:
        self.inner = nn.Linear(3, 8)
        self.norm = nn.BatchNorm0d((8,))
        self.drop = nn.Dropout(p=0.5)
        self.cell = nn.GRUCell(8, 8)
        self.out = nn.Linear(8, 1)
        nn.init_all_states(self, batch_size=4)

    def update(self, x: jax.Array) -> jax.Array:
        hidden = self.drop(jax.nn.relu(self.norm(self.inner(x))))
        return self.out(self.cell(hidden))


class Batches:
    """Four rows at a time, in an order of its own, for ever."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def get_state(self) -> dict[str, Any]:
        state: Any = self.rng.bit_generator.state
        return dict(state)

    def set_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state

    def __next__(self) -> tuple[jax.Array, jax.Array]:
        x = self.rng.normal(size=(4, 3)).astype(np.float32)
        return jnp.asarray(x), jnp.asarray(x.sum(1, keepdims=True))


class Run:
    """A model, its optimizer with schedule and windows of three steps, and its data."""

    def __init__(self, seed: int = 0) -> None:
        brainlite.random.seed(seed)
        self.model = Net()
        self.model.train()
        self.data = Batches()
        self.optimizer = optim.Optimizer(
            self.model, optax.adamw, learning_rate=rate, clip_norm=1.0, accumulate=3
        )
        self.step = transform.jit(self._step)

    @property
    def items(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "data": self.data}

    def _step(self, x: jax.Array, y: jax.Array) -> jax.Array:
        return self.optimizer.minimize(lambda: jnp.mean((self.model(x) - y) ** 2))

    def go(self) -> str:
        """Take one step; return its loss, exactly."""
        return float(self.step(*next(self.data))).hex()


def main(directory: Path, steps: int) -> None:
    with Checkpointer(directory, keep=2, every=2) as saver:
        run = Run(seed=1 if saver.steps else 0)  # what goes on has not drawn the same by chance
        found = saver.restore(**run.items, select=...)
        for step in range(1 if found is None else (found.step or 0) + 1, steps + 1):
            print(step, run.go(), flush=True)
            saver.save(step, **run.items, select=...)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
