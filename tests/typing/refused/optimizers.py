"""Mistakes with optimizers."""

import jax.numpy as jnp
import optax

from brainlite import nn, optim

X = jnp.ones((2, 3))
model = nn.Linear(3, 1)

optim.Optimizer(model, "adam")  # E: arg-type reportArgumentType
optim.Optimizer(X, optax.adam(1e-3))  # E: arg-type reportArgumentType
optim.Optimizer(model, optax.adam, learning_rate="fast")  # E: arg-type reportArgumentType
optim.Optimizer(model, optax.adam, learning_rat=1e-3)  # E: call-arg reportCallIssue
optim.Optimizer(model, [optax.adam(1e-3)])  # E: list-item reportArgumentType
optim.Optimizer(model, optax.adam(1e-3), loss_scale=1024.0)  # E: arg-type reportArgumentType
optimizer = optim.Optimizer(model, optax.adam(1e-3))
optimizer.minimize(lambda: 3)  # E: arg-type return-value reportArgumentType reportCallIssue
optimizer.minimize(lambda: model(X), has_aux=True)  # E: call-overload arg-type return-value reportArgumentType reportCallIssue
optimizer.update(X)  # E: arg-type reportArgumentType
optimizer.learning_rate = "fast"  # E: assignment reportAttributeAccessIssue
optim.Adam(1e-3, foreach=True)  # E: call-arg reportCallIssue
optim.Adam(1e-3, clip_norm="1")  # E: arg-type reportArgumentType
optim.SGD(momentum="0.9")  # E: arg-type reportArgumentType
optim.LBFGS(line_search_fn="armijo")  # E: arg-type reportArgumentType
optim.OptimState(X).value = 3  # E: assignment reportAttributeAccessIssue
