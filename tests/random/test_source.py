from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from brainlite.random._source import KeySource
from brainlite.typing import Array, Key, Shape
from tests.closeness import assert_close
from tests.random.comparison import MANY


def test_a_source_without_keys_cannot_draw() -> None:
    with pytest.raises(NotImplementedError):
        KeySource()._take_key(None)  # pyright: ignore[reportPrivateUsage]


def test_standard_draws_skip_the_arithmetic() -> None:
    def count_equations(loc: float | None, scale: float | None) -> int:
        drawing = jax.make_jaxpr(lambda: RandomState(0).normal(loc, scale, key=1))
        return len(drawing().jaxpr.eqns)

    assert count_equations(None, None) < count_equations(0.0, 1.0)


@pytest.mark.parametrize("name", ["normal", "laplace", "logistic", "gumbel"])
def test_location_and_scale_shift_and_stretch(name: str) -> None:
    draw = getattr(RandomState(0), name)
    standard = np.asarray(draw(size=MANY, key=1))
    assert_close(draw(5.0, 2.0, MANY, key=1), 5 + 2 * standard)
    assert_close(draw(5.0, None, MANY, key=1), 5 + standard)
    drawn = jax.eval_shape(lambda: draw([1.0, 2.0], [[1.0], [2.0]], key=1))
    assert drawn.shape == (2, 2)


@pytest.mark.parametrize("name", ["normal", "laplace", "logistic", "gumbel"])
def test_a_negative_scale_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"scale >= 0\n  got:      -2\.0"):
        getattr(RandomState(0), name)(0.0, -2.0)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("normal", (), lambda key, shape: jax.random.normal(key, shape)),
        ("uniform", (), lambda key, shape: jax.random.uniform(key, shape)),
        ("randint", (0, 9), lambda key, shape: jax.random.randint(key, shape, 0, 9)),
        ("bernoulli", (0.3,), lambda key, shape: jax.random.bernoulli(key, 0.3, shape)),
        ("truncated_normal", (-1, 2), lambda k, s: jax.random.truncated_normal(k, -1, 2, s)),
    ],
)
def test_three_axes_are_drawn_in_a_row_and_are_the_same_numbers(
    name: str, given: tuple[float, ...], expected: Callable[[Key, Shape], Array]
) -> None:
    def draw() -> Array:
        drawn: Array = getattr(RandomState(0), name)(*given, size=(2, 3, 4), key=3)
        return drawn

    assert_close(draw(), expected(jax.random.key(3), (2, 3, 4)))
    assert "[24]" in str(jax.make_jaxpr(draw)())


def test_parameters_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(SizeError, match=r"got:      loc \(2,\), scale \(\)"):
        RandomState(0).normal([1.0, 2.0], size=3)


def test_gradients_flow_to_location_and_scale() -> None:
    def draw(loc: float, scale: float) -> jax.Array:
        return RandomState(0).normal(loc, scale, key=1)

    noise = jax.random.normal(jax.random.key(1))
    assert jnp.allclose(jnp.stack(jax.grad(draw, (0, 1))(0.0, 1.0)), jnp.stack([1.0, noise]))
