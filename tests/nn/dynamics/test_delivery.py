"""Delivering events is a product with a matrix, whatever the bound on events is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.nn._dynamics import delivery
from brainlite.transform import for_loop, grad, jit, vmap
from tests.closeness import assert_close

PRE, POST, M = 12, 9, 4
RNG = np.random.default_rng(0)
INDEX = jnp.asarray(RNG.integers(0, POST, (PRE, M)), jnp.int32)
WEIGHT = jnp.asarray(RNG.normal(size=(PRE, M)), jnp.float32)
MATRIX = jnp.asarray(RNG.normal(size=(PRE, POST)), jnp.float32)
G = jnp.asarray(RNG.normal(size=POST), jnp.float32)


def dense(weight: Any) -> Any:
    matrix = np.zeros((PRE, POST), np.float64)
    np.add.at(matrix, (np.arange(PRE)[:, None], np.asarray(INDEX)), np.asarray(weight, np.float64))
    return matrix


CASES = [(3, 0), (3, 1), (3, 3), (3, 4), (1, 12), (100, 5)]


@pytest.mark.parametrize(("most", "count"), CASES)
def test_it_is_exact_for_any_number_of_events(most: int, count: int) -> None:
    events = np.zeros(PRE, np.float32)
    events[RNG.permutation(PRE)[:count]] = 1.0
    for weight in (WEIGHT, jnp.asarray(0.3)):
        full = dense(np.broadcast_to(weight, INDEX.shape))
        found = jit(lambda e, w=weight: delivery.scatter(most, POST, e, w, INDEX))(events)
        assert_close(found, (events @ full).astype(np.float32), 16, 1.0)
    product = delivery.times_matrix(most, jnp.asarray(events), MATRIX)
    assert_close(product, (events @ np.asarray(MATRIX, np.float64)).astype(np.float32), 16, 1.0)


@pytest.mark.parametrize("pre", [1, 2, 31, 32, 33, 64, 200])
def test_the_rows_are_those_of_the_events(pre: int) -> None:
    index = jnp.arange(pre)[:, None]  # each neuron to the one of its number
    numbers = jnp.arange(1.0, pre + 1)
    run = jit(lambda events: delivery.scatter(40, pre, events, jnp.asarray(1.0), index))
    for share in (0.0, 0.05, 0.5, 1.0):
        events = np.where(RNG.random(pre) < share, numbers, 0.0)
        for each in (events, events[::-1], np.sort(events), np.sort(-events)):
            assert run(jnp.asarray(each)).tolist() == each.tolist()
    nothing = delivery.scatter(40, pre, jnp.zeros(0), jnp.asarray(1.0), jnp.zeros((0, 1), int))
    assert nothing.tolist() == [0.0] * pre


@pytest.mark.parametrize(("most", "scalar"), [(0, False), (2, False), (2, True)])
def test_every_neuron_has_its_gradient(most: int, scalar: bool) -> None:
    events = jnp.zeros(PRE).at[jnp.array([1, 5, 7])].set(jnp.array([1.0, 2.0, 1.0]))
    weight = jnp.asarray(0.3) if scalar else WEIGHT

    def own(events: Any, weight: Any) -> Any:
        return (delivery.scatter(most, POST, events, weight, INDEX) * G).sum()

    def plain(events: Any, weight: Any) -> Any:
        spread = jnp.broadcast_to(weight, INDEX.shape)
        full = jnp.zeros((PRE, POST)).at[jnp.arange(PRE)[:, None], INDEX].add(spread)
        return (events @ full * G).sum()

    expected = jax.grad(plain, (0, 1))(events, weight)
    assert_close(jit(grad(own, argnums=(0, 1)))(events, weight), expected, 64, 1.0)
    batch = jnp.stack([events, 2 * events])
    many = vmap(lambda e: delivery.scatter(most, POST, e, weight, INDEX))(batch)
    assert_close(many[1], 2 * many[0], 16, 1.0)

    def looped(events: Any) -> Any:
        return for_loop(lambda n: own(events * n, weight), jnp.arange(4.0)).sum()

    assert_close(grad(looped)(events), 6 * expected[0], 64, 1.0)


def test_the_matrix_and_silent_neurons_have_gradients() -> None:
    events = jnp.zeros(PRE).at[2].set(1.0)

    def own(events: Any, weight: Any) -> Any:
        return (delivery.times_matrix(2, events, weight) * G).sum()

    slopes = grad(own, argnums=(0, 1))(events, MATRIX)
    assert_close(slopes, (MATRIX @ G, jnp.outer(events, G)), 16)


def test_floats_count_as_events_or_are_numbers() -> None:
    x = jnp.array([0.0, 0.5, -2.0])
    assert delivery.as_events(x, True).tolist() == [0.0, 1.0, 1.0]
    assert delivery.as_events(x, False).tolist() == [0.0, 0.5, -2.0]
    for kind in ("bool", "int8", "uint8"):
        assert delivery.as_events(jnp.array([0, 1], kind), False).tolist() == [0.0, 1.0]
        assert delivery.as_events(jnp.array([0, 1], kind), True).tolist() == [0.0, 1.0]
    assert delivery.as_events(jnp.array([0, 2, -3]), True).tolist() == [0.0, 1.0, 1.0]
    assert delivery.as_events(jnp.array([0, 2, -3]), False).tolist() == [0.0, 2.0, -3.0]
    assert grad(lambda x: delivery.as_events(x, True).sum())(x).tolist() == [1.0, 1.0, 1.0]
    # Beside a large number, a one added to it would be lost.
    assert delivery.as_events(jnp.array([1e9, -5e7, 0.7, 1e-9]), True).tolist() == [1.0] * 4
    assert jit(lambda x: delivery.as_events(x, True))(jnp.full(2, 3e8)).tolist() == [1.0] * 2


@pytest.mark.parametrize("most", [0, 100, 5000])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_many_small_weights_add_up_in_half_precision(dtype: Any, most: int) -> None:
    events, index = jnp.ones(3000, dtype), jnp.zeros((3000, 1), jnp.int32)
    weight = jnp.asarray(0.125, dtype)
    found = delivery.scatter(most, 1, events, weight, index)
    assert (found.dtype, float(found[0])) == (dtype, 376.0 if dtype is jnp.bfloat16 else 375.0)
    product = delivery.times_matrix(most or 1, events, jnp.full((3000, 1), weight))
    assert float(product[0]) == float(found[0])
    gathered = delivery.gather_events(events, weight, jnp.arange(3000)[None])
    assert float(gathered[0]) == float(found[0])
