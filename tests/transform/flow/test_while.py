"""``while_loop`` does what a Python loop does."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import BranchError, LoopStateError
from brainlite.random import RandomState
from brainlite.state import HiddenState, State
from brainlite.transform import jit, while_loop
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, attributes, says, values
from tests.transform.small import Counter, Fresh, Total

eager_and_jitted = pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])


def maybe_jit(fun: Callable[..., Any], lifted: bool) -> Callable[..., Any]:
    return jit(fun) if lifted else fun


@eager_and_jitted
def test_a_while_loop_is_a_python_loop(lifted: bool) -> None:
    model, twin, limit = Total(), Total(), State(jnp.full((), 20.0))

    def body(x: Array) -> Array:
        return x + model(x)

    loop = maybe_jit(lambda x: while_loop(lambda x: x < limit.value, body, x), lifted)
    for start in (1.0, 2.0):
        x = jnp.asarray(start)
        while x < 20.0:
            x = x + twin(x)
        assert_close(loop(jnp.asarray(start)), x)
        assert_close(values(model.total), values(twin.total))


def test_the_condition_reads_what_the_body_has_written() -> None:
    model = Counter()
    x = while_loop(lambda _: model.count.value < 5, lambda x: model(x) * 0 + x + 1, jnp.zeros(()))
    assert_same((x, *values(model.count)), (5.0, 5))


@eager_and_jitted
def test_a_loop_of_no_steps_changes_nothing(lifted: bool) -> None:
    model, fresh, generator = Counter(), Fresh(), RandomState(0)
    fresh(jnp.ones(3))
    before = values(generator)

    def body(x: Array) -> Array:
        return fresh(model(x)) + generator.normal(0.0, 1.0)

    loop = maybe_jit(lambda: while_loop(lambda _: False, body, jnp.ones(3)), lifted)
    assert_same(loop(), np.ones(3))
    assert_same(values(model.count, fresh.hidden, generator), [0, np.ones(3), *before])


def test_a_pytree_is_carried() -> None:
    carry = while_loop(
        lambda c: c["n"] < 3, lambda c: {"n": c["n"] + 1, "x": c["x"] * 2}, {"n": 0, "x": 1.0}
    )
    assert_same(carry, {"n": 3, "x": 8.0})


def test_a_weakly_typed_state_is_carried_in_its_own_type() -> None:
    state = State[Any](1.0)

    def body(n: Array) -> Array:
        state.value = state.value * jnp.float32(2)
        return n + 1

    while_loop(lambda n: n < 3, body, jnp.asarray(0))
    assert_same(values(state), [8.0])


@pytest.mark.parametrize("by", ["writing", "drawing", "making"])
def test_a_condition_that_writes_raises(by: str) -> None:
    model, fresh, generator = Counter(), Fresh(), RandomState(0)

    def condition(x: Array) -> Array:
        match by:
            case "writing":
                model(x)
            case "drawing":
                generator.normal(0.0, 1.0)
            case _:
                fresh(x)
        return x.sum() < 0

    before = values(model.count, generator), attributes(fresh)
    message = says(
        "the condition of a while_loop writes states",
        expected="a condition that only reads",
        got=r"writes to (Counter\.count|RandomState|HiddenState)",
        fix="write the states in the body",
    )
    with pytest.raises(LoopStateError, match=message):
        while_loop(condition, lambda x: x, jnp.zeros(3))
    assert_same(values(model.count, generator), before[0])
    assert attributes(fresh) == before[1]


def test_a_body_that_makes_a_state_where_none_was_raises() -> None:
    model = Fresh()
    message = says(
        "while_loop makes a HiddenState that may not come to be",
        expected="a state that exists before",
        got="a new state at attribute 'hidden'",
        fix="make the state before",
    )
    with pytest.raises(BranchError, match=message):
        while_loop(lambda x: x.sum() < 1, model, jnp.ones(3))
    assert not hasattr(model, "hidden")


def test_a_carry_that_changes_raises_with_both() -> None:
    message = says(
        "the carry of a while_loop changes in the body",
        expected=r"float32\[2\]",
        got=r"float32\[4\]",
        fix="keep structure",
    )
    with pytest.raises(LoopStateError, match=message):
        while_loop(lambda x: x.sum() < 9, lambda x: jnp.concatenate([x, x]), jnp.ones(2))


def test_a_state_that_changes_raises_even_if_it_is_written_first() -> None:
    state = HiddenState(jnp.zeros(2))

    def body(x: Array) -> Array:
        state.value = jnp.zeros(3)
        return x

    message = says(
        "this HiddenState changes",
        expected=r"float32\[2\]",
        got=r"float32\[3\]",
        fix="keep structure",
    )
    with pytest.raises(LoopStateError, match=message):
        while_loop(lambda x: x < 0, body, jnp.zeros(()))
