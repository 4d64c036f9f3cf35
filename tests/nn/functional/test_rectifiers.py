"""The rectifier that draws its slopes; the values of the others are tested with all activations."""

import jax.numpy as jnp

from brainlite import random
from brainlite.nn._functional import rectifiers


def test_rrelu_draws_a_slope_for_each_element() -> None:
    x = jnp.linspace(-5, 5, 1001)
    random.seed(0)
    first, second = rectifiers.rrelu(x), rectifiers.rrelu(x)
    assert (first[x >= 0] == x[x >= 0]).all()
    slopes = first[x < 0] / x[x < 0]
    assert ((slopes >= 1 / 8 - 1e-6) & (slopes < 1 / 3 + 1e-6)).all()
    assert not (first[x < 0] == second[x < 0]).any()
    random.seed(0)
    assert (rectifiers.rrelu(x) == first).all()


def test_rrelu_keeps_floats_and_makes_them_of_integers() -> None:
    for dtype, expected in ((jnp.float16, jnp.float16), (jnp.int32, jnp.float32)):
        assert rectifiers.rrelu(jnp.ones(2, dtype)).dtype == expected
