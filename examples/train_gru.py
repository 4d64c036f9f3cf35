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
optimizer = brainlite.optim.Adam(lr=0.01).register_trainable_weights(model)
wave = jnp.sin(jnp.linspace(0.0, 12.0, 121))[:, None]


@brainlite.transform.jit
def train_step() -> jax.Array:
    """Update the parameters once; return the mean squared error of the predictions from before."""
    return optimizer.minimize(lambda: jnp.mean((model(wave[:-1]) - wave[1:]) ** 2))


losses = [float(train_step()) for _ in range(300)]
print(f"mean squared error: {losses[0]:.4f} before training, {losses[-1]:.4f} after")
