"""The arguments of a compiled function, as they are listed."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.graph import Node
from brainlite.state import HiddenState, State
from brainlite.transform import jit
from brainlite.typing import Array
from tests.transform.small import Chain, Scale

X = jnp.ones(3)


def listed(made: Any) -> str:
    """Return how the first compilation lists its arguments."""
    _, _, rest = repr(made).partition("arguments=[")
    return " ".join(rest.partition("]\n")[0].split())


def test_a_module_is_listed_by_its_type_and_the_shapes_of_its_states() -> None:
    run = jit(lambda model, x: model(x))
    run(Scale(), X)
    assert listed(run) == "(Scale(weight=float32[3]), float32[3])"


def test_a_state_and_a_module_in_a_container_are_listed() -> None:
    run = jit(lambda parts: parts["model"](parts["state"].value))
    run({"model": Scale(), "state": State(X)})
    assert listed(run) == "({'model': Scale(weight=float32[3]), 'state': State(float32[3])})"


def test_a_static_argument_is_listed_by_its_value() -> None:
    run = jit(lambda x, times, model: model(x) * times, static_argnames=("times", "model"))
    run(X, 2, model=Scale())
    assert listed(run) == "(float32[3], 2, model=Scale(...))"


def test_states_of_other_shapes_are_listed_anew() -> None:
    class Cell(Node):
        def __init__(self) -> None:
            self.h = HiddenState(X)
            self.unused = State(X)

        def __call__(self, x: Array) -> Array:
            return self.h.value + x

    cell = Cell()
    run = jit(lambda model, x: model(x))
    run(cell, X)
    cell.h.value = jnp.ones((2, 3))
    run(cell, X)
    first, second = listed(run).removesuffix(")").split("), (")
    assert (first, second) == (
        "(Cell(h=float32[3]), float32[3]",
        "Cell(h=float32[2,3]), float32[3]",
    ), "what the function does not read it was not compiled for"


def test_many_states_are_cut() -> None:
    run = jit(lambda model, x: model(x))
    run(Chain(*[Scale() for _ in range(7)]), X)
    assert listed(run).endswith("layers.3.weight=float32[3], ... 3 more), float32[3])")


@pytest.mark.parametrize("name", ["arguments", "because"])
def test_the_display_of_a_tree_lists_them_too(name: str) -> None:
    import treescope

    run = jit(lambda model, x: model(x))
    run(Scale(), X)
    assert f"{name}=" in treescope.render_to_text(run)
