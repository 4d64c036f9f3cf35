import jax
import jax.numpy as jnp
import pytest

from brainlite import random
from brainlite.nn._init.draws import Exponential, Gamma, Normal, TruncatedNormal, Uniform
from brainlite.nn._init.initializer import Initializer
from tests.closeness import assert_close

ALL = [Normal(), TruncatedNormal(), Uniform(), Exponential(), Gamma(2.0)]


@pytest.mark.parametrize(
    ("initializer", "numbers"),
    [
        (Normal(), [0.60576403, 0.79904407, -0.90892702]),
        (Normal(0.5, 0.1), [0.56057638, 0.57990444, 0.4091073]),
        (TruncatedNormal(), [0.57485539, 0.75464666, -0.85535508]),
        (TruncatedNormal(1.0, 2.0, lower=-1.0, upper=3.0), [1.8000121, 2.0288591, -0.14970207]),
        (Uniform(), [0.72766423, 0.78786755, 0.18169427]),
        (Uniform(-0.3, 0.4), [0.20936498, 0.25150731, -0.17281401]),
        (Exponential(2.0), [2.601439, 3.1010888, 0.40103853]),
        (Gamma(2.0, scale=3.0), [4.6536078, 0.84507626, 2.3096259]),
    ],
    ids=lambda each: type(each).__name__,
)
def test_numbers_are_those_of_brainstate(initializer: Initializer, numbers: list[float]) -> None:
    # brainstate 0.5.4: random.seed(42), then the initialiser of this name on (5, 7)
    random.seed(42)
    assert_close(initializer((5, 7))[0, :3], numbers)


@pytest.mark.parametrize("initializer", ALL, ids=lambda each: type(each).__name__)
def test_numbers_come_from_the_shared_generator(initializer: Initializer) -> None:
    random.seed(0)
    first, second = initializer((3, 2)), initializer((3, 2))
    random.seed(0)
    assert (initializer((3, 2)) == first).all()
    assert not (first == second).any()
    assert initializer((3, 2), jnp.float16).dtype == jnp.float16


def test_a_seed_of_its_own_leaves_the_shared_generator_alone() -> None:
    before = random.get_key()
    initializer = Normal(seed=3)
    first, second = initializer(4), initializer(4)
    assert (jax.random.key_data(before) == jax.random.key_data(random.get_key())).all()
    assert not (first == second).any()
    again = Normal(seed=jax.random.key(3))
    assert (again(4) == first).all()
    assert (again(4) == second).all()
