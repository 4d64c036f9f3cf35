"""Checks of values at run time: ``jit_error_if``, ``checkify`` and ``check``."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import checkify as jax_checkify

from brainlite.errors import OptionError
from brainlite.state import State
from brainlite.transform import cond, for_loop, grad, jit, vmap
from brainlite.transform._flow._checkpoint import checkpoint
from brainlite.transform._flow._checks import check, checkify, jit_error_if
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values
from tests.transform.small import Counter

BAD = jnp.array([1.0, -2.0])
GOOD = jnp.array([1.0, 2.0])

Wrap = Callable[[Callable[[Array], Array]], Callable[[Array], Any]]


def guarded(x: Array) -> Array:
    jit_error_if(x < 0, "negative: {:.1f} in {where}", x.min(), where="guarded")
    return x * 2


def summed(fun: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: fun(x).sum()


wait: Any = jax.block_until_ready  # it has no types

WRAPS: dict[str, Wrap] = {
    "eager": lambda fun: fun,
    "jit": jit,
    "plain jit": jax.jit,
    "grad": lambda fun: grad(summed(fun)),
    "jit of grad": lambda fun: jit(grad(summed(fun))),
    "vmap": vmap,
    "for_loop": lambda fun: lambda xs: for_loop(fun, xs),
    "checkpoint": lambda fun: jit(grad(checkpoint(summed(fun)))),
    "cond": lambda fun: lambda x: cond(True, fun, lambda x: x, x),
}


@pytest.mark.parametrize("name", WRAPS)
def test_error_is_raised_from_inside_every_transform(name: str) -> None:
    call = WRAPS[name](guarded)
    with pytest.raises(
        (ValueError, jax.errors.JaxRuntimeError), match=r"negative: -2\.0 in guarded"
    ):
        wait(call(BAD))
    expected = WRAPS[name](lambda x: x * 2)(GOOD)
    assert_close(call(GOOD), expected)


def test_eager_error_is_a_value_error_and_states_stay() -> None:
    count = State(jnp.zeros(()))
    with pytest.raises(ValueError, match="negative"):
        guarded(BAD)

    @jit
    def fun(x: Array) -> Array:
        count.value = count.value + 1
        return guarded(x)

    with pytest.raises(jax.errors.JaxRuntimeError, match="negative"):
        wait(fun(BAD))
    assert values(count) == [0]
    assert_same(fun(GOOD), GOOD * 2)
    assert values(count) == [1]


def test_error_may_be_a_function_or_an_exception() -> None:
    def fail(x: Any, hint: str) -> None:
        raise KeyError(f"{x.sum()} {hint}")

    with pytest.raises(KeyError, match=r"-1\.0 help"):
        jit_error_if(True, fail, BAD, hint="help")
    with pytest.raises(ZeroDivisionError, match="by zero"):
        jit_error_if(True, ZeroDivisionError, "by zero")
    with pytest.raises(ValueError, match="jit_error_if holds, and <lambda> raised nothing"):
        jit_error_if(True, lambda: None)
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"KeyError: '-1\.0 help'"):
        wait(jit(lambda x: jit_error_if(x.min() < 0, fail, x, hint="help"))(BAD))


@pytest.mark.parametrize("name", ["ordered", "partitioned", "callback"])
def test_fields_have_any_name(name: str) -> None:
    fields: dict[str, Any] = {name: BAD.min()}
    checked = jit(lambda x: jit_error_if(x < 0, f"bad: {{{name}}}", **{name: x}))
    with pytest.raises(ValueError, match=r"bad: -2\.0"):
        jit_error_if(True, f"bad: {{{name}}}", **fields)
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"bad: -2\.0"):
        wait(checked(BAD.min()))


def test_text_without_values_is_not_formatted() -> None:
    with pytest.raises(ValueError, match=r"a set \{1\}"):
        jit_error_if(True, "a set {1}")
    jit_error_if(False, "not raised")


@pytest.mark.parametrize("errors", ["nan", None, {"nan"}])
def test_checkify_names_the_kinds_that_it_knows(errors: Any) -> None:
    with pytest.raises(OptionError, match=r"errors: one of the sets of this module"):
        checkify(jnp.log, errors)


def test_neither_text_nor_callable() -> None:
    with pytest.raises(OptionError, match="error: a text, a function that raises"):
        jit_error_if(True, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def logarithm(x: Array) -> Array:
    check(x > 0, "no logarithm of {x}", x=x)
    return jnp.log(x)


@pytest.mark.parametrize("compiled", [False, True])
def test_checkify_returns_the_error_and_the_result(compiled: bool) -> None:
    counter = Counter()

    def fun(x: Array) -> Array:
        return logarithm(counter(x))

    checked = jit(checkify(fun)) if compiled else checkify(fun)
    error, out = checked(jnp.asarray(1.0))
    assert error.get() is None
    assert_same(out, 0.0)
    error, out = checked(jnp.asarray(-1.0))
    assert jnp.isnan(out)
    throw: Any = error.throw  # it has no types
    with pytest.raises(jax_checkify.JaxRuntimeError, match=r"no logarithm of -2\.0"):
        throw()
    assert values(counter.count) == [2]


def test_kinds_of_errors_are_those_of_jax() -> None:
    def fun(x: Array) -> Array:
        return jnp.log(x)[jnp.asarray(5)] / (x[0] - x[0])

    for errors in (
        jax_checkify.nan_checks,
        jax_checkify.index_checks,
        jax_checkify.div_checks,
        jax_checkify.all_checks,
        jax_checkify.user_checks,
    ):
        expected = str(jax_checkify.checkify(fun, errors)(BAD)[0].get())
        assert str(checkify(fun, errors)(BAD)[0].get()).split("\n")[0] == expected.split("\n")[0]


def test_checks_inside_other_transforms() -> None:
    counter = Counter()

    def steps(xs: Array) -> Array:
        return for_loop(lambda x: logarithm(counter(x)), xs)

    error, _ = checkify(steps)(jnp.array([1.0, 2.0, -1.0]))
    assert "no logarithm of -3.0" in str(error.get())
    assert values(counter.count) == [3]
    for fun in (jit(logarithm), grad(logarithm), jit(grad(logarithm))):
        error, _ = checkify(fun)(jnp.asarray(-1.0))
        assert "no logarithm of -1.0" in str(error.get())
    error, _ = checkify(vmap(logarithm))(BAD)
    assert "no logarithm of -2.0" in str(error.get())


def test_checkify_inside_grad() -> None:
    def fun(x: Array) -> Array:
        return checkify(logarithm)(x)[1]

    assert_close(grad(fun)(jnp.asarray(2.0)), jnp.asarray(0.5))


def test_body_runs_once() -> None:
    runs = Runs()

    def fun(x: Array) -> Array:
        runs.add()
        return logarithm(x)

    assert runs.of(lambda: checkify(fun)(jnp.ones(()))) == 1


def test_check_outside_checkify() -> None:
    with pytest.raises(jax_checkify.JaxRuntimeError, match=r"no logarithm of -1\.0"):
        logarithm(jnp.asarray(-1.0))
    with pytest.raises(ValueError, match="was not functionalized"):
        jit(logarithm)(jnp.asarray(1.0))

    def debugging(x: Array) -> Array:
        check(x > 0, "positive", debug=True)
        return x

    assert float(jit(debugging)(jnp.asarray(-1.0))) == -1.0


def test_states_are_as_before_when_it_fails() -> None:
    counter = Counter()

    def fails(x: Array) -> Array:
        counter(x)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        checkify(fails)(GOOD)
    assert values(counter.count) == [0]
