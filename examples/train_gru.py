"""Train a GRU to predict the next value of a wave. README.md shows this file."""

import jax
import jax.numpy as jnp

import brainlite


class Predictor(brainlite.nn.Module):
    """Read a sequence; after each value, predict the next."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.cell = brainlite.nn.GRUCell(num_in=1, num_out=hidden_size)
        self.readout = brainlite.nn.Linear((hidden_size,), (1,))

    def update(self, sequence: jax.Array) -> jax.Array:
        """Start from zero hidden state; return the predictions, one for each step."""
        brainlite.nn.init_all_states(self)
        return self.readout(brainlite.transform.for_loop(self.cell, sequence))


brainlite.random.seed(0)
model = Predictor(hidden_size=16)
params = model.states(brainlite.ParamState)
wave = jnp.sin(jnp.linspace(0.0, 12.0, 121))[:, None]


def loss() -> jax.Array:
    """Mean squared error of the predictions of the wave."""
    return jnp.mean((model(wave[:-1]) - wave[1:]) ** 2)


def descend(param: jax.Array, grad: jax.Array) -> jax.Array:
    """Take a step against the gradient."""
    return param - 0.1 * grad


@brainlite.transform.jit
def train_step() -> jax.Array:
    """Update the parameters once; return the loss from before."""
    grads, value = brainlite.transform.grad(loss, params, return_value=True)()
    params.assign(jax.tree.map(descend, params.to_values(), grads))
    return value


losses = [float(train_step()) for _ in range(300)]
print(f"mean squared error: {losses[0]:.4f} before training, {losses[-1]:.4f} after")
