"""What the library asks of JAX beyond its documented interface."""

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite._jax_compat import (
    ClosedJaxpr,
    Jaxpr,
    Literal,
    Tracer,
    bind_read,
    current_trace,
    is_batched,
    jaxpr_as_fun,
    no_trace,
    set_current_trace,
    state_read,
    trace_cell,
    under_jit,
)
from brainlite.typing import Array
from tests.state.raw import RUNNING, STAGING, TRANSFORMS, Body


def read(x: Array) -> Array:
    [marked] = bind_read([x], 0)
    out: Array = marked
    return out


# ---------------------------------------------------------------------------------- current trace


def test_there_is_no_trace_outside_of_transforms() -> None:
    assert current_trace() is no_trace
    assert trace_cell.value is no_trace
    assert not under_jit()


@pytest.mark.parametrize("run", TRANSFORMS)
def test_there_is_a_trace_in_every_transform_and_none_after(run: Callable[[Body], None]) -> None:
    seen: list[bool] = []

    def body(x: Any) -> Any:
        seen.append(trace_cell.value is not no_trace and current_trace() is trace_cell.value)
        return x

    run(body)
    assert seen
    assert all(seen)
    assert trace_cell.value is no_trace


def test_there_is_no_trace_after_an_exception() -> None:
    def body(_x: Array) -> Array:
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        jax.jit(jax.grad(body))(1.0)
    assert trace_cell.value is no_trace


@pytest.mark.parametrize("run", [*STAGING, *RUNNING])
def test_staged_code_is_told_from_code_that_runs(run: Callable[[Body], None]) -> None:
    seen: list[bool] = []

    def body(x: Any) -> Any:
        seen.append(under_jit())
        return x

    run(body)
    assert set(seen) == {run in STAGING}


def test_a_trace_belongs_to_its_thread() -> None:
    seen: list[bool] = []

    def elsewhere() -> None:
        seen.append(trace_cell.value is no_trace)

    def body(x: Array) -> Array:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return x

    jax.jit(body)(1.0)
    assert seen == [True]


def test_operations_can_be_bound_in_an_outer_trace() -> None:
    def body(x: Array) -> Array:
        outer = current_trace()

        def inner(y: Array) -> Array:
            with set_current_trace(outer):
                z = jnp.sin(x)
            return y + z

        out: Array = jax.lax.map(inner, jnp.ones(3))
        return out

    assert [e.primitive.name for e in jax.make_jaxpr(body)(1.0).eqns].count("sin") == 1


def test_values_know_in_which_trace_they_are_batched() -> None:
    def body(x: Array, shared: Array) -> Array:
        trace = current_trace()
        assert is_batched(x, trace)
        assert is_batched(x + shared, trace)
        assert not is_batched(shared, trace)
        assert not is_batched(jnp.ones(()), trace)
        assert not is_batched(1.0, trace)
        return x

    jax.vmap(body, in_axes=(0, None))(jnp.ones(2), jnp.ones(()))
    jax.jit(jax.vmap(body, in_axes=(0, None)))(jnp.ones(2), jnp.ones(()))


def test_tracers_are_told_from_arrays() -> None:
    seen: list[bool] = []

    def body(x: Array) -> Array:
        seen.append(isinstance(x, Tracer))
        return x

    jax.jit(body)(1.0)
    assert seen == [True]
    assert not isinstance(jnp.ones(()), Tracer)


# ----------------------------------------------------------------------------- marking a read


def test_a_read_is_one_equation_that_carries_its_number() -> None:
    def body(x: Array, y: Array) -> list[Any]:
        return bind_read([x, y], 7)

    [equation] = jax.make_jaxpr(body)(1.0, jnp.ones(3)).eqns
    assert equation.primitive is state_read
    assert equation.params == {"slot": 7}
    assert [v.aval.shape for v in equation.outvars] == [(), (3,)]


def test_a_read_is_the_identity_however_it_is_transformed() -> None:
    x = jnp.arange(3.0)
    assert read(x).tolist() == [0, 1, 2]
    assert jax.jit(read)(x).tolist() == [0, 1, 2]
    assert jax.vmap(read)(x).tolist() == [0, 1, 2]
    assert jax.grad(lambda y: read(y) * 3)(2.0) == 3.0  # pyright: ignore[reportUnknownLambdaType]
    assert jax.jvp(read, (2.0,), (5.0,)) == (2.0, 5.0)
    assert jax.jit(jax.vmap(jax.grad(read)))(x).tolist() == [1, 1, 1]


def test_a_batched_read_keeps_the_axis_of_each_value() -> None:
    def body(x: Array, y: Array) -> list[Array]:
        return bind_read([x, y], 0)

    x, y = jax.vmap(body, in_axes=(1, None), out_axes=[1, None])(jnp.ones((2, 3)), jnp.ones(4))
    assert (x.shape, y.shape) == ((2, 3), (4,))


def test_what_is_no_array_cannot_be_marked() -> None:
    def body(x: Array) -> Array:
        bind_read(["text"], 0)
        return x

    with pytest.raises(TypeError, match=r"text|str"):
        jax.make_jaxpr(body)(1.0)


# -------------------------------------------------------------------------------------- jaxprs


def test_a_jaxpr_can_be_taken_apart_and_evaluated() -> None:
    scale = jnp.arange(3.0)
    closed = jax.make_jaxpr(lambda x: (jnp.sin(x) * scale, 2.0))(1.0)  # pyright: ignore[reportUnknownLambdaType]
    assert isinstance(closed, ClosedJaxpr)
    assert isinstance(closed.jaxpr, Jaxpr)
    assert isinstance(closed.jaxpr.outvars[1], Literal)
    rebuilt = ClosedJaxpr(closed.jaxpr, closed.consts)
    out, two = jaxpr_as_fun(rebuilt)(0.5)
    assert jnp.allclose(out, jnp.sin(0.5) * scale)
    assert two == 2.0


def test_equations_can_be_removed_and_their_results_made_inputs() -> None:
    closed = jax.make_jaxpr(lambda x: read(x) * 2.0)(1.0)  # pyright: ignore[reportUnknownLambdaType]
    [mark, product] = closed.jaxpr.eqns
    jaxpr = closed.jaxpr.replace(invars=list(mark.outvars), eqns=[product])
    assert jaxpr_as_fun(ClosedJaxpr(jaxpr, []))(5.0) == [10.0]


def test_evaluating_a_jaxpr_leaves_the_search_for_nan_on() -> None:
    closed = jax.make_jaxpr(jnp.log)(1.0)
    log = jax.jit(jnp.log)
    errors: list[str] = []

    def run() -> None:  # in a thread of its own: what jax's switch leaves behind is the thread's
        assert jaxpr_as_fun(closed)(1.0) == [0.0]
        log(1.0)
        try:
            log(-1.0)
        except FloatingPointError as error:
            errors.append(str(error))

    jax.config.update("jax_debug_nans", True)  # type: ignore[no-untyped-call]  # of jax
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        jax.config.update("jax_debug_nans", False)  # type: ignore[no-untyped-call]  # of jax
    [error] = errors
    assert "nan" in error
