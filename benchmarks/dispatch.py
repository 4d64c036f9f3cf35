"""What a warm call of a compiled model costs beside plain JAX.

The model is a stack of layers so small that nearly all of the time goes into getting arrays into
the compiled program and out of it, and it counts its calls in a state. The reference is
``jax.jit`` on a function that takes all arrays in one flat tuple and threads the counter by hand.
"""

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import brainstate
import equinox
import jax
import jax.numpy as jnp
from flax import nnx

import brainlite
from benchmarks._measure import Named, Row, compare, is_quick, repeated
from benchmarks._report import main

WIDTH = 8
BATCH = 4
CALLS = {2: 100, 16: 50, 64: 20, 512: 3}  # calls in a sample, by depth
GOALS = {2: 1.12, 16: 1.08, 64: 1.04, 512: 1.04}
GOAL_TWO_SIZES = 1.3

Call = Callable[[], Any]


def make_input(batch: int = BATCH) -> jax.Array:
    """Return the batch that every model gets."""
    return jnp.ones((batch, WIDTH))


def plain_jax(depth: int) -> Call:
    """Return a call of ``jax.jit`` with the counter threaded by hand."""
    layer = (jnp.ones((WIDTH, WIDTH)), jnp.zeros(WIDTH))
    params = tuple(jnp.copy(array) for _ in range(depth) for array in layer)

    @jax.jit
    def step(
        params: tuple[jax.Array, ...], count: jax.Array, x: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        for weight, bias in zip(params[::2], params[1::2], strict=True):
            x = jnp.tanh(x @ weight + bias)
        return count + 1, x

    count, x = jnp.zeros((), jnp.int32), make_input()

    def call() -> jax.Array:
        nonlocal count
        count, y = step(params, count, x)
        return y

    return call


def plain_jax_in_dicts(depth: int) -> Call:
    """Return the same with a dict of parameters for each layer, as brainlite's layers have it."""
    params = [{"weight": jnp.ones((WIDTH, WIDTH)), "bias": jnp.zeros(WIDTH)} for _ in range(depth)]

    @jax.jit
    def step(
        params: list[dict[str, jax.Array]], count: jax.Array, x: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        for layer in params:
            x = jnp.tanh(x @ layer["weight"] + layer["bias"])
        return count + 1, x

    count, x = jnp.zeros((), jnp.int32), make_input()

    def call() -> jax.Array:
        nonlocal count
        count, y = step(params, count, x)
        return y

    return call


class Stack(brainlite.nn.Module):
    """The model, in brainlite."""

    def __init__(self, depth: int) -> None:
        self.layers = [brainlite.nn.Linear(WIDTH, WIDTH) for _ in range(depth)]
        self.count = brainlite.ShortTermState(jnp.zeros((), jnp.int32))

    def update(self, x: jax.Array) -> jax.Array:
        """Run the layers; count the call."""
        self.count.value += 1
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


def brainlite_closure(depth: int) -> Call:
    """Return a call of a compiled function that holds the model."""
    model, x = Stack(depth), make_input()

    @brainlite.transform.jit
    def step(x: jax.Array) -> jax.Array:
        return model(x)

    return lambda: step(x)


def brainlite_argument(depth: int) -> Call:
    """Return a call of a compiled function that is given the model."""
    model, x = Stack(depth), make_input()

    @brainlite.transform.jit
    def step(model: Stack, x: jax.Array) -> jax.Array:
        return model(x)

    return lambda: step(model, x)


def two_sizes(depth: int) -> Call:
    """Return a call of one compiled function, with a batch of another size each time."""
    model, inputs = Stack(depth), itertools.cycle([make_input(), make_input(2 * BATCH)])

    @brainlite.transform.jit
    def step(x: jax.Array) -> jax.Array:
        return model(x)

    return lambda: step(next(inputs))


def equinox_filter_jit(depth: int) -> Call:
    """Return a call of equinox's jit; the counter is threaded by hand, as equinox wants it."""

    class Layers(equinox.Module):
        layers: list[equinox.nn.Linear]

        def __call__(self, x: jax.Array) -> jax.Array:
            for layer in self.layers:
                x = jnp.tanh(jax.vmap(layer)(x))
            return x

    keys = jax.random.split(jax.random.key(0), depth)
    model = Layers([equinox.nn.Linear(WIDTH, WIDTH, key=key) for key in keys])

    @equinox.filter_jit
    def step(model: Layers, count: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return count + 1, model(x)

    count, x = jnp.zeros((), jnp.int32), make_input()

    def call() -> jax.Array:
        nonlocal count
        count, y = step(model, count, x)
        return y

    return call


class Count(nnx.Variable[jax.Array]):
    """A counter, for flax."""


class NnxStack(nnx.Module):
    """The model, in flax."""

    def __init__(self, depth: int) -> None:
        rngs = nnx.Rngs(0)
        self.layers = nnx.List([nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(depth)])
        self.count = Count(jnp.zeros((), jnp.int32))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Run the layers; count the call."""
        self.count[...] += 1
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


@nnx.jit
def nnx_step(model: NnxStack, x: jax.Array) -> jax.Array:
    """Run the model, in flax."""
    return model(x)


def nnx_jit(depth: int) -> Call:
    """Return a call of flax's jit."""
    model, x = NnxStack(depth), make_input()
    return lambda: nnx_step(model, x)


def nnx_cached_partial(depth: int) -> Call:
    """Return a call of flax's jit where the model's structure is looked at once."""
    model, x = NnxStack(depth), make_input()
    step = nnx.cached_partial(nnx_step, model)
    return lambda: step(x)


class BrainstateStack(brainstate.nn.Module):
    """The model, in brainstate."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = [brainstate.nn.Linear(WIDTH, WIDTH) for _ in range(depth)]
        self.count = brainstate.ShortTermState(jnp.zeros((), jnp.int32))

    def update(self, x: jax.Array) -> jax.Array:
        """Run the layers; count the call."""
        self.count.value += 1
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return x


def brainstate_jit(depth: int) -> Call:
    """Return a call of brainstate's jit."""
    model, x = BrainstateStack(depth), make_input()
    step = brainstate.transform.jit(model)
    return lambda: step(x)


OWN = {"brainlite, closure": brainlite_closure, "brainlite, argument": brainlite_argument}
PEERS = {
    "equinox filter_jit": equinox_filter_jit,
    "nnx.jit": nnx_jit,
    "nnx.cached_partial": nnx_cached_partial,
    "brainstate jit": brainstate_jit,
    "jax.jit, params in dicts": plain_jax_in_dicts,
}
CONTROL = {"jax.jit, again": plain_jax}  # tells how far to trust the other rows


def measure() -> list[Row]:
    """Return a row for each depth and library."""
    warnings.filterwarnings("ignore", module="brainstate|flax|equinox|jax")
    rows = []
    subjects = {**OWN, **({} if is_quick() else PEERS), **CONTROL}
    for depth, calls in list(CALLS.items())[: 3 if is_quick() else None]:
        reference = Named("jax.jit", repeated(plain_jax(depth), calls))
        rows += [
            compare(
                "warm call of jit",
                f"{depth} layers",
                Named(name, repeated(make(depth), calls)),
                reference,
                seconds=4.0 if name in OWN else 1.0,
                goal_ratio=GOALS[depth] if name in OWN else None,
            )
            for name, make in subjects.items()
        ]
    depth, calls = 16, CALLS[16]
    alternating = compare(
        "warm call of jit",
        f"{depth} layers",
        Named("brainlite, two sizes in turn", repeated(two_sizes(depth), calls)),
        Named("brainlite, one size", repeated(brainlite_closure(depth), calls)),
        goal_ratio=GOAL_TWO_SIZES,
    )
    return [*rows, alternating]


if __name__ == "__main__":
    main(measure)
