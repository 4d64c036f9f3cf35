"""Train forecasters, one or many at a time."""

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax
from jax import Array
from model import Forecaster

import brainlite
from brainlite import ParamState
from brainlite.graph import GraphDef, StateDict, merge, split
from brainlite.optim import AdamW, Optimizer
from brainlite.transform import grad, jit, scan, value_and_grad, vmap
from brainlite.typing import Path

# The layers of brainlite keep their arrays in dicts, the leaky cell bare.
Weights: TypeAlias = Array | dict[str, Array]
Params: TypeAlias = StateDict[ParamState[Weights]]


@dataclass
class Report:
    """How a training went."""

    losses: list[float]
    gradient_norm: float


def mean_squared_error(prediction: Array, target: Array) -> Array:
    """Return one number."""
    return jnp.mean((prediction - target) ** 2)


def parameters(model: Forecaster) -> Params:
    """Return what is trained."""
    return model.states(ParamState[Weights])


def train(model: Forecaster, waves: Array, steps: int, rate: float = 1e-2) -> Report:
    """Descend by Adam; return the losses."""
    optimizer = Optimizer(model, optax.adam, learning_rate=rate, clip_norm=1.0)

    def loss() -> tuple[Array, Array]:
        prediction = model(waves[:-1], train=True)
        return mean_squared_error(prediction, waves[1:]), prediction

    @jit
    def step() -> Array:
        value, _prediction = optimizer.minimize(loss, has_aux=True)
        return value

    losses = [float(step()) for _ in range(steps)]
    return Report(losses, float(optimizer.grad_norm))


def train_carefully(model: Forecaster, waves: Array, steps: int) -> Array:
    """Descend with gradients of one's own making; return the last loss."""
    params = parameters(model)
    optimizer = AdamW(1e-2, weight_decay=0.1, average=0.9).register_trainable_weights(params)

    def loss() -> Array:
        return mean_squared_error(model(waves[:-1], train=True), waves[1:])

    @jit
    def step() -> Array:
        gradients, value = grad(loss, params, return_value=True)()
        clipped, norm = brainlite.nn.clip_grad_norm(gradients, 1.0, return_norm=True)
        optimizer.update(clipped)
        return value + 0 * norm

    value = jnp.zeros(())
    for number in range(steps):
        value = step()
        optimizer.lr = 1e-2 / (1 + number)
    with optimizer.averaged():
        return value + loss()


def sensitivity(model: Forecaster, wave: Array) -> tuple[float, Array]:
    """Return the mean output and its derivative with respect to the input."""

    def mean_output(wave: Array) -> Array:
        return jnp.mean(model(wave))

    value, gradient = value_and_grad(mean_output)(wave)
    return float(value), gradient


def evaluate_all(model: Forecaster, waves: Array) -> Array:
    """Return the loss for each wave of shape (time, batch, features) in a stack."""
    graphdef, params, rest = split(model, ParamState[Weights], ...)

    def evaluate(wave: Array) -> Array:
        twin = merge(graphdef, params, rest)
        return mean_squared_error(twin(wave[:-1]), wave[1:])

    return vmap(evaluate)(waves)


def continue_wave(model: Forecaster, start: Array, length: int) -> Array:
    """Let the model listen to itself."""

    def step(x: Array, _: None) -> tuple[Array, Array]:
        y = model.readout(model.step(x))
        return y, y

    brainlite.nn.init_all_states(model, batch_size=start.shape[0])
    last, wave = scan(step, start, length=length)
    return jnp.concatenate([wave, last[None]])


def save(model: Forecaster) -> tuple[GraphDef[Forecaster], dict[Path, Weights]]:
    """Take a model apart into structure and arrays."""
    graphdef, params, _rest = split(model, ParamState[Weights], ...)
    return graphdef, params.to_values()


def outline(model: Forecaster, waves: Array) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of the prediction without computing anything."""
    return brainlite.transform.eval_shape(model, waves)


def main() -> None:
    """Train a small model and print what it learned."""
    brainlite.random.seed(0)
    model = Forecaster(num_in=1, hidden=8, depth=2)
    time = jnp.linspace(0.0, 12.0, 100)
    waves = jnp.sin(time[:, None, None] + jnp.arange(4.0)[None, :, None])
    with brainlite.environ.context(fit=True):
        report = train(model, waves, steps=50)
    print(f"loss {report.losses[0]:.4f} -> {report.losses[-1]:.4f}, {report.gradient_norm:.3f}")
    print(train_carefully(model, waves, steps=3))
    print(evaluate_all(model, jnp.stack([waves, waves])), outline(model, waves))
    print(model.predict(waves).shape, continue_wave(model, waves[-1], length=5).shape)
    print(sensitivity(model, waves)[0], sorted(save(model)[1]))


if __name__ == "__main__":
    main()
