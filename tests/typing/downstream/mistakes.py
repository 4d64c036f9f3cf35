"""What goes wrong in a user's code, one mistake a line: mypy --strict must catch every one."""

import jax.numpy as jnp
import optax
from jax import Array
from model import Dropout, Forecaster, LeakyCell, Memory
from train import mean_squared_error, parameters

import brainlite
from brainlite import HiddenState, ParamState, nn, optim
from brainlite.graph import merge, split
from brainlite.transform import cond, for_loop, grad, jit, scan, vmap


def calling(model: Forecaster, wave: Array) -> None:
    model(wave, trian=True)  # E: call-arg
    model("wave")  # E: arg-type
    model(wave, wave)  # E: call-arg
    loss: float = model(wave)  # E: assignment
    model.redout(wave)  # E: attr-defined
    model.predict(wave, train=True)  # E: call-arg
    model.cells[0](wave, train=True)  # E: call-arg
    model.cells["gru"](wave)  # E: call-overload
    print(loss)


def making() -> None:
    Forecaster(num_in=1, hiden=8)  # E: call-arg
    Forecaster(num_in="1", hidden=8)  # E: arg-type
    nn.GRUCell(1, 8, activaton="tanh")  # E: call-arg
    nn.Linear(1, 8, w_init="normal")  # E: arg-type
    nn.init.KaimingNormal(mode="fan-in")  # E: arg-type
    HiddenState[Memory](jnp.zeros(3))  # E: arg-type


class Halved(Dropout):
    """Overrides a method with another signature."""

    def update(self, x: Array, train: str) -> Array:  # E: override
        return x / 2


def states(cell: LeakyCell) -> None:
    cell.memory.value = jnp.zeros(3)  # E: assignment
    cell.memory.value.medium  # E: attr-defined
    cell.decay.value = 0.9  # E: assignment
    cell.decay.vlaue = jnp.zeros(3)  # E: attr-defined
    brainlite.ParameterState(jnp.zeros(3))  # E: attr-defined
    cell.states(ParamState, HiddenState).to_values()  # E: attr-defined


def transforming(model: Forecaster, wave: Array) -> None:
    def two_results(x: Array) -> tuple[Array, Array]:
        return x, x

    jit(model)(wave, trian=True)  # E: call-arg
    jit(model, static_argname="train")  # E: call-overload
    vmap(model)(wave, "train")  # E: call-arg
    vmap(model, in_axis=1)  # E: call-overload
    for_loop(model.step, wave, wave)  # E: arg-type
    scan(model.step, wave, wave)  # E: arg-type
    one: Array = cond(True, model.step, two_results, wave)  # E: assignment arg-type
    brainlite.transform.eval_shape(Forecaster, 1, 8).steps(wave)  # E: attr-defined
    print(one)


def differentiating(model: Forecaster, wave: Array) -> None:
    params = parameters(model)
    grad(mean_squared_error)(wave)  # E: call-arg
    gradient: Array = grad(lambda: jnp.sum(model(wave)), params)()  # E: assignment
    grad(mean_squared_error, params, has_aux=True)  # E: call-overload
    grad(mean_squared_error, params, return_valu=True)  # E: call-overload
    loss = grad(mean_squared_error, params)(wave, wave)[1]  # E: index
    params.assign(grad(mean_squared_error)(wave, wave))  # E: arg-type
    print(gradient, loss)


def training(model: Forecaster, wave: Array) -> None:
    optim.Optimizer(model, optax.adam, learning_rat=1e-3)  # E: call-arg
    optim.Optimizer(model, "adam", learning_rate=1e-3)  # E: arg-type
    optimizer = optim.Adam(1e-3, clip=1.0)  # E: call-arg
    optimizer.minimize(lambda: model.redout(wave))  # E: attr-defined
    optimizer.minimize(lambda: (model(wave), wave))  # E: arg-type return-value
    value: Array = optimizer.update(parameters(model).to_values())  # E: func-returns-value
    optimizer.learning_rate = "fast"  # E: assignment
    print(value)


def taking_apart(model: Forecaster) -> None:
    graphdef, params = split(model, ParamState, ...)  # E: misc
    print(graphdef, params)


def putting_together(model: Forecaster, wave: Array) -> None:
    graphdef, params = split(model)
    merge(params, graphdef)  # E: arg-type
    merge(graphdef, params.to_values())  # E: arg-type
    merge(graphdef, params).redout(wave)  # E: attr-defined
    nn.init_all_states(model).memory  # E: attr-defined
    brainlite.random.normal(size="3")  # E: arg-type
    brainlite.environ.set(precision=3.5)  # E: arg-type
