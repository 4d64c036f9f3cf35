"""Threads that draw through what is compiled draw different numbers."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.transform import checkpoint, cond, for_loop, jit, scan, vmap, while_loop
from brainlite.typing import Array

THREADS, XS = 8, jnp.zeros(10)


class Drawing(Node):
    """A module with a generator of its own."""

    def __init__(self) -> None:
        self.rng = RandomState(0)

    def __call__(self, x: Array) -> Array:
        return x + self.rng.rand()


def compiled() -> Callable[[], Any]:
    generator = RandomState(0)
    return jit(lambda: generator.rand())


def compiled_with_a_module() -> Callable[[], Any]:
    module = Drawing()
    step = jit(lambda module, x: module(x))
    return lambda: step(module, XS[0])


def compiled_for_many_shapes() -> Callable[[], Any]:
    generator = RandomState(0)
    draw = jit(lambda x: generator.rand() + x.sum())
    sizes = iter(range(1, 1_000_000))
    return lambda: draw(jnp.zeros(next(sizes) % 5))


def loop_over_a_function() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: for_loop(lambda x: x + generator.rand(), XS)


def loop_over_a_module() -> Callable[[], Any]:
    module = Drawing()
    return lambda: for_loop(module, XS)


def scanned() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: scan(lambda carry, x: (carry, generator.rand()), 0.0, XS)[1]


def loop_while() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: while_loop(lambda x: x <= 0, lambda x: generator.rand(), jnp.zeros(()))


def branch() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: cond(True, generator.rand, lambda: jnp.zeros(()))


def lanes() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: vmap(lambda x: x + generator.rand())(XS)


def computed_again() -> Callable[[], Any]:
    generator = RandomState(0)
    return lambda: checkpoint(lambda x: x + generator.rand())(XS[0])


WAYS = [
    (compiled, 300),
    (compiled_with_a_module, 300),
    (compiled_for_many_shapes, 50),
    (loop_over_a_function, 30),
    (loop_over_a_module, 30),
    (scanned, 10),
    (loop_while, 10),
    (branch, 10),
    (lanes, 10),
    (computed_again, 10),
]


def in_threads(draw: Callable[[], Any], times: int) -> list[Any]:
    barrier = threading.Barrier(THREADS)
    drawn: list[Any] = []

    def work() -> None:
        barrier.wait()
        drawn.extend([draw() for _ in range(times)])

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        sys.setswitchinterval(before)
    assert not any(thread.is_alive() for thread in threads)
    return drawn


@pytest.mark.parametrize(("make", "times"), WAYS, ids=lambda each: getattr(each, "__name__", ""))
def test_threads_draw_different_numbers(make: Callable[[], Callable[[], Any]], times: int) -> None:
    draw = make()
    drawn = [np.atleast_1d(jax.device_get(each)) for each in in_threads(draw, times)]
    assert len(drawn) == THREADS * times
    keys = {row.tobytes() for row in drawn}
    # Of 2,400 draws of 24 bits some may be equal by chance: a handful at most.
    assert len(keys) > len(drawn) - (5 if drawn[0].size == 1 else 1)


def test_no_function_is_traced_while_others_must_wait() -> None:
    generator = RandomState(0)
    waits: list[bool] = []

    @jit
    def draw(x: Array) -> Array:
        # A trace that waits for a thread that draws.
        other = threading.Thread(target=generator.rand, daemon=True)
        other.start()
        other.join(30)
        waits.append(other.is_alive())
        return generator.rand() + x.sum()

    for size in (1, 2, 3, 2, 1):
        draw(jnp.zeros(size))
    assert len(waits) >= 3
    assert not any(waits)


def test_a_compiled_draw_is_the_eager_draw() -> None:
    eager, other = RandomState(3), RandomState(3)
    draw = jit(lambda x: other.rand() + x)
    for shape in ((), (2,), (), (2,)):
        expected = eager.rand() + jnp.zeros(shape)
        np.testing.assert_array_equal(draw(jnp.zeros(shape)), expected)
    assert other.get_key() == eager.get_key()
