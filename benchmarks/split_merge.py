"""What it costs to take a large model apart and to put it together again.

The model has 10,000 states, two in each of 5,000 layers: all in one list, or in blocks of ten that
are in blocks of ten themselves, and so on. Times are for one state, and include throwing the
result away.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import brainstate
import jax.numpy as jnp
from flax import nnx

import brainlite
from benchmarks._measure import Named, Row, compare, per, repeated
from benchmarks._report import main

LAYERS = 5000
STATES = 2 * LAYERS
GOAL_SECONDS = 3e-6

Call = Callable[[], None]
VALUE = jnp.zeros(())


class Library(NamedTuple):
    """How a library calls things."""

    module: type[Any]
    parameter: Callable[[Any], Any]
    layers: Callable[[list[Any]], Any]
    split: Callable[..., Any]
    merge: Callable[..., Any]
    parameters: tuple[Any, ...]


LIBRARIES = {
    "brainlite": Library(
        brainlite.nn.Module,
        brainlite.ParamState,
        list,
        brainlite.graph.split,
        brainlite.graph.merge,
        (brainlite.ParamState, ...),
    ),
    "nnx": Library(nnx.Module, nnx.Param, nnx.List, nnx.split, nnx.merge, (nnx.Param, ...)),
    "brainstate": Library(
        brainstate.nn.Module,
        brainstate.ParamState,
        list,
        brainstate.graph.treefy_split,
        brainstate.graph.treefy_merge,
        (brainstate.ParamState, ...),
    ),
}


def make_model(library: Library, *, deep: bool) -> Any:
    """Return the model in a library."""

    class Layer(library.module):  # type: ignore[misc, name-defined]  # a class that is a value
        def __init__(self) -> None:
            super().__init__()
            self.size, self.name_of_layer = (3, 4), "layer"
            self.weight = library.parameter(VALUE)
            self.bias = library.parameter(VALUE)

    class Block(library.module):  # type: ignore[misc, name-defined]  # a class that is a value
        def __init__(self, inner: list[Any]) -> None:
            super().__init__()
            self.inner = library.layers(inner)

    layers: list[Any] = [Layer() for _ in range(LAYERS)]
    while deep and len(layers) > 1:
        layers = [Block(layers[at : at + 10]) for at in range(0, len(layers), 10)]
    return Block(layers)


def make_calls(library: Library, *, deep: bool) -> dict[str, Call]:
    """Return what is measured, by name. Nothing is returned by it, for nothing is computed."""
    model = make_model(library, deep=deep)
    parts = library.split(model)

    def split(*filters: Any) -> None:
        library.split(model, *filters)

    def merge() -> None:
        library.merge(*parts)

    return {"split": split, "split by filters": partial(split, *library.parameters), "merge": merge}


def measure() -> list[Row]:
    """Return a row for each shape, way and peer."""
    warnings.filterwarnings("ignore", module="brainstate|flax|jax")
    rows: list[Row] = []
    for case, deep in (("one list", False), ("blocks in blocks", True)):
        calls = {name: make_calls(each, deep=deep) for name, each in LIBRARIES.items()}
        rows += [
            compare(
                "large model, per state",
                f"{way}, {case}",
                Named("brainlite", per(STATES, repeated(calls["brainlite"][way]))),
                Named(peer, per(STATES, repeated(calls[peer][way]))),
                seconds=2.0,
                goal_seconds=GOAL_SECONDS,
            )
            for way in calls["brainlite"]
            for peer in LIBRARIES
            if peer != "brainlite"
        ]
    return rows


if __name__ == "__main__":
    main(measure)
