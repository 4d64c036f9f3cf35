"""Learn exclusive or. README.md shows this file."""

import jax.numpy as jnp

from brainlite import nn, optim, random, transform

random.seed(0)
x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = jnp.array([[0.0], [1.0], [1.0], [0.0]])
model = nn.Sequential(nn.Linear(2, 16), nn.tanh, nn.Linear(16, 1))
optimizer = optim.Adam(lr=0.05).register_trainable_weights(model)
train_step = transform.jit(lambda: optimizer.minimize(lambda: jnp.mean((model(x) - y) ** 2)))
losses = [float(train_step()) for _ in range(200)]
print(f"loss {losses[0]:.2f} before, {losses[-1]:.4f} after:", model(x).round().ravel())
