"""Transforms in each other, every pair and triple, around small models with states of every sort.

Each transform stands here twice: as the library has it, around a module, and as jax has it, around
a function that takes the values of the states and returns the new ones by hand. The two agree in
the result and in all states, at the first call and at a warm one.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.core import Tracer
from jax.extend.random import define_prng_impl

from brainlite import graph
from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.state import BatchState, HiddenState, ParamState, State
from brainlite.transform import cond, for_loop, grad, jit, remat, vmap
from brainlite.typing import Array
from tests.transform.checks import assert_close

LANES = 2

Values = dict[str, Any]
Pure = Callable[[Values, Array], tuple[Array, Values]]
Step = Callable[[Array], Array]


# Models: what they do with states, and the same with values.


class Model(Node):
    """The base: a parameter, to which gradients are taken."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        self.weight = ParamState(jnp.asarray([0.5, -0.3, 0.8]))

    def __call__(self, x: Array) -> Array:
        raise NotImplementedError

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        raise NotImplementedError

    def states(self) -> dict[str, State[Any]]:
        return {str(path[0]): state for path, state in graph.states(self).items()}

    def per_lane(self) -> list[State[Any]]:
        """Return what has a value of its own in each lane of a vmap."""
        shared = (ParamState, RandomState)
        return [state for state in self.states().values() if not isinstance(state, shared)]


class Normed(Model):
    """Keeps a running mean of its input."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        super().__init__(lanes)
        self.mean = BatchState(jnp.zeros((*lanes, 3)))

    def __call__(self, x: Array) -> Array:
        self.mean.value = 0.9 * self.mean.value + 0.1 * x
        return (x - self.mean.value) * self.weight.value

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        mean = 0.9 * values["mean"] + 0.1 * x
        return (x - mean) * values["weight"], {**values, "mean": mean}


# Compiling threefry, the random number generator of jax, takes most of the time of a test, and any
# other shows as well whether keys go where they should.
def simple_seed(seed: Array) -> Array:
    return jnp.stack([seed, seed]).astype(jnp.uint32)


def simple_split(key: Array, shape: tuple[int, ...]) -> Array:
    numbers = jnp.arange(1, math.prod(shape) * 2 + 1, dtype=jnp.uint32).reshape(*shape, 2)
    keys: Array = key * jnp.uint32(1664525) + numbers * jnp.uint32(1013904223)
    return keys


def simple_fold_in(key: Array, data: int) -> Array:
    mixed: Array = key * jnp.uint32(22695477) + data * jnp.uint32(2891336453) + 1
    return mixed


def simple_bits(_key: Array, _width: int, _shape: tuple[int, ...]) -> Array:
    raise AssertionError


SIMPLE: Any = define_prng_impl(
    key_shape=(2,),
    seed=simple_seed,
    split=simple_split,
    random_bits=simple_bits,
    fold_in=simple_fold_in,
    name="simple",
    tag="smp",
)


def noise(key: Array) -> Array:
    """Turn a key into three numbers around 0."""
    data = jax.random.key_data(key)
    return jnp.stack([data[0], data[1], data[0] ^ data[1]]).astype(jnp.float32) / 2.0**31 - 1


class Noisy(Model):
    """Draws random numbers, two times."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        super().__init__(lanes)
        self.random = RandomState(jax.random.key(7, impl=SIMPLE))

    def __call__(self, x: Array) -> Array:
        x = x + noise(self.random.split_key())
        return x * self.weight.value * noise(self.random.split_key())

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        kept, first = jax.random.split(values["random"])
        kept, second = jax.random.split(kept)
        x = x + noise(first)
        return x * values["weight"] * noise(second), {**values, "random": kept}


class Counting(Model):
    """Counts its calls in whole numbers."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        super().__init__(lanes)
        self.count = State(jnp.zeros(lanes, jnp.int32))

    def __call__(self, x: Array) -> Array:
        self.count.value = self.count.value + 1
        return x * self.weight.value * self.count.value

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        count = values["count"] + 1
        return x * values["weight"] * count, {**values, "count": count}


class Recurrent(Model):
    """Has a hidden state, which depends on the parameter."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        super().__init__(lanes)
        self.hidden = HiddenState(jnp.full((*lanes, 3), 0.1, jnp.float32))

    def __call__(self, x: Array) -> Array:
        self.hidden.value = jnp.tanh(self.hidden.value * self.weight.value + x)
        return self.hidden.value

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        hidden = jnp.tanh(values["hidden"] * values["weight"] + x)
        return hidden, {**values, "hidden": hidden}


class Remade(Recurrent):
    """Makes its hidden state anew at each call, where it is, from what it was."""

    def __call__(self, x: Array) -> Array:
        before = self.hidden.value
        self.hidden = HiddenState(jnp.zeros_like(before))
        self.hidden.value = jnp.tanh(before * self.weight.value + x)
        return self.hidden.value


class Everything(Model):
    """Has them all, made in another order than they are used."""

    def __init__(self, lanes: tuple[int, ...]) -> None:
        self.hidden = HiddenState(jnp.full((*lanes, 3), 0.1, jnp.float32))
        self.random = RandomState(jax.random.key(7, impl=SIMPLE))
        self.count = State(jnp.zeros(lanes, jnp.int32))
        super().__init__(lanes)
        self.mean = BatchState(jnp.zeros((*lanes, 3)))

    def __call__(self, x: Array) -> Array:
        self.count.value = self.count.value + 1
        self.mean.value = 0.9 * self.mean.value + 0.1 * x
        x = x - self.mean.value + 0.1 * noise(self.random.split_key())
        before = self.hidden.value
        self.hidden = HiddenState(jnp.zeros_like(before))  # made anew where it is
        self.hidden.value = jnp.tanh(before * self.weight.value + x)
        return self.hidden.value * self.weight.value * self.count.value

    @staticmethod
    def pure(values: Values, x: Array) -> tuple[Array, Values]:
        count = values["count"] + 1
        mean = 0.9 * values["mean"] + 0.1 * x
        kept, used = jax.random.split(values["random"])
        x = x - mean + 0.1 * noise(used)
        hidden = jnp.tanh(values["hidden"] * values["weight"] + x)
        new = {**values, "count": count, "mean": mean, "random": kept, "hidden": hidden}
        return hidden * values["weight"] * count, new


# Transforms: as the library has them around states, and as jax has them around values.


class Transform(NamedTuple):
    """Makes a step of a step, with states and with values."""

    name: str
    lift: Callable[[Step, Model], Step]
    plain: Callable[[Pure], Pure]


def lift_jit(step: Step, _model: Model) -> Step:
    return jit(step)


def plain_jit(step: Pure) -> Pure:
    return step


def lift_grad(step: Step, model: Model) -> Step:
    def loss(x: Array) -> Array:
        return step(x).sum()

    return grad(loss, model.weight)


def plain_grad(step: Pure) -> Pure:
    def run(values: Values, x: Array) -> tuple[Array, Values]:
        def loss(weight: Array) -> tuple[Array, Values]:
            y, new = step({**values, "weight": weight}, x)
            return y.sum(), new

        gradient, new = jax.grad(loss, has_aux=True)(values["weight"])
        return gradient, new

    return run


def lift_loop(step: Step, _model: Model) -> Step:
    return lambda x: for_loop(step, jnp.stack([x, -x])).sum(0)


def plain_loop(step: Pure) -> Pure:
    def run(values: Values, x: Array) -> tuple[Array, Values]:
        def body(values: Values, x: Array) -> tuple[Values, Array]:
            y, values = step(values, x)
            return values, y

        values, ys = jax.lax.scan(body, values, jnp.stack([x, -x]))
        return ys.sum(0), values

    return run


def lift_cond(step: Step, _model: Model) -> Step:
    return lambda x: cond(x[0] > 0, step, lambda x: x * 0.5, x)


def plain_cond(step: Pure) -> Pure:
    def run(values: Values, x: Array) -> tuple[Array, Values]:
        taken, otherwise = step(values, x), (x * 0.5, values)
        result: tuple[Array, Values] = jax.tree.map(
            lambda a, b: jnp.where(x[0] > 0, a, b), taken, otherwise
        )
        return result

    return run


def lift_vmap(step: Step, model: Model) -> Step:
    lanes = vmap(step, in_states=model.per_lane())
    return lambda x: lanes(jnp.stack([x, 1 - x])).sum(0)


def plain_vmap(step: Pure) -> Pure:
    def run(values: Values, x: Array) -> tuple[Array, Values]:
        shared: Values = {name: values[name] for name in ("weight", "random") if name in values}
        key: Array | None = None
        if "random" in values:  # one split for all; each lane folds its number in
            shared["random"], key = jax.random.split(values["random"])

        def lane(number: Array, own: Values, x: Array) -> tuple[Array, Values]:
            given = {**shared, **own}
            if key is not None:
                given["random"] = jax.random.fold_in(key, number)
            y, new = step(given, x)
            return y, {name: new[name] for name in own}

        own = {name: value for name, value in values.items() if name not in shared}
        ys, new = jax.vmap(lane)(jnp.arange(LANES), own, jnp.stack([x, 1 - x]))
        return ys.sum(0), {**shared, **new}

    return run


JIT = Transform("jit", lift_jit, plain_jit)
GRAD = Transform("grad", lift_grad, plain_grad)
LOOP = Transform("for_loop", lift_loop, plain_loop)
COND = Transform("cond", lift_cond, plain_cond)
VMAP = Transform("vmap", lift_vmap, plain_vmap)
REMAT = Transform("remat", lambda step, _model: remat(step), plain_jit)
TRANSFORMS = [JIT, GRAD, LOOP, COND, VMAP, REMAT]


def name_of(chain: tuple[Transform, ...]) -> str:
    return "-".join(transform.name for transform in chain)


def check(kind: type[Model], chain: tuple[Transform, ...], compiled: bool = False) -> None:
    """Compare two calls of a model under a chain of transforms, outermost first."""
    model = kind((LANES,) * chain.count(VMAP))
    step: Step = model
    pure: Pure = kind.pure
    for transform in reversed(chain):
        step, pure = transform.lift(step, model), transform.plain(pure)
    if compiled:
        step = jit(step)
    reference = jax.jit(pure)
    values = {name: state.value for name, state in model.states().items()}
    for x in (np.asarray([0.3, -0.7, 0.2], np.float32), np.asarray([0.6, 0.1, -0.4], np.float32)):
        y = step(jnp.asarray(x))
        expected, values = reference(values, x)
        assert_close(y, expected, terms=100)
        held = {name: state.value for name, state in model.states().items()}
        assert_close(held, values, terms=100)
        assert not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(held))


KINDS: list[type[Model]] = [Normed, Noisy, Counting, Recurrent, Remade, Everything]


def chains(
    length: int, slow: Callable[[tuple[Transform, ...]], bool] = lambda _: False
) -> pytest.MarkDecorator:
    every = itertools.product(TRANSFORMS, repeat=length)
    return pytest.mark.parametrize(
        "chain",
        [
            pytest.param(each, marks=[pytest.mark.slow] * slow(each), id=name_of(each))
            for each in every
        ],
    )


@chains(1)
@pytest.mark.parametrize("kind", KINDS)
def test_a_transform_does_what_jax_does(kind: type[Model], chain: tuple[Transform, ...]) -> None:
    check(kind, chain)


@chains(2)
def test_a_pair_of_transforms_does_what_jax_does(chain: tuple[Transform, ...]) -> None:
    check(Everything, chain)


# What has every sort of state finds what these find; they tell which sort it is.
@pytest.mark.slow
@chains(2)
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_pair_of_transforms_does_what_jax_does_with_states_of_one_sort(
    kind: type[Model], chain: tuple[Transform, ...]
) -> None:
    check(kind, chain)


# Those with one transform twice, or with one that changes no value, are many and tell little more.
@chains(3, slow=lambda chain: len(set(chain) - {REMAT}) < 3)
def test_a_triple_of_transforms_does_what_jax_does(chain: tuple[Transform, ...]) -> None:
    check(Everything, chain, compiled=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_plain_model_is_the_model(kind: type[Model]) -> None:
    check(kind, ())


def test_the_comparison_fails_when_a_write_is_lost() -> None:
    class Forgetful(Counting):
        def __call__(self, x: Array) -> Array:
            return x * self.weight.value * (self.count.value + 1)

    with pytest.raises(AssertionError, match="not equal"):
        check(Forgetful, (JIT,))
