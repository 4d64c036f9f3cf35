"""What a train step costs beside plain JAX, when it is warm and when it is first called.

The step runs a deep stack of small layers forward and backward and updates it with Adam from
optax. The loss of each step is waited for. First calls trace and compile; each one is of functions
and models made anew. With donation, plain JAX gives up its parameters and moments, too.
"""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import brainstate
import equinox
import jax
import jax.numpy as jnp
import optax
import torch
from flax import nnx

import brainlite
from benchmarks._measure import Named, Row, compare, first_calls, is_quick, repeated
from benchmarks._report import main

DEPTH = 64
WIDTH = 16
BATCH = 4
GOAL_WARM = 1.03
GOAL_OPTIMIZER = 1.15
GOAL_DONATING = 1.2
GOAL_FIRST = 1.15

Call = Callable[[], Any]


def make_batch() -> tuple[jax.Array, jax.Array]:
    """Return inputs and targets."""
    return jnp.ones((BATCH, WIDTH)), jnp.zeros((BATCH, WIDTH))


def plain_jax(donate: bool = False) -> Call:
    """Return a train step that threads parameters and optimizer by hand."""
    keys = jax.random.split(jax.random.key(0), DEPTH)
    make_weight = jax.nn.initializers.he_normal()
    params = [(make_weight(key, (WIDTH, WIDTH)), jnp.zeros(WIDTH)) for key in keys]
    optimizer = optax.adam(1e-3)

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        for weight, bias in params:
            x = jnp.tanh(x @ weight + bias)
        return jnp.mean((x - y) ** 2)

    @functools.partial(jax.jit, donate_argnums=(0, 1) if donate else ())
    def step(params: Any, opt_state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    opt_state, (x, y) = optimizer.init(params), make_batch()

    def call() -> jax.Array:
        nonlocal params, opt_state
        params, opt_state, value = step(params, opt_state, x, y)
        return value

    return call


class Stack(brainlite.nn.Module):
    """The model, in brainlite."""

    def __init__(self) -> None:
        self.layers = [brainlite.nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)]

    def update(self, x: jax.Array) -> jax.Array:
        """Run the layers."""
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


def brainlite_jit() -> Call:
    """Return a train step as the tutorial on recurrent networks has it."""
    model = Stack()
    params = model.states(brainlite.ParamState)
    optimizer = optax.adam(1e-3)

    def loss(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.mean((model(x) - y) ** 2)

    @brainlite.transform.jit
    def step(opt_state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        grads, value = brainlite.transform.grad(loss, params, return_value=True)(x, y)
        updates, opt_state = optimizer.update(grads, opt_state, params.to_values())
        params.assign(optax.apply_updates(params.to_values(), updates))
        return opt_state, value

    opt_state, (x, y) = optimizer.init(params.to_values()), make_batch()

    def call() -> jax.Array:
        nonlocal opt_state
        opt_state, value = step(opt_state, x, y)
        return value

    return call


def brainlite_optimizer(donate: bool = False) -> Call:
    """Return the same with an optimizer whose moments are states."""
    model = Stack()
    optimizer = brainlite.optim.Optimizer(model, optax.adam, learning_rate=1e-3)

    @brainlite.transform.jit(donate_states=donate)
    def step(x: jax.Array, y: jax.Array) -> jax.Array:
        return optimizer.minimize(lambda: jnp.mean((model(x) - y) ** 2))

    x, y = make_batch()
    return lambda: step(x, y)


def equinox_filter_jit() -> Call:
    """Return a train step as equinox's documentation has it."""

    class Layers(equinox.Module):
        layers: list[equinox.nn.Linear]

        def __call__(self, x: jax.Array) -> jax.Array:
            for layer in self.layers:
                x = jnp.tanh(jax.vmap(layer)(x))
            return x

    keys = jax.random.split(jax.random.key(0), DEPTH)
    model = Layers([equinox.nn.Linear(WIDTH, WIDTH, key=key) for key in keys])
    optimizer = optax.adam(1e-3)

    def loss(model: Layers, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.mean((model(x) - y) ** 2)

    @equinox.filter_jit
    def step(model: Layers, opt_state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, Any]:
        value, grads = equinox.filter_value_and_grad(loss)(model, x, y)
        updates, opt_state = optimizer.update(grads, opt_state, model)
        return equinox.apply_updates(model, updates), opt_state, value

    opt_state, (x, y) = optimizer.init(equinox.filter(model, equinox.is_array)), make_batch()

    def call() -> jax.Array:
        nonlocal model, opt_state
        model, opt_state, value = step(model, opt_state, x, y)
        return value

    return call


class NnxStack(nnx.Module):
    """The model, in flax."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.layers = nnx.List([nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(DEPTH)])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Run the layers."""
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


def nnx_jit() -> Call:
    """Return a train step as flax's documentation has it."""
    model = NnxStack()
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)

    def loss(model: NnxStack, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.mean((model(x) - y) ** 2)

    @nnx.jit
    def step(model: NnxStack, optimizer: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        value, grads = nnx.value_and_grad(loss)(model, x, y)
        optimizer.update(model, grads)
        return value

    x, y = make_batch()
    return lambda: step(model, optimizer, x, y)


class BrainstateStack(brainstate.nn.Module):
    """The model, in brainstate."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [brainstate.nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)]

    def update(self, x: jax.Array) -> jax.Array:
        """Run the layers."""
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


def brainstate_jit() -> Call:
    """Return the train step of ``brainlite_jit``, in brainstate."""
    model = BrainstateStack()
    params = model.states(brainstate.ParamState)
    optimizer = optax.adam(1e-3)

    def loss(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.mean((model(x) - y) ** 2)

    @brainstate.transform.jit
    def step(opt_state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        grads, value = brainstate.transform.grad(loss, params, return_value=True)(x, y)
        values = {path: param.value for path, param in params.items()}
        updates, opt_state = optimizer.update(grads, opt_state, values)
        for path, new in optax.apply_updates(values, updates).items():
            params[path].value = new
        return opt_state, value

    values = {path: param.value for path, param in params.items()}
    opt_state, (x, y) = optimizer.init(values), make_batch()

    def call() -> jax.Array:
        nonlocal opt_state
        opt_state, value = step(opt_state, x, y)
        return value

    return call


def torch_eager() -> Call:
    """Return a train step as torch's documentation has it; its Adam updates all arrays at once."""
    layers = [[torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh()] for _ in range(DEPTH)]
    model = torch.nn.Sequential(*[module for pair in layers for module in pair])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=True)
    x, y = torch.ones(BATCH, WIDTH), torch.zeros(BATCH, WIDTH)

    def call() -> float:
        optimizer.zero_grad()
        loss = torch.mean((model(x) - y) ** 2)
        loss.backward()
        optimizer.step()
        return loss.item()

    return call


OWN = {"brainlite": brainlite_jit, "brainlite Optimizer": brainlite_optimizer}
GOALS = {"brainlite": GOAL_WARM, "brainlite Optimizer": GOAL_OPTIMIZER}
COMPILED = {
    "equinox filter_jit": equinox_filter_jit,
    "nnx.jit": nnx_jit,
    "brainstate jit": brainstate_jit,
}
PEERS = {**COMPILED, "torch, eager": torch_eager}


def waiting(call: Call) -> Call:
    """Return a call that returns when its result is there."""
    return lambda: jax.block_until_ready(call())


def measure() -> list[Row]:
    """Return the rows for warm calls, then those for first calls."""
    warnings.filterwarnings("ignore", module="brainstate|flax|equinox|jax")
    case = f"{DEPTH} layers, Adam"
    peers, compiled = ({}, {}) if is_quick() else (PEERS, COMPILED)
    rows = [
        compare(
            "warm train step",
            case,
            Named(name, repeated(waiting(make()))),
            Named("jax.jit", repeated(waiting(plain_jax()))),
            seconds=10.0 if name in OWN else 3.0,
            goal_ratio=GOALS.get(name),
        )
        for name, make in {**OWN, **peers, "jax.jit, again": plain_jax}.items()
    ]
    rows.append(
        compare(
            "warm train step",
            f"{case}, donating",
            Named("brainlite Optimizer", repeated(waiting(brainlite_optimizer(donate=True)))),
            Named("jax.jit", repeated(waiting(plain_jax(donate=True)))),
            seconds=10.0,
            goal_ratio=GOAL_DONATING,
        )
    )
    rows += [
        compare(
            "first call of a train step",
            case,
            Named(name, first_calls(make)),
            Named("jax.jit", first_calls(plain_jax)),
            pairs=9 if name in OWN else 5,
            seconds=0.0,
            goal_ratio=GOAL_FIRST if name in OWN else None,
        )
        for name, make in {**OWN, **compiled}.items()
    ]
    return rows


if __name__ == "__main__":
    main(measure)
