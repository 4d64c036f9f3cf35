import jax
import numpy as np
import pytest

from brainlite import random
from brainlite.random import DEFAULT, RandomState
from brainlite.typing import Array
from tests.closeness import assert_close


def test_seed_fixes_all_functions() -> None:
    random.seed(3)
    one = (random.rand(), random.randint(100), random.permutation(10))
    random.seed(3)
    two = (random.rand(), random.randint(100), random.permutation(10))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


def test_numbers_are_those_of_brainstate() -> None:
    # brainstate 0.5.4: random.seed(0); random.randn(7, 5) and random.rand(3, 4)
    random.seed(0)
    drawn = random.randn(7, 5)
    assert_close(drawn[0, :4], [-2.4424558, -2.0356805, 0.20554423, -0.3535502])
    random.seed(0)
    assert_close(random.rand(3, 4)[0], [0.00729382, 0.02089119, 0.5814265, 0.36183798])


def test_every_function_is_a_method_of_the_shared_generator() -> None:
    own = {"DEFAULT", "RandomState", "clone_rng", "default_rng", "seed_context"}
    for name in set(random.__all__) - own:
        assert getattr(random, name) == getattr(DEFAULT, name)
    methods = {name for name in dir(RandomState) if not name.startswith("_")}
    of_states = {name for name in dir(random.RandomState.__mro__[1]) if not name.startswith("_")}
    assert methods - of_states - set(random.__all__) == {"clone"}


def test_seed_context_restores_the_generator() -> None:
    random.seed(1)
    expected = (random.rand(), random.rand())
    random.seed(1)
    first = random.rand()
    with random.seed_context(1):
        assert random.rand() == expected[0]
        with random.seed_context(2):
            random.rand()
        assert random.rand() == expected[1]
    assert (first, random.rand()) == expected


def test_seed_context_restores_the_generator_after_an_exception() -> None:
    random.seed(1)
    before = random.get_key()

    def draw_and_fail() -> None:
        with random.seed_context(5):
            random.rand()
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        draw_and_fail()
    assert (jax.random.key_data(before) == jax.random.key_data(random.get_key())).all()


def test_seed_leaves_numpy_alone() -> None:
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    random.seed(5)
    assert np.random.rand() == expected


def test_default_rng_is_shared_or_new() -> None:
    assert random.default_rng() is DEFAULT
    assert random.default_rng(3).rand() == RandomState(3).rand()


def test_clone_rng_shares_nothing() -> None:
    random.seed(0)
    one, two = random.clone_rng(), random.clone_rng()
    assert one.rand() != two.rand()
    assert random.clone_rng(3).rand() == random.clone_rng(3, clone=False).rand()
    assert random.clone_rng(clone=False) is DEFAULT


def test_keys_can_be_taken_and_put_back() -> None:
    key = random.get_key()
    first: Array = random.rand()
    random.set_key(key)
    assert random.rand() == first
    random.backup_key()
    keys = random.split_keys(3)
    random.restore_key()
    assert (jax.random.key_data(random.split_key(3)) == jax.random.key_data(keys)).all()
