"""``bounded_while_loop``: a while loop that ends, and that can be differentiated."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import random
from brainlite.errors import BranchError, LoopStateError, OptionError
from brainlite.state import ParamState, State
from brainlite.transform import grad, jit, vmap, while_loop
from brainlite.transform._flow._bounded import bounded_while_loop
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values


class Growth:
    """Multiplies by a parameter up to a limit, counts the steps, and adds noise."""

    def __init__(self) -> None:
        self.factor = ParamState(jnp.asarray(1.5))
        self.limit = State(jnp.asarray(100.0))
        self.steps = State(jnp.zeros((), jnp.int32))
        self.rng = random.RandomState(0)

    def below(self, x: dict[str, Array]) -> Array:
        return x["x"] < self.limit.value

    def step(self, x: dict[str, Array]) -> dict[str, Array]:
        self.steps.value = self.steps.value + 1
        return {"x": x["x"] * self.factor.value + self.rng.rand()}

    def run(self, loop: Callable[..., Any], x: float | Array, **options: Any) -> Array:
        out: Array = loop(self.below, self.step, {"x": x}, **options)["x"]
        return out


@pytest.mark.parametrize("start", [3.0, 99.0, 200.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_results_and_states_are_those_of_while_loop(start: float, compiled: bool) -> None:
    plain, ours = Growth(), Growth()
    wrap: Callable[..., Any] = jit if compiled else lambda fun: fun
    expected = wrap(lambda x: plain.run(while_loop, x))(start)
    out = wrap(lambda x: ours.run(bounded_while_loop, x, max_steps=300, base=4))(start)
    assert_close(out, expected)
    assert_close(values(ours.steps, ours.rng), values(plain.steps, plain.rng))


@pytest.mark.parametrize("max_steps", [0, 1, 2, 3, 16, 17, 100])
def test_bound_is_kept_to_the_step(max_steps: int) -> None:
    steps = State(jnp.zeros((), jnp.int32))

    def step(x: Array) -> Array:
        steps.value = steps.value + 1
        return x * 2

    def forever(x: Array) -> Array:
        return x > 0

    out = bounded_while_loop(forever, step, jnp.asarray(1.0), max_steps=max_steps, base=4)
    assert float(out) == 2.0**max_steps
    assert int(steps.value) == max_steps


def test_gradient_is_that_of_the_steps_that_are_made() -> None:
    growth = Growth()
    keys = growth.rng.value

    def loss(x: Array) -> Array:
        return growth.run(bounded_while_loop, x, max_steps=1000)

    gradients, value = jit(grad(loss, [growth.factor], argnums=0, return_value=True))(3.0)
    made = int(growth.steps.value)

    def reference(factor: Array, x: Array) -> Array:
        rng = random.RandomState(keys)
        for _ in range(made):
            x = x * factor + rng.rand()
        return x

    expected = jax.value_and_grad(reference, (0, 1))(jnp.asarray(1.5), 3.0)
    assert_close(
        (value, ([gradients[0][0]], gradients[1])),
        (expected[0], ([expected[1][0]], expected[1][1])),
    )


def test_memory_grows_like_a_root_of_the_bound() -> None:
    def fun(x: Array) -> Array:
        return bounded_while_loop(lambda x: x[0] < 2, lambda x: jnp.sin(x), x, max_steps=4096)

    _, backward = jax.vjp(fun, jnp.ones(100))
    assert sum(leaf.nbytes for leaf in jax.tree.leaves(backward)) <= 40 * 400


def test_body_runs_once_and_condition_twice() -> None:
    body, condition = Runs(), Runs()

    def below(x: Array) -> Array:
        condition.add()
        return x < 100

    def step(x: Array) -> Array:
        body.add()
        return x * 2

    def loop() -> Array:
        return bounded_while_loop(below, step, jnp.ones(()), max_steps=1000)

    assert body.of(loop) == 1
    assert condition.of(loop) == 2


def test_under_vmap_each_lane_stops_by_itself() -> None:
    starts = jnp.array([3.0, 50.0, 200.0])

    def run(x: Array) -> Array:
        return bounded_while_loop(lambda x: x < 100, lambda x: x * 2, x, max_steps=20)

    assert_same(vmap(run)(starts), jnp.array([192.0, 100.0, 200.0]))


def test_states_are_as_before_when_it_fails() -> None:
    growth = Growth()

    def fails(x: dict[str, Array]) -> dict[str, Array]:
        growth.step(x)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        bounded_while_loop(growth.below, fails, {"x": jnp.ones(())}, max_steps=5)
    assert values(growth.steps) == [0]


def test_condition_may_not_write() -> None:
    growth = Growth()

    def writes(x: Array) -> Array:
        growth.steps.value = growth.steps.value + 1
        return x < 1

    with pytest.raises(LoopStateError, match="the condition of a bounded_while_loop writes states"):
        bounded_while_loop(writes, lambda x: x, jnp.ones(()), max_steps=5)
    assert values(growth.steps) == [0]


def test_types_may_not_change() -> None:
    state = State(jnp.zeros(()))

    def grow(x: Array) -> Array:
        state.value = jnp.stack([state.value, x])
        return x

    with pytest.raises(LoopStateError, match=r"carry of a bounded_while_loop[\s\S]*bool\[\]"):
        bounded_while_loop(lambda x: x < 1, lambda x: x < 1, 0.0, max_steps=5)
    with pytest.raises(BranchError, match="State has different types after the branches"):
        bounded_while_loop(lambda x: x < 1, grow, jnp.zeros(()), max_steps=5)


@pytest.mark.parametrize("max_steps", [-1, 2.5, None])
def test_bad_bound(max_steps: int) -> None:
    with pytest.raises(OptionError, match="expected: max_steps: a whole number, 0 or more"):
        bounded_while_loop(lambda x: x < 1, lambda x: x, 0.0, max_steps=max_steps)


def test_bad_base() -> None:
    with pytest.raises(OptionError, match="expected: base: a whole number, 2 or more"):
        bounded_while_loop(lambda x: x < 1, lambda x: x, 0.0, max_steps=5, base=1)
