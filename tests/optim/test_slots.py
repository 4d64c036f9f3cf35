"""Trees that transformations remember come apart into states and together again."""

import copy
import pickle
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import StateValueError
from brainlite.optim import OptimState
from brainlite.optim._slots import SlotLayout, apply, fitted
from brainlite.typing import Path
from tests.closeness import assert_same

NAMES: dict[Path, str] = {("a",): "a", ("b", 0): "b.0"}


class Moments(NamedTuple):
    count: Any
    mu: Any
    nothing: Any = ()


def tree() -> Any:
    """Return what a chain of two transformations might remember."""
    mu = {("a",): {"weight": jnp.ones(2), "bias": jnp.zeros(1)}, ("b", 0): jnp.arange(3.0)}
    masked = {("a",): jnp.ones(()), ("b", 0): ()}
    return (Moments(jnp.asarray(3), mu), {"inner": Moments(2.5, masked)})


def test_what_mirrors_the_parameters_becomes_a_state_for_each() -> None:
    layout, slots, others = SlotLayout.of(tree(), NAMES)
    assert {name: list(slot) for name, slot in slots.items()} == {
        "0.mu": ["a", "b.0"],
        "inner.mu": ["a"],
    }
    assert list(others) == ["0.count", "inner.count"]
    paths: dict[str, Path] = {name: path for path, name in NAMES.items()}
    values = {
        slot: {paths[name]: state.value for name, state in states.items()}
        for slot, states in slots.items()
    }
    together = layout.join(values, {name: state.value for name, state in others.items()})
    assert_same(together, tree())
    assert_same(layout.part(tree())[0]["0.mu"], tree()[0].mu)


def test_numbers_become_arrays_that_keep_their_dtype() -> None:
    _, _, others = SlotLayout.of(tree(), NAMES)
    state = others["inner.count"]
    assert not state.value.weak_type
    with pytest.raises(StateValueError, match="this OptimState was given a value of another shape"):
        state.value = jnp.zeros(2)


def test_equal_layouts_are_one_object_also_after_a_copy() -> None:
    layout = SlotLayout.of(tree(), NAMES)[0]
    assert SlotLayout.of(tree(), NAMES)[0] is layout
    assert copy.deepcopy(layout) is layout
    assert pickle.loads(pickle.dumps(layout)) is layout
    assert SlotLayout.of(tree()[0], NAMES)[0] is not layout


def test_fitted_arrays_are_strong_and_of_the_dtype_asked_for() -> None:
    weak = jnp.asarray(1.0)
    assert weak.weak_type
    assert not fitted(weak, jnp.zeros(())).weak_type
    assert fitted(jnp.ones(2), jnp.zeros(2, "bfloat16")).dtype == jnp.bfloat16
    same = jnp.ones(2)
    assert fitted(same, jnp.zeros(2)) is same


def test_functions_apply_to_shapes_alone() -> None:
    outline = jax.eval_shape(lambda: {"a": jnp.ones(2)})
    assert apply(jnp.zeros_like, outline) == outline
    assert_same(apply(jnp.negative, jnp.ones(2)), -jnp.ones(2))


def test_a_slot_is_a_state_that_outlives_a_run() -> None:
    assert OptimState(jnp.zeros(2)).numel() == 2
