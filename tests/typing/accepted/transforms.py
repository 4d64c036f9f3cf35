"""Transforms: a transformed function keeps its signature, a loop knows what its body returns."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, assert_type

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh, PartitionSpec
from jax.stages import Lowered, Traced

import brainlite
from brainlite import State, nn, transform

T = TypeVar("T")


class Pair(NamedTuple):
    h: Array
    c: Array


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x


class Net(nn.Module):
    def __init__(self) -> None:
        self.linear = nn.Linear(2, 3)

    @transform.jit
    def update(self, x: Array, *, train: bool = False) -> Array:
        return self.linear(x)

    @transform.jit(static_argnames="times")
    def step(self, x: Array, times: int) -> Array:
        return x * times

    @staticmethod
    @transform.jit
    def static(x: Array) -> Array:
        return x

    @transform.checkpoint
    def saved(self, x: Array) -> Array:
        return x

    @transform.vmap(in_axes=(None, 0))
    def mapped(self, x: Array) -> Array:
        return x


class Subclass(Net):
    """Overrides a jitted method: pyright wants to be told, as its ``self`` is another one."""

    @transform.jit
    def update(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, x: Array, *, train: bool = False, more: int = 0
    ) -> Array:
        return x


@transform.jit
def double(x: Array, times: int = 2, *, train: bool = False) -> Array:
    return x * times


@transform.jit(static_argnums=1, inline=True)
def pair(x: Array, times: int = 2) -> tuple[Array, int]:
    return x, times


@transform.jit
def identity(x: T) -> T:
    return x


def jitted_functions(x: Array) -> None:
    assert_type(double(x, times=3), Array)
    assert_type(double(x, train=True), Array)
    assert_type(pair(x), tuple[Array, int])
    assert_type(identity(3), int)
    assert_type(identity(x), Array)
    assert_type(double.lower(x), Lowered)
    assert_type(double.trace(x, 3), Traced)
    double.clear_cache()
    plain: Callable[[Array], Array] = double
    assert_type(plain(x), Array)
    jitted: transform.JitFunction[[Array], Array] = transform.jit(jnp.negative)
    assert_type(jitted(x), Array)
    transform.jit(lambda x: x)(x)


def jitted_methods_and_modules(net: Net, sub: Subclass, plain: Dropout, x: Array) -> None:
    assert_type(net(x, train=True), Array)
    assert_type(net.update(x), Array)
    assert_type(net.step(x, 3), Array)
    assert_type(net.step(x, times=3), Array)
    assert_type(net.step.lower(x, 3), Lowered)
    net.step.clear_cache()
    bound: transform.BoundJit[..., Array] = net.step
    assert_type(bound(x, 3), Array)
    assert_type(net.static(x), Array)
    assert_type(Net.step(net, x, 3), Array)
    assert_type(sub(x, more=1), Array)
    assert_type(transform.jit(plain)(x, train=True), Array)
    assert_type(transform.jit(net)(x, train=True), Array)
    assert_type(transform.jit(net.step)(x, 3), Array)
    assert_type(transform.jit(nn.GRUCell(2, 3))(x), Array)


def mapped_functions(net: Net, plain: Dropout, x: Array, state: State[Array]) -> None:
    assert_type(transform.vmap(double)(x, 3), Array)
    assert_type(transform.vmap(in_axes=(0, None))(double)(x, 3), Array)
    assert_type(transform.vmap(plain, in_axes=0, axis_size=3)(x, train=True), Array)
    assert_type(transform.vmap(net, in_states=state, out_states=[state])(x), Array)
    assert_type(transform.vmap(net.mapped)(x), Array)
    assert_type(net.mapped(x), Array)
    assert_type(transform.vmap2(double, state_in_axes={0: State})(x), Array)
    assert_type(transform.vmap2(nn.Linear(2, 3))(x), Array)
    assert_type(transform.vmap2(state_in_axes=State)(double)(x), Array)
    assert_type(transform.vmap(fn=double)(x), Array)
    made = transform.vmap2_new_states(nn.GRUCell(2, 3), {}, axis_size=3)
    assert_type(made, dict[int | None, list[State[Any]]])
    assert_type(transform.nan_checks, frozenset[type[Any]])
    assert_type(transform.vmap_new_states(nn.init_all_states)(nn.GRUCell(2, 3)), nn.GRUCell)
    assert_type(transform.vmap_new_states(axis_size=3)(double)(x), Array)
    assert_type(transform.map(net, x), Array)
    assert_type(transform.map(lambda a, b: (a, b), x, x, batch_size=2), tuple[Array, Array])


def sharded_functions(plain: Dropout, mesh: Mesh, spec: PartitionSpec, x: Array) -> None:
    assert_type(transform.shard_map(plain, mesh, spec, out_specs=spec)(x, train=True), Array)


def checkpointed_functions(net: Net, plain: Dropout, x: Array) -> None:
    assert_type(transform.checkpoint(plain)(x, train=True), Array)
    assert_type(transform.checkpoint(net.step)(x, 3), Array)
    assert_type(transform.remat(prevent_cse=False)(double)(x, times=3), Array)
    assert_type(net.saved(x), Array)


def loops(net: Net, xs: Array) -> None:
    assert_type(transform.for_loop(net, xs), Array)
    assert_type(transform.for_loop(nn.GRUCell(2, 3), xs, reverse=True, unroll=4), Array)

    def body(a: Array, b: Array) -> tuple[Array, dict[str, Array]]:
        return a, {"b": b}

    assert_type(transform.for_loop(body, xs, xs), tuple[Array, dict[str, Array]])
    assert_type(transform.for_loop(lambda a, b: a + b, xs, xs), Array)
    assert_type(transform.for_loop(lambda: Pair(xs, xs), length=3).h, Array)
    assert_type(transform.for_loop(net, xs, pbar=transform.ProgressBar(10, desc="loop")), Array)
    assert_type(transform.checkpointed_for_loop(net, xs, base=4, pbar=2), Array)


def scans(start: Pair, xs: Array) -> None:
    def step(carry: Pair, x: Array) -> tuple[Pair, Array]:
        return carry, x

    def count(carry: Pair, x: None) -> tuple[Pair, int]:
        return carry, 1

    assert_type(transform.scan(step, start, xs), tuple[Pair, Array])
    assert_type(transform.scan(step, start, xs, reverse=True)[0].h, Array)
    assert_type(transform.scan(count, start, length=3), tuple[Pair, int])
    assert_type(transform.checkpointed_scan(step, start, xs), tuple[Pair, Array])
    assert_type(transform.checkpointed_scan(count, start, length=3), tuple[Pair, int])
    assert_type(transform.scan(lambda c, x: (c + x, x), xs, xs), tuple[Array, Array])


def while_loops(start: Pair, x: Array) -> None:
    assert_type(transform.while_loop(lambda c: c < 3, lambda c: c + 1, x), Array)
    assert_type(transform.while_loop(lambda c: jnp.all(c.h < 3), lambda c: c, start), Pair)
    assert_type(
        transform.bounded_while_loop(lambda c: c < 3, lambda c: c + 1, x, max_steps=9), Array
    )


def branches(net: Net, x: Array) -> None:
    assert_type(transform.cond(True, lambda a: a, lambda a: a * 2, x), Array)
    assert_type(transform.cond(x > 0, net, Dropout(), x), Array)
    assert_type(transform.cond(True, lambda: Pair(x, x), lambda: Pair(x, x)), Pair)
    assert_type(transform.switch(1, (net, Dropout()), x), Array)
    assert_type(transform.switch(x, [double, double], x, 3), Array)
    assert_type(transform.ifelse([x > 0, True], (net, Dropout()), x), Array)


def shapes_and_programs(net: Net, x: Array) -> None:
    assert_type(transform.eval_shape(net, x), jax.ShapeDtypeStruct)
    assert_type(transform.eval_shape(Net), Net)
    assert_type(transform.eval_shape(nn.Linear, 2, 3), nn.Linear)
    jaxpr, states = transform.make_jaxpr(net)(x, train=True)
    assert_type(states, tuple[State[Any], ...])
    assert_type(len(jaxpr.eqns), int)
    assert_type(len(transform.make_jaxpr(net, return_shape=True)(x)), int)
    with transform.named_scope("encoder") as entered:
        assert_type(entered, None)


def checks(net: Net, x: Array) -> None:
    errors, out = transform.checkify(net)(x, train=True)
    assert_type(out, Array)
    assert_type(errors.get(), str | None)
    assert_type(transform.check(x > 0, "x is {x}", x=x), None)
    assert_type(transform.jit_error_if(x > 0, "too large: {}", x), None)
    assert_type(transform.debug_nan(net, x, phase="forward"), None)
    assert_type(transform.debug_nan_if(x > 0, jnp.log, x), None)
    assert_type(transform.breakpoint_if(x > 0), None)


def transforms_compose(net: Net, xs: Array) -> None:
    @transform.jit
    def run(xs: Array) -> tuple[Array, Array]:
        outputs = transform.for_loop(transform.vmap(net), xs)
        return outputs, transform.grad(lambda x: jnp.sum(x * outputs))(xs)

    assert_type(run(xs), tuple[Array, Array])
    assert_type(brainlite.transform.jit(transform.checkpoint(double))(xs, train=True), Array)
