"""How the scale of losses adapts."""

import jax.numpy as jnp
import pytest

from brainlite.optim import LossScale


def test_the_scale_rises_after_so_many_good_steps_and_falls_at_a_bad_one() -> None:
    scaling = LossScale(initial=8.0, growth=4.0, every=2)
    scale, good = jnp.asarray(8.0), jnp.asarray(0)
    seen = []
    for finite in (True, True, True, False, True, True):
        scale, good = scaling.after(scale, good, jnp.asarray(finite))
        seen.append(float(scale))
    assert seen == [8, 32, 32, 8, 8, 32]


@pytest.mark.parametrize("finite", [True, False])
def test_the_scale_ends_neither_at_zero_nor_at_infinity(finite: bool) -> None:
    scale, good = jnp.asarray(1.0), jnp.asarray(0)
    for _ in range(300):
        scale, good = LossScale(every=1).after(scale, good, jnp.asarray(finite))
    assert 0 < float(scale) < float("inf")
