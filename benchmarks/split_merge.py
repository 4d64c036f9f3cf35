"""What it costs to take a large model apart and to put it together again.

The model has 10,000 states in 1,000 modules. Times are for one state.
"""

import warnings
from collections.abc import Callable
from typing import Any

import brainstate
import jax.numpy as jnp
from flax import nnx

import brainlite
from benchmarks._measure import Named, Row, compare, per, repeated
from benchmarks._report import main

MODULES = 1000
STATES_EACH = 10
STATES = MODULES * STATES_EACH
GOAL_SECONDS = 3e-6

Call = Callable[[], Any]
VALUE = jnp.zeros(())


class Block(brainlite.nn.Module):
    """A module with some states, in brainlite."""

    def __init__(self) -> None:
        for number in range(STATES_EACH):
            setattr(self, f"state_{number}", brainlite.ParamState(VALUE))


class Model(brainlite.nn.Module):
    """The model, in brainlite."""

    def __init__(self) -> None:
        self.blocks = [Block() for _ in range(MODULES)]


class NnxBlock(nnx.Module):
    """A module with some states, in flax."""

    def __init__(self) -> None:
        for number in range(STATES_EACH):
            setattr(self, f"state_{number}", nnx.Param(VALUE))


class NnxModel(nnx.Module):
    """The model, in flax."""

    def __init__(self) -> None:
        self.blocks = nnx.List([NnxBlock() for _ in range(MODULES)])


class BrainstateBlock(brainstate.nn.Module):
    """A module with some states, in brainstate."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(STATES_EACH):
            setattr(self, f"state_{number}", brainstate.ParamState(VALUE))


class BrainstateModel(brainstate.nn.Module):
    """The model, in brainstate."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = [BrainstateBlock() for _ in range(MODULES)]


def brainlite_calls() -> tuple[Call, Call]:
    """Return split and merge."""
    model = Model()
    parts = brainlite.graph.split(model)
    return lambda: brainlite.graph.split(model), lambda: brainlite.graph.merge(*parts)


def nnx_calls() -> tuple[Call, Call]:
    """Return split and merge."""
    model = NnxModel()
    parts = nnx.split(model)
    return lambda: nnx.split(model), lambda: nnx.merge(*parts)


def brainstate_calls() -> tuple[Call, Call]:
    """Return split and merge."""
    model = BrainstateModel()
    parts = brainstate.graph.treefy_split(model)
    return (
        lambda: brainstate.graph.treefy_split(model),
        lambda: brainstate.graph.treefy_merge(*parts),
    )


def measure() -> list[Row]:
    """Return a row for each way and peer."""
    warnings.filterwarnings("ignore", module="brainstate|flax|jax")
    own, peers = brainlite_calls(), {"nnx": nnx_calls(), "brainstate": brainstate_calls()}
    return [
        compare(
            "large model, per state",
            way,
            Named(f"brainlite {way}", per(STATES, repeated(own[number]))),
            Named(f"{peer} {way}", per(STATES, repeated(calls[number]))),
            seconds=3.0,
            goal_seconds=GOAL_SECONDS,
        )
        for number, way in enumerate(("split", "merge"))
        for peer, calls in peers.items()
    ]


if __name__ == "__main__":
    main(measure)
