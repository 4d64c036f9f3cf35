"""Gradients: the result has the structure of what was differentiated."""

from collections.abc import Callable
from typing import Any, NamedTuple, assert_type

import jax.numpy as jnp
from jax import Array

from brainlite import ParamState, State, nn, transform
from brainlite.typing import Path

Gradients = dict[Path, Array]


class Pair(NamedTuple):
    h: Array
    c: Array


def loss(x: Array, y: Array) -> Array:
    return jnp.mean((x - y) ** 2)


def loss_and_notes(x: Array, y: Array) -> tuple[Array, dict[str, int]]:
    return loss(x, y), {}


def tree_loss(params: dict[str, Array], scale: float) -> Array:
    return scale * params["w"]


def of_states(model: nn.GRUCell, x: Array) -> None:
    params = model.states(ParamState[Array])
    assert_type(transform.grad(loss, params)(x, x), Gradients)
    assert_type(transform.grad(loss, params, return_value=True)(x, x), tuple[Gradients, Array])
    assert_type(
        transform.grad(loss_and_notes, params, has_aux=True)(x, x),
        tuple[Gradients, dict[str, int]],
    )
    assert_type(
        transform.grad(loss_and_notes, params, has_aux=True, return_value=True)(x, x),
        tuple[Gradients, Array, dict[str, int]],
    )
    assert_type(transform.grad(loss, State(Pair(x, x)))(x, x), Pair)
    assert_type(transform.grad(loss, ParamState(x))(x, y=x), Array)
    assert_type(transform.grad(lambda: jnp.sum(x), params)(), Gradients)
    assert_type(
        transform.grad(lambda: jnp.sum(x), params, return_value=True)(), tuple[Gradients, Array]
    )


def of_the_first_argument(x: Array) -> None:
    assert_type(transform.grad(loss)(x, x), Array)
    assert_type(transform.grad(loss)(x, y=x), Array)
    assert_type(transform.grad(loss, argnums=0)(x, x), Array)
    assert_type(transform.grad(tree_loss)({"w": x}, 1.0), dict[str, Array])
    assert_type(transform.grad(loss, return_value=True)(x, x), tuple[Array, Array])
    assert_type(transform.grad(loss_and_notes, has_aux=True)(x, x), tuple[Array, dict[str, int]])
    assert_type(
        transform.grad(loss_and_notes, has_aux=True, return_value=True)(x, x),
        tuple[Array, Array, dict[str, int]],
    )


def of_other_arguments(x: Array) -> None:
    assert_type(transform.grad(loss, argnums=1)(x, x), Array)
    assert_type(transform.grad(tree_loss, argnums=1)({"w": x}, 1.0), float)
    assert_type(transform.grad(loss, argnums=1, return_value=True)(x, x), tuple[Array, Array])
    assert_type(
        transform.grad(loss_and_notes, argnums=1, has_aux=True)(x, x),
        tuple[Array, dict[str, int]],
    )
    assert_type(
        transform.grad(loss_and_notes, argnums=1, has_aux=True, return_value=True)(x, x),
        tuple[Array, Array, dict[str, int]],
    )
    assert_type(
        transform.grad(tree_loss, argnums=(0, 1))({"w": x}, 1.0), tuple[dict[str, Array], float]
    )
    assert_type(
        transform.grad(loss, argnums=(0, 1), return_value=True)(x, x),
        tuple[tuple[Array, Array], Array],
    )
    assert_type(
        transform.grad(loss_and_notes, argnums=(0, 1), has_aux=True)(x, x),
        tuple[tuple[Array, Array], dict[str, int]],
    )
    assert_type(
        transform.grad(loss_and_notes, argnums=(0, 1), has_aux=True, return_value=True)(x, x),
        tuple[tuple[Array, Array], Array, dict[str, int]],
    )


def of_states_and_an_argument(model: nn.GRUCell, x: Array) -> None:
    params = model.states(ParamState[Array])
    assert_type(transform.grad(loss, params, argnums=0)(x, x), tuple[Gradients, Array])
    assert_type(
        transform.grad(loss, params, argnums=0, return_value=True)(x, x),
        tuple[tuple[Gradients, Array], Array],
    )
    assert_type(
        transform.grad(loss_and_notes, params, argnums=0, has_aux=True)(x, x),
        tuple[tuple[Gradients, Array], dict[str, int]],
    )
    assert_type(
        transform.grad(loss_and_notes, params, argnums=0, has_aux=True, return_value=True)(x, x),
        tuple[tuple[Gradients, Array], Array, dict[str, int]],
    )


def of_anything_else(x: Array, states: list[State[Array]]) -> None:
    assert_type(transform.grad(loss, argnums=2)(x, x), Any)
    assert_type(transform.grad(loss, states)(x, x), Any)
    assert_type(transform.grad(loss, {"a": states[0]}, return_value=True)(x, x), tuple[Any, Array])


def of_modules_and_lambdas(model: nn.Linear, x: Array) -> None:
    assert_type(transform.grad(model)(x), Array)
    transform.grad(lambda x: x**2)(3.0)
    transform.grad(lambda x, y: jnp.sum(x * y))(3.0, 4.0)
    transform.grad(lambda x: jnp.sum(x**2), return_value=True)(x)
    transform.value_and_grad(lambda x: x**2)(3.0)
    transform.jacrev(lambda x: x**2)(x)
    transform.hessian(lambda x: jnp.sum(x**2))(x)
    transform.vector_grad(lambda x: x**2)(x)
    transform.fwd_grad(lambda x: jnp.sum(x))(x)


def as_a_decorator(x: Array) -> None:
    @transform.grad
    def gradient(x: Array, scale: float = 1.0) -> Array:
        return jnp.sum(x) * scale

    @transform.grad(argnums=1)
    def other(x: Array, y: Array) -> Array:
        return jnp.sum(x * y)

    assert_type(gradient(x, scale=2.0), Array)
    assert_type(other(x, x), Any)


def the_value_first(model: nn.GRUCell, x: Array) -> None:
    params = model.states(ParamState[Array])
    assert_type(transform.value_and_grad(loss)(x, x), tuple[Array, Array])
    assert_type(transform.value_and_grad(loss, params)(x, x), tuple[Array, Gradients])
    assert_type(
        transform.value_and_grad(loss_and_notes, has_aux=True)(x, x),
        tuple[tuple[Array, dict[str, int]], Array],
    )
    assert_type(
        transform.value_and_grad(loss_and_notes, params, has_aux=True)(x, x),
        tuple[tuple[Array, dict[str, int]], Gradients],
    )
    assert_type(transform.value_and_grad(loss, argnums=(0, 1))(x, x), tuple[Array, Any])


def gradients_compose(x: Array) -> None:
    second: Callable[[Array, Array], Array] = transform.grad(transform.grad(loss))
    assert_type(second(x, x), Array)
    assert_type(transform.jit(transform.grad(loss))(x, x), Array)
    assert_type(transform.vmap(transform.grad(loss), in_axes=(0, None))(x, y=x), Array)


def other_derivatives(model: nn.GRUCell, x: Array) -> None:
    params = model.states(ParamState[Array])
    assert_type(transform.vector_grad(loss)(x, x), Array)
    assert_type(transform.vector_grad(loss, params)(x, x), Gradients)
    assert_type(transform.vector_grad(loss, return_value=True)(x, x), tuple[Array, Array])
    assert_type(transform.fwd_grad(loss, tangent_size=4)(x, x), Array)
    assert_type(transform.fwd_grad(loss, params, key=0)(x, x), Gradients)
    assert_type(transform.fwd_grad(loss, params, return_value=True)(x, x), tuple[Gradients, Array])
    assert_type(transform.jacrev(loss)(x, x), Array)
    assert_type(transform.jacrev(loss, params)(x, x), Gradients)
    assert_type(transform.jacobian(loss, return_value=True)(x, x), tuple[Array, Array])
    assert_type(transform.jacfwd(loss_and_notes, has_aux=True)(x, x), tuple[Array, dict[str, int]])
    assert_type(transform.hessian(loss)(x, x), Array)
    assert_type(transform.hessian(loss, params)(x, x), dict[Path, Gradients])
    assert_type(transform.hessian(loss, params, return_value=True)(x, x)[1], Array)


def products(model: nn.GRUCell, x: Array) -> None:
    params = model.states(ParamState[Array])
    value, pull = transform.vjp(loss, x, x)
    assert_type(value, Array)
    assert_type(pull(1.0), Array)
    value, pull, notes = transform.vjp(loss_and_notes, x, x, has_aux=True)
    assert_type(notes, dict[str, int])
    assert_type(transform.vjp(tree_loss, {"w": x}, 1.0)[1](1.0), dict[str, Array])
    assert_type(transform.vjp(lambda: jnp.sum(x), grad_states=params)[1](1.0), Gradients)
    assert_type(transform.vjp(loss, x, x, grad_states=params)[1](1.0), tuple[Gradients, Array])
    assert_type(transform.jvp(loss, (x, x), (x, x)), tuple[Array, Array])
    assert_type(
        transform.jvp(loss_and_notes, (x, x), (x, x), has_aux=True),
        tuple[Array, Array, dict[str, int]],
    )
