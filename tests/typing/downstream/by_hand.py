"""Train a forecaster with optax alone, of which no checker knows the types."""

import jax.numpy as jnp
import optax
from jax import Array
from model import Forecaster
from train import mean_squared_error, parameters

from brainlite import State
from brainlite.transform import grad, jit


def train_by_hand(model: Forecaster, waves: Array, steps: int) -> float:
    """Descend by momentum; return the last loss."""
    params = parameters(model)
    transformation = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(1e-2, momentum=0.9))
    remembered = State(transformation.init(params.to_values()))

    def loss() -> Array:
        return mean_squared_error(model(waves[:-1]), waves[1:])

    @jit
    def step() -> Array:
        gradients, value = grad(loss, params, return_value=True)()
        updates, remembered.value = transformation.update(gradients, remembered.value)
        params.apply_updates(updates)
        return value

    value = jnp.zeros(())
    for _ in range(steps):
        value = step()
    return float(value)
