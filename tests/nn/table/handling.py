"""How the runner of the table handles layers whose kind it does not know."""

import copy
import importlib
import inspect
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import graph, random
from brainlite.nn import Module
from brainlite.state import ParamState
from tests.nn.table.descriptor import Described
from tests.transform.checks import assert_same

HERE = Path(__file__).parent


def gathered() -> Iterator[tuple[str, Described]]:
    """Yield (name, row) for the rows of all files of this folder."""
    for file in sorted(HERE.glob("*.py")):
        module = importlib.import_module(f"tests.nn.table.{file.stem}")
        for row in getattr(module, "LAYERS", []):
            yield f"{file.stem}-{row.name}", row


def made(row: Described, seed: int = 0, *, training: bool = False) -> Any:
    """Return a new layer, in a mode if it asks for one."""
    random.seed(seed)
    layer = row.make()
    return layer.train(training) if row.mode else layer


def samples(row: Described, *lead: int) -> tuple[Any, ...]:
    """Return the inputs of different samples, stacked along new axes in front."""

    def stack(leaf: Any) -> Any:
        every = np.stack([_another(leaf, number) for number in range(math.prod(lead))])
        return jnp.asarray(every.reshape((*lead, *np.shape(leaf))))

    return tuple(jax.tree.map(stack, each) for each in row.inputs)


# What only prepares or compares is numpy's: each operation of jax would be compiled.
def _another(leaf: Any, number: int) -> Any:
    """Return an input like this one: of the same sign if it is a float, else of the same values."""
    plain = np.asarray(leaf)
    if is_float(leaf):
        return plain * np.asarray(1 - 0.21 * number, plain.dtype)
    return np.roll(plain, number, -1) if plain.ndim else plain


def one_by_one(function: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """Call a function for each slice along the leading axis; stack what it returns."""
    count = len(jax.tree.leaves(inputs)[0])
    every = [function(*part(inputs, n)) for n in range(count)]
    return jax.tree.map(lambda *ys: np.stack(list(map(np.asarray, ys))), *every)


def part(inputs: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[number]), inputs)


def is_float(leaf: Any) -> bool:
    return bool(jnp.issubdtype(jax.dtypes.result_type(leaf), jnp.floating))


def float_leaves(tree: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if is_float(leaf)]


def assert_finite(tree: Any) -> None:
    assert all(np.isfinite(np.asarray(leaf, np.float32)).all() for leaf in float_leaves(tree))


def cast(tree: Any, dtype: str) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if is_float(leaf) else leaf, tree)


def values(layer: Module) -> dict[str, Any]:
    """Return the value of every state by path, and the key of the shared generator."""
    found = {str(path): value for path, value in layer.states().to_values().items()}
    return {**found, "shared": random.DEFAULT.value}


def assert_unchanged(layer: Module, before: dict[str, Any]) -> None:
    after = values(layer)
    assert after.keys() == before.keys()
    assert_same(after, before)


def writes(layer: Any, inputs: tuple[Any, ...]) -> bool:
    """Whether a call changes or makes a state."""
    twin = graph.clone(layer)
    before = jax.tree.leaves(twin.states().to_values())
    twin(*inputs)
    after = jax.tree.leaves(twin.states().to_values())
    return len(after) > len(before) or any(a is not b for a, b in zip(after, before, strict=True))


def weighted_sum(output: Any, numbers: Any = np) -> Any:
    """Return a number that depends on every float of an output."""
    draw = np.random.RandomState(1)
    weights = [draw.uniform(0.5, 1.5, np.shape(leaf)) for leaf in float_leaves(output)]
    products = zip(float_leaves(output), weights, strict=True)
    return sum(numbers.sum(numbers.asarray(leaf, np.float32) * weight) for leaf, weight in products)


def slope(function: Callable[[Any], Any], at: Any, direction: Any, step: float = 3e-3) -> float:
    """Return the derivative of a function in a direction, by a central difference."""

    def moved(by: float) -> Any:
        def move(x: Any, way: Any) -> Any:
            return jnp.asarray(np.asarray(x) + np.asarray(by * way, x.dtype))

        return jax.tree.map(move, at, direction)

    return float(function(moved(step)) - function(moved(-step))) / (2 * step)


def direction_of(tree: Any) -> Any:
    draw = np.random.RandomState(2)
    return jax.tree.map(lambda leaf: draw.uniform(-1, 1, np.shape(leaf)), tree)


def inner(first: Any, second: Any) -> float:
    products = jax.tree.map(lambda a, b: float(np.sum(np.asarray(a) * b)), first, second)
    return float(sum(jax.tree.leaves(products)))


def parameters(layer: Module) -> Any:
    params: Any = layer.states(ParamState)
    return params


class Loss:
    """A weighted sum of what a layer returns, under jax and, for other values, by numpy alone."""

    def __init__(self, row: Described) -> None:
        # Statistics of a batch are differentiated; what is drawn is not.
        self.layer = made(row, training=not row.draws)
        self.params = parameters(self.layer)
        self.at = self.params.to_values()
        self._twin = copy.deepcopy(self.layer)
        self._rest = row.inputs[1:]

    def __call__(self, x: Any) -> Any:
        return weighted_sum(self.layer(x, *self._rest), jnp)

    def pure(self, params: Any, x: Any, numbers: Any = np) -> Any:
        twin = copy.deepcopy(self._twin)
        parameters(twin).assign(params)
        return weighted_sum(twin(x, *self._rest), numbers)


def expected_dtype(layer: Any, inputs: Any) -> Any:
    return jnp.result_type(*float_leaves((inputs, layer.states().to_values())))


def with_options(row: Described, patch: pytest.MonkeyPatch, **options: Any) -> Any:
    """Return the layer made with further options."""
    kind = type(row.make())
    original = kind.__init__

    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **{**kwargs, **(options if type(self) is kind else {})})

    with patch.context() as local:
        local.setattr(kind, "__init__", initialise)
        return made(row)


def takes_dtype(row: Described) -> bool:
    return "param_dtype" in inspect.signature(type(row.make())).parameters
