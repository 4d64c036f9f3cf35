"""What gates are squashed by: derivatives from results, against autodiff."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.nn._recurrent.squash import SAME, SIGMOID, TANH, Apply, Squash, keeping, knowing
from brainlite.typing import Array
from tests.closeness import assert_close, assert_same

SQUASHES = {"sigmoid": SIGMOID, "tanh": TANH, "same": SAME}


@pytest.mark.parametrize("squash", SQUASHES.values(), ids=SQUASHES)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_a_squash_has_the_derivative_that_autodiff_gives(squash: Squash, dtype: Any) -> None:
    x = jnp.asarray([-100.0, -9.0, -1.0, -0.0, 0.0, 0.3, 9.0, 100.0, np.inf, np.nan], dtype)
    d = jnp.linspace(-2, 2, x.size).astype(dtype)
    y, slope = jax.jvp(squash.of, (x,), (d,))
    found = squash.pushed(y, d)
    assert found.dtype == slope.dtype
    assert_close(found, slope, terms=4)


def test_what_is_known_has_the_derivatives_of_what_was_computed() -> None:
    def equations(apply: Apply, x: Array) -> Array:
        return apply(TANH, apply(SIGMOID, x) * apply(SAME, x) + jnp.sin(x))

    def plain(x: Array) -> Array:
        return equations(lambda squash, x: squash.of(x), x)

    def replayed(x: Array, d: Array) -> Array:
        squashed: list[Array] = []
        equations(keeping(squashed), x)
        tangent: Array = jax.jvp(lambda x: equations(knowing(squashed), x), (x,), (d,))[1]
        return tangent

    x, d = jnp.linspace(-3, 3, 7), jnp.cos(jnp.arange(7.0))
    assert_close(replayed(x, d), jax.jvp(plain, (x,), (d,))[1])
    second = jax.jvp(lambda x: jax.jvp(plain, (x,), (d,))[1], (x,), (d,))[1]
    assert_close(jax.jvp(lambda x: replayed(x, d), (x,), (d,))[1], second, terms=32)
    squashed: list[Array] = []
    expected = equations(keeping(squashed), x)
    assert_same(equations(knowing(squashed), jnp.zeros(7)), expected)
