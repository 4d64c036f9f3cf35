"""A forecaster: a cell of the user's own, a readout, dropout between them."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

import brainlite
from brainlite import HiddenState, ParamState, nn
from brainlite.nn import functional, init
from brainlite.transform import checkpoint, cond, for_loop, jit
from brainlite.typing import Shape


class Memory(NamedTuple):
    """What the leaky cell keeps from step to step."""

    fast: Array
    slow: Array


class LeakyCell(nn.Module):
    """Two traces of the input, a fast and a slow one."""

    def __init__(self, num_in: int, num_out: int, decay: float = 0.9) -> None:
        super().__init__()
        self.in_size = num_in
        self.out_size = num_out
        self.decay: ParamState[Array] = ParamState(jnp.full(num_out, decay))
        self.weight = ParamState(init.param(init.XavierNormal(), (num_in, num_out)))

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Start from silence."""
        shape: Shape = (*(() if batch_size is None else (batch_size,)), *self.out_size)
        self.memory = HiddenState(Memory(jnp.zeros(shape), jnp.zeros(shape)))

    def update(self, x: Array) -> Array:
        """Decay both traces towards the input; return the difference."""
        drive = functional.tanh(x @ self.weight.value)
        fast, slow = self.memory.value
        decay = functional.sigmoid(self.decay.value)
        fast = decay * fast + (1 - decay) * drive
        slow = decay**0.1 * slow + (1 - decay**0.1) * drive
        self.memory.value = Memory(fast, slow)
        return fast - slow


class Dropout(nn.Module):
    """Zero some inputs while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def update(self, x: Array, *, train: bool = False) -> Array:
        """Keep an entry with probability ``1 - rate``."""
        if not train:
            return x
        keep = brainlite.random.bernoulli(1 - self.rate, size=x.shape)
        return jnp.where(keep, x / (1 - self.rate), 0.0)


class Forecaster(nn.Module):
    """Read a sequence of shape (time, batch, features) and predict each next value."""

    def __init__(self, num_in: int, hidden: int, depth: int = 1, rate: float = 0.1) -> None:
        super().__init__()
        self.leaky = LeakyCell(num_in, hidden)
        self.cells = [nn.GRUCell(hidden, hidden, activation="tanh") for _ in range(depth)]
        self.dropout = Dropout(rate)
        self.readout = nn.Linear(hidden, num_in, b_init=None)

    def step(self, x: Array) -> Array:
        """Run one step through all cells."""
        x = self.leaky(x)
        for cell in self.cells:
            x = x + cell(x)
        return x

    def update(self, sequence: Array, *, train: bool = False) -> Array:
        """Predict; dropout acts while training only."""
        nn.init_all_states(self, batch_size=sequence.shape[1])
        features = for_loop(checkpoint(self.step), sequence)
        return self.readout(self.dropout(features, train=train))

    @jit
    def predict(self, sequence: Array) -> Array:
        """Predict without dropout; negative values are cut off when all are small."""
        prediction = self(sequence)
        small = jnp.max(jnp.abs(prediction)) < 1e-3
        return cond(small, functional.relu, jnp.negative, prediction)
