"""Train an LSTM on the adding problem, whose answer depends on numbers seen long before.

A sequence holds random numbers, two of them marked; the answer is their sum. To guess 1 always
costs 1/6. See Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, section 5.4.
"""

import jax
import jax.numpy as jnp

import brainlite
from brainlite import nn

STEPS, BATCH = 40, 64


class Adder(nn.Module):
    """Read a sequence of values and marks; return the sum of the marked values."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(2, hidden_size)
        self.readout = nn.Linear(hidden_size, 1)

    def update(self, sequence: jax.Array) -> jax.Array:
        """Run over (T, B, 2); return (B,)."""
        _, (h_n, _) = self.rnn(sequence)
        return self.readout(h_n[-1])[:, 0]


def draw(steps: int) -> tuple[jax.Array, jax.Array]:
    """Return sequences (steps, B, 2), with a mark in each half, and their answers (B,)."""
    values = brainlite.random.rand(steps, BATCH)
    half = steps // 2
    places = brainlite.random.randint(0, half, (2, BATCH)) + jnp.array([[0], [half]])
    marks = (jnp.arange(steps)[:, None, None] == places).any(1)
    return jnp.stack([values, marks], -1), (values * marks).sum(0)


brainlite.random.seed(0)
model = Adder(hidden_size=32)
optimizer = brainlite.optim.Adam(lr=1e-2, clip_norm=1.0).register_trainable_weights(model)


@brainlite.transform.jit
def train_step() -> jax.Array:
    """Draw sequences, update the parameters once; return the loss from before."""
    sequences, answers = draw(STEPS)
    return optimizer.minimize(lambda: jnp.mean((model(sequences) - answers) ** 2))


losses: list[float] = []
for step in range(1, 801):
    losses.append(float(train_step()))
    if step % 100 == 0:
        print(f"step {step}: mean squared error {sum(losses[-100:]) / 100:.4f}")

longer, sums = draw(2 * STEPS)
error = float(jnp.mean((model(longer) - sums) ** 2))
print(f"sequences twice as long: {error:.4f}, where guessing costs {1 / 6:.4f}")
