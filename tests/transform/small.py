"""Small modules for the tests of the transforms: nodes and states, and nothing of ``nn``."""

from collections.abc import Callable

import jax.numpy as jnp

from brainlite import environ
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.typing import Array


class Scale(Node):
    """Multiplies by a parameter and by a plain number."""

    def __init__(self, weight: float = 1.0, factor: float = 2.0) -> None:
        self.weight = ParamState(jnp.full(3, weight, jnp.float32))
        self.factor = factor

    def __call__(self, x: Array) -> Array:
        return x * self.weight.value * self.factor


class Counter(Node):
    """Counts its calls, and multiplies by the count."""

    def __init__(self) -> None:
        self.count = State(jnp.zeros((), jnp.int32))

    def __call__(self, x: Array) -> Array:
        self.count.value = self.count.value + 1
        return x * self.count.value


class Total(Node):
    """Adds up what it is called with."""

    def __init__(self) -> None:
        self.total = HiddenState(jnp.zeros(()))

    def __call__(self, x: Array) -> Array:
        self.total.value = self.total.value + x
        return self.total.value


class Fresh(Node):
    """Makes its hidden state at each call, and leaves a value in it."""

    hidden: HiddenState[Array]

    def __call__(self, x: Array) -> Array:
        self.hidden = HiddenState(jnp.zeros(3))
        self.hidden.value = self.hidden.value + x
        return self.hidden.value * 2


class Chain(Node):
    """Calls a list of modules in turn."""

    def __init__(self, *layers: Callable[[Array], Array]) -> None:
        self.layers = list(layers)

    def __call__(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer(x)
        return x


class Dropping(Node):
    """Reads a flag of its own and a setting of the environment."""

    def __init__(self) -> None:
        self.training = True

    def __call__(self, x: Array) -> Array:
        x = x * 2 if self.training else x
        return x * 3 if environ.get("fit", False) else x
