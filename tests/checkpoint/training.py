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
from brainlite import nn, transform
from brainlite.checkpoint import Checkpointer

optax: Any = importlib.import_module("optax")


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
    """A model, its optimizer in the middle of a window of three steps, and its data."""

    def __init__(self, seed: int = 0) -> None:
        brainlite.random.seed(seed)
        self.model = Net()
        self.model.train()
        self.data = Batches()
        schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 4, 20)
        self.rule = optax.MultiSteps(optax.adamw(schedule), 3)
        self.params = self.model.states(brainlite.ParamState)
        self.moments = brainlite.LongTermState(self.rule.init(self.params.to_values()))
        self.step = transform.jit(self._step)

    @property
    def items(self) -> dict[str, Any]:
        return {"model": self.model, "moments": self.moments, "data": self.data}

    def _step(self, x: jax.Array, y: jax.Array) -> jax.Array:
        def loss() -> jax.Array:
            return jnp.mean((self.model(x) - y) ** 2)

        grads, value = transform.grad(loss, self.params, return_value=True)()
        params = self.params.to_values()
        updates, self.moments.value = self.rule.update(grads, self.moments.value, params)
        self.params.assign(optax.apply_updates(params, updates))
        return value

    def go(self) -> str:
        """Take one step; return its loss, exactly."""
        return float(self.step(*next(self.data))).hex()


def main(directory: Path, steps: int) -> None:
    run = Run(seed=1 if any(directory.iterdir()) else 0)  # what goes on is not drawn the same again
    with Checkpointer(directory, keep=2, every=2) as saver:
        found = saver.restore(**run.items, select=...)
        for step in range(1 if found is None else (found.step or 0) + 1, steps + 1):
            print(step, run.go(), flush=True)
            saver.save(step, **run.items, select=...)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
