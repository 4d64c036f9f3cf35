"""``checkpoint``: less is kept for the backward pass, and nothing else is different."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import random
from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.state import ParamState, State
from brainlite.transform import for_loop, grad, jit, vmap
from brainlite.transform._flow._checkpoint import checkpoint, remat
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, counted_work, values
from tests.transform.small import Counter, Fresh, Scale

X = jnp.arange(1.0, 4.0)


def deep(weight: Array, x: Array) -> Array:
    for _ in range(4):
        x = jnp.sin(x * weight)
    return x


def summed(fun: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: fun(x).sum()


def kept(fun: Callable[..., Any], *args: Any) -> int:
    """Return how many arrays the backward pass of a function starts from."""
    _, backward = jax.vjp(fun, *args)
    return len(jax.tree.leaves(backward))


def test_gradient_and_states_are_those_of_the_plain_function() -> None:
    weight, count = ParamState(jnp.full(3, 0.5)), State(jnp.zeros((), jnp.int32))

    def block(x: Array) -> Array:
        count.value = count.value + 1
        return deep(weight.value, x).sum()

    gradient = grad(checkpoint(block), [weight])
    expected = jax.grad(lambda w: deep(w, X).sum())(weight.value)
    for call in (gradient, jit(gradient)):
        before = int(count.value)
        assert_close(call(X)[0], expected)
        assert int(count.value) == before + 1


def test_less_is_kept_for_the_backward_pass() -> None:
    weight = ParamState(jnp.full(3, 0.5))

    def block(x: Array) -> Array:
        return deep(weight.value, x)

    assert kept(checkpoint(block), X) < kept(block, X)
    reference = jax.checkpoint(deep)
    assert kept(checkpoint(block), X) <= kept(reference, weight.value, X)


def test_policy_chooses_what_is_kept() -> None:
    everything = checkpoint(deep, policy=jax.checkpoint_policies.everything_saveable)
    assert kept(everything, X, X) > kept(checkpoint(deep), X, X)


def test_prevent_cse_reaches_jax() -> None:
    for prevent in (True, False):
        jaxpr = jax.make_jaxpr(checkpoint(deep, prevent_cse=prevent))(X, X)
        assert f"prevent_cse={prevent}" in str(jaxpr)


@pytest.mark.parametrize("differentiated", [False, True])
def test_body_runs_once_for_each_trace(differentiated: bool) -> None:
    runs, model = Runs(), Scale()

    @checkpoint
    def block(x: Array) -> Array:
        runs.add()
        return model(x).sum()

    call = grad(block, [model.weight]) if differentiated else block
    assert runs.of(lambda: call(X)) == 1
    compiled = jit(call)
    assert runs.of(lambda: compiled(X)) == 1
    assert runs.of(lambda: compiled(X)) == 0


def test_second_eager_call_compiles_nothing() -> None:
    weight = State(X)

    @checkpoint
    def block(x: Array) -> Array:
        weight.value = weight.value * x
        return weight.value

    block(X)
    with counted_work() as work:
        block(X)
    assert work.compiled == 0
    assert_close(weight.value, X**3)


def test_states_come_back_once_under_every_transform() -> None:
    model = Counter()
    block = checkpoint(model)
    assert_same(block(X), X)
    assert_same(jit(block)(X), 2 * X)
    assert_same(vmap(block)(X), 3 * X)
    assert_same(for_loop(block, X), X * jnp.array([4, 5, 6]))
    grad(summed(block))(X)
    assert int(model.count.value) == 7


def test_new_state_is_put_in_its_place() -> None:
    model = Fresh()
    out = jit(checkpoint(model))(X)
    assert_same([out], [model.hidden.value * 2])


def test_random_numbers_are_the_same_when_computed_again() -> None:
    rng = random.RandomState(0)

    def noisy(x: Array) -> Array:
        return (x * rng.normal(0.0, 1.0, size=(3,))).sum()

    gradient = grad(checkpoint(noisy))(X)
    after = rng.value
    rng.seed(0)
    assert_close(gradient, grad(noisy)(X))
    assert_same(after, rng.value)


def test_method_and_module_arguments() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.scale = Scale()

        @checkpoint
        def run(self, x: Array) -> Array:
            return self.scale(x)

    model = Model()
    assert_same(model.run(X), model.scale(X))

    @checkpoint
    def apply(scale: Scale, x: Array, times: int = 2) -> Array:
        return scale(x) * times

    assert_close(apply(model.scale, X, times=3), model.scale(X) * 3)


def test_static_argument_may_be_branched_on() -> None:
    @checkpoint(static_argnums=1)
    def power(x: Array, double: bool) -> Array:
        return x * 2 if double else x

    assert_same(power(X, True), 2 * X)
    assert_same(power(X, double=False), X)
    with pytest.raises(OptionError, match="cannot be hashed"):
        power(X, [True])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_states_are_as_before_when_it_fails() -> None:
    count = State(jnp.zeros(()))

    @checkpoint
    def fails(x: Array) -> Array:
        count.value = count.value + 1
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        jit(fails)(X)
    assert values(count) == [0]


def test_nested_checkpoints() -> None:
    model = Counter()
    inner = checkpoint(model)
    gradient = grad(checkpoint(summed(lambda x: inner(inner(x)))))(X)
    assert_close(gradient, jnp.full(3, 2.0))
    assert int(model.count.value) == 2


def test_remat_is_another_name() -> None:
    assert remat is checkpoint


def test_name_and_text_of_the_function_are_kept() -> None:
    def block(x: Array) -> Array:
        """Text."""
        return x

    wrapped = checkpoint(block)
    assert (wrapped.__name__, wrapped.__doc__) == ("block", "Text.")
