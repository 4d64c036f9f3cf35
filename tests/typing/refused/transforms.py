"""Mistakes with transforms: arguments, bodies of loops, branches, gradients."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from brainlite import ParamState, nn, transform
from brainlite.transform import grad


class Pair(NamedTuple):
    h: Array
    c: Array


class Net(nn.Module):
    def __init__(self) -> None:
        self.linear = nn.Linear(2, 3)

    @transform.jit
    def update(self, x: Array, *, train: bool = False) -> Array:
        return self.linear(x)

    @transform.jit(static_argnames="times")
    def step(self, x: Array, times: int) -> Array:
        return x * times


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x


@transform.jit
def double(x: Array, times: int = 2, *, train: bool = False) -> Array:
    return x * times


def loss(x: Array, y: Array) -> Array:
    return jnp.mean((x - y) ** 2)


def loss_and_notes(x: Array, y: Array) -> tuple[Array, dict[str, int]]:
    return loss(x, y), {}


def jitted(net: Net, plain: Dropout, x: Array) -> None:
    double("x")  # E: arg-type reportArgumentType
    double(x, train="no")  # E: arg-type reportArgumentType
    double(x, trian=True)  # E: call-arg reportCallIssue
    double(x, times="a")  # E: arg-type reportArgumentType
    double.lower("x")  # E: arg-type reportArgumentType
    double.lowr(x)  # E: attr-defined reportAttributeAccessIssue
    net(x, trian=True)  # E: call-arg call-overload reportCallIssue
    net(3)  # E: arg-type call-overload reportArgumentType
    net.update("x")  # E: arg-type reportArgumentType
    net.step(x, "k")  # E: arg-type reportArgumentType
    net.step(x)  # E: call-arg reportCallIssue
    transform.jit(plain)(x, 3)  # E: call-arg reportCallIssue
    transform.jit(static_argnum=1)  # E: call-overload reportCallIssue
    transform.jit(double, static_argnums="x")  # E: call-overload arg-type reportCallIssue reportArgumentType
    transform.jit(3)  # E: call-overload arg-type reportCallIssue reportArgumentType


def mapped(plain: Dropout, x: Array) -> None:
    transform.vmap(double)(x, "a")  # E: arg-type reportArgumentType
    transform.vmap(plain)(x, foo=True)  # E: call-arg reportCallIssue
    transform.vmap(plain, in_axis=0)  # E: call-overload reportCallIssue
    transform.vmap(plain, in_states=x)  # E: call-overload reportArgumentType reportCallIssue
    transform.checkpoint(plain)(x, foo=True)  # E: call-arg reportCallIssue
    transform.map(plain, "x")  # E: arg-type reportArgumentType
    transform.vmap_new_states(nn.init_all_states, state_tag=3)  # E: call-overload reportArgumentType


def loops(net: Net, start: Pair, xs: Array) -> None:
    def body(a: Array, b: Array) -> tuple[Array, dict[str, Array]]:
        return a, {"b": b}

    def step(carry: Pair, x: Array) -> tuple[Pair, Array]:
        return carry, x

    def forgets_the_carry(carry: Pair, x: Array) -> Array:
        return x

    def loses_the_carry(carry: Pair, x: Array) -> tuple[Array, Array]:
        return x, x

    transform.for_loop(body, xs)  # E: arg-type reportArgumentType
    transform.for_loop(body, xs, "a")  # E: arg-type reportArgumentType
    transform.for_loop(net, xs, lenght=3)  # E: call-arg reportCallIssue
    transform.for_loop(net, xs, reverse="yes")  # E: arg-type reportArgumentType
    transform.for_loop(body, xs, xs)["b"]  # E: call-overload reportArgumentType reportCallIssue
    transform.scan(step, xs, xs)  # E: arg-type misc reportArgumentType
    transform.scan(step, start)  # E: call-overload reportCallIssue reportArgumentType
    transform.scan(forgets_the_carry, start, xs)  # E: arg-type reportArgumentType
    transform.scan(loses_the_carry, start, xs)  # E: arg-type misc reportArgumentType
    transform.while_loop(lambda c: c.h < 3, lambda c: c.h, start)  # E: arg-type return-value misc
    transform.while_loop(net, net)  # E: call-arg reportCallIssue
    transform.bounded_while_loop(lambda c: c < 3, lambda c: c, xs)  # E: call-arg reportCallIssue
    transform.ProgressBar(freq="often")  # E: arg-type reportArgumentType


def branches(net: Net, x: Array) -> None:
    def one(a: Array) -> Array:
        return a

    def two(a: Array) -> tuple[Array, Array]:
        return a, a

    result: Array = transform.cond(True, one, two, x)  # E: arg-type assignment reportAssignmentType
    transform.cond(True, one, one, x, x)  # E: arg-type reportArgumentType
    transform.cond(True, one, one, "s")  # E: arg-type reportArgumentType
    transform.cond("yes", one, one, x)  # E: arg-type reportArgumentType
    transform.switch(0, one, x)  # E: arg-type reportArgumentType
    transform.ifelse(x > 0, [one, one], x)  # E: arg-type reportArgumentType
    transform.eval_shape(Net).liner  # E: attr-defined reportAttributeAccessIssue
    transform.checkify(net)("x")  # E: arg-type reportArgumentType
    transform.check(x > 0)  # E: call-arg reportCallIssue
    transform.make_jaxpr(net)("x")  # E: arg-type reportArgumentType
    print(result)


def gradients(net: Net, x: Array, flag: bool) -> None:
    params = net.states(ParamState[Array])
    grad(loss, params)(x)  # E: call-arg reportCallIssue
    grad(loss)(x, "y")  # E: arg-type reportArgumentType
    grad(loss_and_notes, params)(x, x)  # E: call-overload arg-type reportCallIssue reportArgumentType
    grad(loss, params, has_aux=True)(x, x)  # E: call-overload arg-type reportArgumentType reportCallIssue
    grad(loss, params, has_aus=True)  # E: call-overload reportCallIssue
    grad(loss, 3)  # E: call-overload reportCallIssue reportArgumentType
    grad(loss, argnums="x")  # E: call-overload arg-type reportCallIssue reportArgumentType
    gradients, value = grad(loss_and_notes, params, has_aux=True, return_value=True)(x, x)  # E: misc reportAssignmentType
    wrong: Array = grad(loss, params)(x, x)  # E: assignment reportAssignmentType
    params.assign(grad(loss)(x, x))  # E: arg-type reportArgumentType
    grad(Dropout())(x, trian=True)  # E: call-arg reportCallIssue
    transform.value_and_grad(loss)(x)  # E: call-arg reportCallIssue
    transform.value_and_grad(loss, return_value=True)  # E: call-overload reportCallIssue
    transform.vjp(loss, x, "y")  # E: call-overload arg-type reportCallIssue reportArgumentType
    transform.jvp(loss, x, x)  # E: call-overload arg-type reportCallIssue reportArgumentType
    print(gradients, value, wrong)
