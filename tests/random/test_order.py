from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from brainlite.typing import Array

USED = jax.random.split(jax.random.key(0))[1]
GRID = jnp.arange(12).reshape(4, 3)


def same(one: Array, two: Array) -> bool:
    return np.array_equal(one, two)


def test_choice_is_that_of_jax() -> None:
    weights = jnp.array([0.1, 0.2, 0.3, 0.2, 0.2])

    def choose(*arguments: Any, **options: Any) -> Array:
        return RandomState(0).choice(*arguments, **options)

    assert jax.eval_shape(lambda: choose(5, key=0)).shape == ()
    assert same(choose(5, 3), jax.random.choice(USED, 5, (3,)))
    assert same(choose(5, 3, replace=False), jax.random.choice(USED, 5, (3,), replace=False))
    assert same(choose(5, (3,), p=weights), jax.random.choice(USED, 5, (3,), p=weights))
    assert same(choose(GRID, 3), jax.random.choice(USED, GRID, (3,)))


def test_choice_takes_lists() -> None:
    assert RandomState(0).choice([7.0], 3).tolist() == [7.0] * 3
    assert RandomState(0).choice([1, 2, 3], 3, p=[0, 1, 0]).tolist() == [2] * 3
    assert set(RandomState(0).choice([1, 2, 3], 3, replace=False).tolist()) == {1, 2, 3}


def test_choice_follows_the_probabilities() -> None:
    chosen = np.asarray(RandomState(0).choice(3, 10000, p=[0.2, 0.5, 0.3]))
    np.testing.assert_allclose(np.bincount(chosen) / 10000, [0.2, 0.5, 0.3], atol=0.02)


def test_choice_takes_traced_elements_and_probabilities() -> None:
    def choose(elements: Array, weights: Array) -> Array:
        return RandomState(0).choice(elements, 2, p=weights)

    assert jax.jit(choose)(jnp.arange(3.0), jnp.array([0.0, 0.0, 1.0])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), r"at least 1\n  got:      0 for size=\(1,\).*\n  fix:      give elements"),
        (([],), r"at least 1\n  got:      0 for size=\(\)"),
        ((3, 4, False), r"at least 4\n  got:      3 for size=\(4,\).*\n.*replace=True"),
        ((3, 1, True, [0.5, 0.5]), r"p of shape \(3,\)\n  got:      p of shape \(2,\)"),
        ((-3, 1), r"the number of elements is no size"),
        ((2.5, 1), r"the number of elements is no size"),
    ],
)
def test_choice_refuses_what_cannot_be_chosen_from(
    arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(SizeError, match=message):
        RandomState(0).choice(*arguments)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0], r"p >= 0\n  got:      -1\.0 at index \(1,\)"),
        ([0.0, 0.0], r"a sum of 1\n  got:      \[0\. 0\.\]"),
        (jnp.array([0.7, 0.8]), r"a sum of 1\n  got:      \[0\.7 0\.8\]"),
        ([3, 1], r"a sum of 1"),
        ([0.5, np.nan], r"p >= 0"),
    ],
)
def test_choice_refuses_what_are_no_probabilities(weights: list[float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RandomState(0).choice(2, p=weights)


def test_permutation_is_that_of_jax() -> None:
    assert same(RandomState(0).permutation(7), jax.random.permutation(USED, 7))
    assert same(RandomState(0).permutation(GRID, 1), jax.random.permutation(USED, GRID, 1))
    assert same(
        RandomState(0).permutation(GRID, independent=True),
        jax.random.permutation(USED, GRID, independent=True),
    )
    assert same(RandomState(0).shuffle(GRID, 1), jax.random.permutation(USED, GRID, 1))


def test_shuffle_keeps_the_elements() -> None:
    assert sorted(RandomState(0).shuffle([3, 1, 2]).tolist()) == [1, 2, 3]
    assert sorted(RandomState(0).permutation(np.int64(5)).tolist()) == [0, 1, 2, 3, 4]
