"""Operations as XLA counts them, and loops by their length."""

import jax
import jax.numpy as jnp
import pytest
from jax.extend.core import ClosedJaxpr

from brainlite.nn._looking.cost import Flops, count_flops
from brainlite.typing import Array

A = jnp.ones((8, 8))
PRODUCT = 2 * 8 * 8 * 8


def product(a: Array) -> Array:
    return a @ a


def loop(a: Array) -> Array:
    return jax.lax.scan(lambda c, _: (c @ c, None), a, None, length=10)[0]


def loop_in_loop(a: Array) -> Array:
    return jax.lax.scan(lambda c, _: (loop(c), None), a, None, length=3)[0]


def count(closed: ClosedJaxpr) -> float:
    return count_flops(closed, {}).all


def test_a_product_is_counted() -> None:
    assert count(jax.make_jaxpr(product)(A)) == PRODUCT


def test_a_loop_counts_as_often_as_it_runs() -> None:
    assert count(jax.make_jaxpr(loop)(A)) == pytest.approx(10 * PRODUCT, rel=0.01)
    assert count(jax.make_jaxpr(jax.jit(loop))(A)) == pytest.approx(10 * PRODUCT, rel=0.01)
    assert count(jax.make_jaxpr(loop_in_loop)(A)) == pytest.approx(30 * PRODUCT, rel=0.01)


def test_equal_functions_are_counted_once() -> None:
    known: dict[str, Flops] = {}
    count_flops(jax.make_jaxpr(product)(A), known)
    count_flops(jax.make_jaxpr(lambda b: b @ b)(A), known)
    assert len(known) == 1
