import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.errors import OptionError
from brainlite.nn import functional
from brainlite.nn._functional import activations, rectifiers
from brainlite.nn.functional import is_pure, resolve_activation
from brainlite.typing import Array


def test_every_activation_has_its_name() -> None:
    along_an_axis = ["glu", "softmax", "log_softmax", "softmin", "standardize"]
    for name in [*activations.__all__, *rectifiers.__all__, *along_an_axis]:
        assert resolve_activation(name) is getattr(functional, name)


def test_a_function_is_its_own_activation() -> None:
    def double(x: Array) -> Array:
        return x * 2

    for function in (double, jnp.tanh, functools.partial(functional.elu, alpha=2.0)):
        assert resolve_activation(function) is function


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("rellu", r"fix:      use 'relu'"),
        ("Sigmoid", r"'sigmoid'"),
        ("softmaxx", r"'softmax'"),
        ("zzz", r"use a name in brainlite\.nn\.functional, or pass the function itself"),
        ("one_hot", r"pass the function itself"),
    ],
)
def test_an_unknown_name_gets_the_nearest_ones(name: str, fix: str) -> None:
    with pytest.raises(OptionError, match=rf"^cell: .*\n.*\n  got:      '{name}'\n.*{fix}"):
        resolve_activation(name, where="cell")


def test_what_is_no_activation_is_refused() -> None:
    with pytest.raises(OptionError, match=r"got:      3"):
        resolve_activation(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def keep(x: Any) -> Any:
    return x


@functools.wraps(jax.nn.relu)
def in_disguise(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    "function",
    [
        functional.relu,
        functional.softmax,
        jnp.tanh,
        jnp.sin,
        jax.nn.relu,
        jax.nn.gelu,
        jax.nn.leaky_relu,
        jax.lax.tanh,
        jax.jit(jax.nn.relu),
    ],
)
def test_functions_of_the_library_and_of_jax_are_pure(function: Callable[..., Any]) -> None:
    assert is_pure(function)


@pytest.mark.parametrize(
    "function",
    [
        functional.rrelu,
        keep,
        in_disguise,
        jax.jit(keep),
        jax.vmap(keep),
        jax.custom_jvp(keep),
        jax.tree_util.Partial(keep),  # type: ignore[no-untyped-call]
        functools.partial(jnp.add, 1),
        [].append,
    ],
)
def test_of_other_functions_nothing_is_known(function: Callable[..., Any]) -> None:
    assert not is_pure(function)


def test_activations_are_on_the_face_of_the_room() -> None:
    assert nn.relu is functional.relu
    assert nn.softmax is functional.softmax
