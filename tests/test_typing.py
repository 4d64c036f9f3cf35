"""The public aliases and protocols."""

from collections.abc import Callable
from typing import get_type_hints

import jax
import jax.numpy as jnp
import pytest

from brainlite import typing as public
from brainlite.graph import StateDict, iter_leaf, split, to_predicate
from brainlite.state import ParamState, State
from brainlite.typing import Array, GradTarget, Key


def test_every_public_name_is_there() -> None:
    assert [name for name in public.__all__ if not hasattr(public, name)] == []
    assert sorted(public.__all__) == public.__all__


def test_arrays_and_keys_are_arrays_of_jax_concrete_or_traced() -> None:
    def body(x: Array) -> Array:
        assert isinstance(x, Array)
        return x

    assert isinstance(jax.jit(body)(1.0), Array)
    assert isinstance(jax.random.key(0), Key)
    assert not isinstance(1.0, Array)


@pytest.mark.parametrize("function", [split, iter_leaf, to_predicate, State.__init__])
def test_annotations_can_be_resolved_at_run_time(function: Callable[..., object]) -> None:
    assert "return" in get_type_hints(function)


@pytest.mark.parametrize("alias", public.__all__)
def test_every_public_name_can_annotate_at_run_time(alias: str) -> None:
    def described(value: object) -> None:
        del value

    described.__annotations__["value"] = getattr(public, alias)
    assert "value" in get_type_hints(described, dict(vars(public)))


@pytest.mark.parametrize("target", [State(1.0), ParamState(jnp.ones(3)), StateDict[State]()])
def test_states_and_their_collections_are_targets_of_gradients(target: object) -> None:
    assert isinstance(target, GradTarget)


@pytest.mark.parametrize("target", [1.0, jnp.ones(3), None, [State(1.0)]])
def test_anything_else_is_none(target: object) -> None:
    assert not isinstance(target, GradTarget)
