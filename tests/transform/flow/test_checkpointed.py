"""Checkpointed loops: results, states and gradients of the plain loops, with less memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import nn, random
from brainlite.errors import LoopStateError, OptionError
from brainlite.state import ParamState, State
from brainlite.transform import for_loop, grad, jit, scan, vmap
from brainlite.transform._flow._checkpointed import (
    checkpointed_for_loop,
    checkpointed_scan,
    depth_of,
)
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values
from tests.transform.small import Counter, Total

LENGTHS = [0, 1, 97, *(pytest.param(length, marks=pytest.mark.slow) for length in (17, 256))]


class Recurrence:
    """A loop with a carry, two states, and random numbers."""

    def __init__(self, loop: Callable[..., Any], **options: Any) -> None:
        self.loop, self.options = loop, options
        self.weight = ParamState(jnp.array([0.3, 0.5]))
        self.hidden = State(jnp.zeros(2))
        self.rng = random.RandomState(0)

    def run(self, xs: Array) -> Any:
        def body(carry: Array, x: dict[str, Array]) -> tuple[Array, Array]:
            noise = self.rng.normal(0.0, 0.1, size=(2,))
            self.hidden.value = jnp.tanh(self.hidden.value * self.weight.value + x["x"] + noise)
            return carry + self.hidden.value, self.hidden.value.sum()

        return self.loop(body, jnp.zeros(2), {"x": xs}, **self.options)

    def loss(self, xs: Array) -> Array:
        carry, ys = self.run(xs)
        loss: Array = carry.sum() + (ys**2).sum()
        return loss

    def states(self) -> list[Any]:
        return values(self.hidden, self.rng)


@pytest.mark.parametrize("length", LENGTHS)
def test_results_and_states_are_those_of_scan(length: int) -> None:
    xs = jnp.sin(jnp.arange(float(length)))
    plain, ours = Recurrence(scan), Recurrence(checkpointed_scan)
    for wrap in (lambda run: run, jit):
        run: Callable[[Callable[..., Any]], Any] = wrap
        assert_close(run(ours.run)(xs), run(plain.run)(xs))
        assert_close(ours.states(), plain.states())


@pytest.mark.parametrize(
    ("length", "base"),
    [
        (97, 4),
        pytest.param(16, 2, marks=pytest.mark.slow),
        pytest.param(300, 16, marks=pytest.mark.slow),
    ],
)
def test_gradients_are_those_of_scan(length: int, base: int) -> None:
    xs = jnp.sin(jnp.arange(float(length)))
    plain, ours = Recurrence(scan), Recurrence(checkpointed_scan, base=base)
    results, expected = (
        jit(grad(each.loss, [each.weight], argnums=0, return_value=True))(xs)
        for each in (ours, plain)
    )
    assert_close(results, expected, terms=100)
    assert_close(ours.states(), plain.states())


def kept_bytes(loop: Callable[..., Any], length: int, **options: Any) -> int:
    """Return the size of what the backward pass of a loop starts from."""

    def fun(carry: Array) -> Array:
        def body(carry: Array, _: None) -> tuple[Array, None]:
            return jnp.sin(carry), None

        out: Array = loop(body, carry, None, length=length, **options)[0]
        return out

    _, backward = jax.vjp(fun, jnp.ones(100))
    return sum(leaf.nbytes for leaf in jax.tree.leaves(backward))


def test_memory_grows_like_a_root_of_the_length() -> None:
    row = 400
    assert kept_bytes(scan, 1024) >= 1024 * row
    assert kept_bytes(checkpointed_scan, 1024, base=32) <= 40 * row
    assert kept_bytes(checkpointed_scan, 1024) <= 20 * row
    assert kept_bytes(checkpointed_scan, 1009) <= 60 * row  # a prime


def test_body_runs_once_where_the_length_is_cut_evenly() -> None:
    runs = Runs()

    def body(carry: Array, x: Array) -> tuple[Array, Array]:
        runs.add()
        return carry + x, carry

    def loop(length: int) -> Callable[[], Any]:
        return lambda: checkpointed_scan(body, jnp.zeros(()), jnp.ones(length))

    assert [runs.of(loop(length)) for length in (16, 100, 1000)] == [1, 1, 1]
    assert runs.of(loop(997)) == 2


def test_for_loop_with_several_and_with_no_inputs() -> None:
    xs = jnp.arange(40.0)
    ours, plain = Total(), Total()

    def add(model: Total) -> Callable[[Array, Array], Array]:
        return lambda x, y: model(x * y)

    assert_close(checkpointed_for_loop(add(ours), xs, xs, base=4), for_loop(add(plain), xs, xs))
    assert_close(values(ours.total), values(plain.total))
    counter = Counter()
    out = checkpointed_for_loop(lambda: counter(jnp.ones(())), length=40)
    assert_same(out, xs + 1)


def test_cell_is_trained_through_it() -> None:
    xs = jax.random.normal(jax.random.key(0), (50, 2))
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    params = cell.states(ParamState)

    def gradient(loop: Callable[..., Any]) -> Any:
        nn.init_all_states(cell)
        return jit(grad(lambda: (loop(cell, xs) ** 2).mean(), params))()

    assert_close(dict(gradient(checkpointed_for_loop)), dict(gradient(for_loop)))


def test_under_vmap() -> None:
    xs = jnp.ones((3, 40))
    total = Total()

    def loop(xs: Array) -> Array:
        return checkpointed_for_loop(total, xs)

    total.total.value = jnp.zeros(3)
    assert_same(vmap(loop, in_states=total.total)(xs), jnp.cumsum(xs, axis=1))
    assert_same(total.total.value, jnp.full(3, 40.0))


def test_states_are_as_before_when_it_fails() -> None:
    total = Total()

    def fails(x: Array) -> Array:
        total(x)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        checkpointed_for_loop(fails, jnp.ones(40))
    assert values(total.total) == [0]


def test_errors_are_those_of_scan() -> None:
    xs = jnp.ones(40)
    state = State(jnp.zeros(()))

    def grow(x: Array) -> None:
        state.value = jnp.stack([state.value, x])

    with pytest.raises(LoopStateError, match="State changes in the body of a loop"):
        checkpointed_for_loop(grow, xs)
    with pytest.raises(LoopStateError, match="the carry of a scan changes"):
        checkpointed_scan(lambda c, x: (x > 0, c), jnp.zeros(()), xs)
    with pytest.raises(LoopStateError, match=r"shapes \[\(40,\)\], and length=30"):
        checkpointed_scan(lambda c, x: (c, x), 0.0, xs, length=30)
    with pytest.raises(LoopStateError, match="no single length"):
        checkpointed_for_loop(lambda: 0.0)


@pytest.mark.parametrize("base", [1, 0, 2.5, "16"])
def test_bad_base(base: int) -> None:
    with pytest.raises(OptionError, match="expected: base: a whole number, 2 or more"):
        checkpointed_scan(lambda c, x: (c, x), 0.0, jnp.ones(3), base=base)


def test_depth_is_the_number_of_levels() -> None:
    cases = [(0, 16), (1, 16), (16, 16), (17, 16), (256, 16), (257, 16), (8, 2)]
    assert [depth_of(*case) for case in cases] == [1, 1, 1, 2, 2, 3, 3]
