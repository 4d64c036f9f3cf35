"""A state where its array is meant: what is written, and what it is called here."""

import copy
import operator
import pickle
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.errors import StateUseError
from brainlite.state import ParamState, State
from brainlite.transform import jit

X = jnp.ones((2, 2))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("shape", r"write `.value.shape`"),
        ("T", r"write `.value.T`"),
        ("item", r"write `.value.item`"),
        ("data", r"in `.value`, which is read and written"),
        ("grad", r"torch's `grad` is here.*gradients are values"),
        ("detach", r"`jax.lax.stop_gradient\(x\)`"),
        ("nonsense", r"nonsense'$"),
    ],
)
def test_an_attribute_of_the_array_or_of_a_tensor_is_told(name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=r"'ParamState' object has no attribute.*" + hint):
        getattr(ParamState(X), name)


OPERATIONS: list[Callable[[Any, Any], Any]] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.matmul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("other", [X, np.ones((2, 2)), 2.0], ids=["jax", "numpy", "number"])
def test_an_operator_says_that_the_array_is_the_value(
    operation: Callable[[Any, Any], Any], other: Any
) -> None:
    for one, two in ((other, State(X)), (State(X), other)):
        with pytest.raises((StateUseError, ValueError), match=r"no array|matmul"):
            operation(one, two)
    with pytest.raises(StateUseError, match=r"`neg` does not work"):
        operator.neg(State(X))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake


def test_the_path_of_the_state_is_told_also_in_compiled_code() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.weight = ParamState(X)

        def update(self, x: Any) -> Any:
            return x @ self.weight

    for call in (Net(), jit(Net())):
        with pytest.raises(StateUseError, match=r"Net.weight \(ParamState\): a ParamState is no"):
            call(X)


def test_a_traced_array_that_is_no_tensor_is_told_by_a_note() -> None:
    def step(x: Any) -> Any:
        return x.detach()

    with pytest.raises(AttributeError) as caught:
        jit(step)(X)
    assert caught.value.__notes__[:1] == ["torch's `detach` is here: `jax.lax.stop_gradient(x)`"]


def test_what_probes_a_state_finds_nothing_and_copies_it() -> None:
    state = brainlite.HiddenState(X)
    assert not hasattr(state, "__jax_array__")
    for again in (copy.deepcopy(state), pickle.loads(pickle.dumps(state)), state.copy()):
        np.testing.assert_array_equal(again.value, X)
