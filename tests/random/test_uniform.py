import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState


def test_rand_takes_the_axes_one_by_one() -> None:
    rng = RandomState(0)
    assert rng.rand().shape == ()
    assert rng.rand(2, 3, dtype=jnp.float16).dtype == jnp.float16
    with pytest.raises(SizeError, match=r"the axes of rand is no size"):
        rng.rand(2.0)  # type: ignore[arg-type]


def test_rand_like_takes_shape_and_float_dtype() -> None:
    rng = RandomState(0)
    like = rng.rand_like(jnp.ones((2, 3), jnp.bfloat16))
    assert (like.shape, like.dtype) == ((2, 3), jnp.bfloat16)
    assert rng.rand_like(jnp.ones(4, jnp.int32)).dtype == jnp.float32
    assert rng.rand_like(np.ones(4), dtype=jnp.float16).dtype == jnp.float16


def test_uniform_bounds_broadcast() -> None:
    numbers = RandomState(0).uniform([0.0, 10.0], [1.0, 11.0], size=(1000, 2))
    assert ((numbers[:, 0] < 1) & (numbers[:, 1] >= 10)).all()
    assert RandomState(0).uniform(2.0, 2.0) == 2.0


def test_uniform_refuses_bounds_in_the_wrong_order() -> None:
    with pytest.raises(OptionError, match=r"high >= low\n  got:      high = 1\.0, low = 2\.0"):
        RandomState(0).uniform(2.0, 1.0)


def test_a_float_draw_refuses_a_dtype_of_ints() -> None:
    with pytest.raises(OptionError, match=r"got:      dtype=int32\n.*randint"):
        RandomState(0).uniform(dtype=jnp.int32)


def test_randint_reaches_both_ends() -> None:
    assert set(RandomState(0).randint(2, 5, size=200).tolist()) == {2, 3, 4}
    assert set(RandomState(0).random_integers(2, 5, size=200).tolist()) == {2, 3, 4, 5}
    assert set(RandomState(0).random_integers(3, size=200).tolist()) == {1, 2, 3}


def test_randint_may_span_its_dtype() -> None:
    numbers = RandomState(0).randint(0, 256, size=2000, dtype=jnp.uint8)
    assert (int(numbers.min()), int(numbers.max())) == (0, 255)


def test_randint_bounds_broadcast() -> None:
    assert RandomState(0).randint([0, 5, 9], [1, 6, 10]).tolist() == [0, 5, 9]


@pytest.mark.parametrize(("low", "high"), [(3, 3), (0, None), ([1, 4], [2, 4])])
def test_randint_refuses_an_empty_range(low: int, high: int | None) -> None:
    with pytest.raises(OptionError, match=r"expected: low < high"):
        RandomState(0).randint(low, high)


def test_randint_refuses_bounds_that_are_not_whole() -> None:
    with pytest.raises(OptionError, match=r"'high' .* is not whole\n.*\n  got:      float64 2\.5"):
        RandomState(0).randint(0, 2.5)


def test_randint_like_takes_shape_and_dtype() -> None:
    rng = RandomState(0)
    for dtype in (jnp.int32, jnp.float32):
        like = rng.randint_like(jnp.ones((2, 3), dtype), 5, 8)
        assert (like.shape, like.dtype) == ((2, 3), dtype)
        assert ((like >= 5) & (like < 8)).all()
    assert rng.randint_like(jnp.ones(100), 3).max() == 2
