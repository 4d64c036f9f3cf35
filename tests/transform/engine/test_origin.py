"""What jax says of a traced value whose value is asked for: in the words of the user's code."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.graph import Node
from brainlite.state import ParamState, State
from brainlite.transform import (
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    jit,
    scan,
    vmap,
    while_loop,
)

ONE = jnp.ones(())
THREE = jnp.ones(3)


def loss(x: Any, y: Any = 1.0) -> Any:
    z = x * 2
    return z if z > 1 else y


def whole(x: Any) -> Any:
    return x * int(x)


def array(x: Any) -> Any:
    return np.asarray(x)


def item(x: Any) -> Any:
    return [1, 2, 3][x]


def total(carry: Any, x: Any) -> Any:
    return (carry, x) if carry + x > 0 else (x, carry)


class Net(Node):
    def __init__(self) -> None:
        self.count = State(jnp.zeros(()))
        self.pair = State[Any]((jnp.zeros(()), jnp.zeros(3)))
        self.weight = ParamState(jnp.ones(()))

    def __call__(self, x: Any) -> Any:
        if self.count.value * 2 > 0:
            return x
        return x * self.weight.value

    def second(self, x: Any) -> Any:
        return x if self.pair.value[1].sum() > 0 else -x


class Module(brainlite.nn.Module):
    def __init__(self) -> None:
        self.net = Net()

    def update(self, x: Any) -> Any:
        return self.net(x)


NET, MODULE = Net(), Module()


def place(fun: Any) -> str:
    code = inspect.unwrap(fun).__code__
    return rf"function {code.co_name} at \S*test_origin\.py:{code.co_firstlineno}"


ARGUMENTS: dict[str, tuple[Callable[[], Any], str, str, str]] = {
    "jit": (lambda: jit(loss)(ONE), place(loss), "jit", "argument x"),
    "jit by keyword": (lambda: jit(loss)(1.0, y=ONE), place(loss), "jit", "argument x"),
    "jit of int": (lambda: jit(whole)(jnp.ones((), int)), place(whole), "jit", "argument x"),
    "jit of numpy": (lambda: jit(array)(ONE), place(array), "jit", "argument x"),
    "jit of an index": (lambda: jit(item)(jnp.ones((), int)), place(item), "jit", "argument x"),
    "jit of a partial": (lambda: jit(partial(loss, y=2.0))(ONE), place(loss), "jit", "argument x"),
    "jit of grad": (lambda: jit(grad(loss))(ONE), place(loss), "jit", "argument x"),
    "for_loop": (lambda: for_loop(loss, THREE, THREE), place(loss), "scan", "argument x"),
    "checkpointed": (
        lambda: checkpointed_for_loop(loss, jnp.ones(9), base=3),
        place(loss),
        "scan",
        "argument x",
    ),
    "scan": (lambda: scan(total, ONE, THREE), place(total), "scan", "arguments carry and x"),
    "while_loop": (
        lambda: while_loop(lambda c: c < 3, whole, 0),
        place(whole),
        "while_loop",
        "argument x",
    ),
    "cond": (lambda: cond(True, loss, loss, ONE), place(loss), "a branch of cond", "argument x"),
    "checkpoint": (lambda: checkpoint(loss)(ONE), place(loss), "checkpoint", "argument x"),
    "a dict": (
        lambda: jit(lambda d: d if d["a"][1] > 0 else 1)({"a": [1.0, ONE]}),
        r"function <lambda> at \S*test_origin\.py:\d+",
        "jit",
        r"argument d\['a'\]\[1\]",
    ),
}

NEEDS_VALUE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


@pytest.mark.parametrize("case", ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_an_error_names_the_function_and_the_argument(
    case: tuple[Callable[[], Any], str, str, str],
) -> None:
    run, function, label, argument = case
    with pytest.raises(NEEDS_VALUE, match=rf"{function} for {label}\. .* the {argument}\."):
        run()


STATES: dict[str, tuple[Callable[[], Any], str]] = {
    "jit": (lambda: jit(lambda x: NET(x))(ONE), r"Net\.count \(State\)"),
    "jit of the module": (lambda: jit(NET)(ONE), r"Net\.count \(State\)"),
    "jit with the module": (lambda: jit(lambda m, x: m(x))(NET, ONE), r"Net\.count \(State\)"),
    "a longer path": (lambda: jit(MODULE)(ONE), r"Module\.net\.count \(State\)"),
    "several leaves": (lambda: jit(lambda x: NET.second(x))(ONE), r"Net\.pair \(State\)"),
    "for_loop": (lambda: for_loop(NET, THREE), r"Net\.count \(State\)"),
    "cond": (lambda: cond(True, NET, NET, ONE), r"Net\.count \(State\)"),
    "jit of grad": (lambda: jit(grad(lambda x: NET(x), NET.weight))(ONE), r"Net\.count \(State\)"),
    "jit of vmap": (lambda: jit(vmap(lambda x: NET(x)))(THREE), r"Net\.count \(State\)"),
    "jit of for_loop": (lambda: jit(lambda xs: for_loop(NET, xs))(THREE), r"Net\.count \(State\)"),
}


@pytest.mark.parametrize("case", STATES.values(), ids=list(STATES))
def test_an_error_names_the_state_that_was_read(case: tuple[Callable[[], Any], str]) -> None:
    run, path = case
    with pytest.raises(
        jax.errors.TracerBoolConversionError, match=rf"  the value of {path}\n"
    ) as e:
        run()
    assert "state_read" not in str(e.value)
    assert "_lift.py" not in str(e.value)


def test_a_loop_over_a_module_names_its_update() -> None:
    update = place(Module.update)
    with pytest.raises(jax.errors.TracerBoolConversionError, match=rf"{update} for scan"):
        for_loop(MODULE, THREE)


def test_a_function_without_a_signature_has_numbered_arguments() -> None:
    with pytest.raises(
        jax.errors.TracerBoolConversionError, match=r"the arguments args\[0\] and args\[1\]"
    ):
        jit(max)(ONE, ONE)
