"""How exact the numbers are that an optimizer keeps."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.optim._precision import (
    added,
    followed,
    moving_mean,
    to_at_least,
    unscaled,
    value_or_mean,
    widened,
)

TRUE, FALSE = jnp.asarray(True), jnp.asarray(False)


@pytest.mark.parametrize(
    ("own", "asked", "found"),
    [
        ("bfloat16", "float32", "float32"),
        ("float16", "float32", "float32"),
        ("float32", "bfloat16", "float32"),
        ("float16", "bfloat16", "float16"),  # neither holds all numbers of the other
        ("float32", None, "float32"),
        ("int32", "float32", "int32"),
        ("complex64", "float32", "complex64"),
    ],
)
def test_floats_become_as_exact_as_is_asked_for(own: str, asked: str | None, found: str) -> None:
    dtype = None if asked is None else jnp.dtype(asked)
    assert to_at_least(dtype)(jnp.ones(2, own)).dtype == found


def test_small_gradients_survive_their_sum_and_their_scale() -> None:
    total = jnp.full((), 2048, "float32")
    assert added(total, jnp.ones((), "float16")) == 2049  # in float16 it would stay 2048
    assert widened(jnp.ones((), "bfloat16")).dtype == "float32"
    tiny = unscaled(jnp.asarray(2.0**-14, "float16"), jnp.asarray(2.0**15, "float32"))
    np.testing.assert_array_equal(tiny, np.float32(2.0**-29))  # which float16 does not have


def test_a_master_goes_on_unless_its_parameter_was_written() -> None:
    master = jnp.asarray([1 + 2.0**-12, 1 + 2.0**-12])
    value = jnp.asarray([1.0, 3.0], "bfloat16")  # the first is the master, rounded
    assert followed(master, value).tolist() == [1 + 2.0**-12, 3.0]


def test_a_running_average_starts_with_the_first_value() -> None:
    old, new = jnp.asarray([1.0, 2.0]), jnp.asarray([3.0, 6.0], "bfloat16")
    np.testing.assert_array_equal(
        moving_mean(0.75, FALSE)(old, new), np.array([1.5, 3.0], "float32")
    )
    np.testing.assert_array_equal(
        moving_mean(0.75, TRUE)(old, new), np.array([3.0, 6.0], "float32")
    )
    assert moving_mean(0.75, FALSE)(old, new).dtype == "float32"


def test_a_mean_that_has_begun_takes_the_place_of_the_value() -> None:
    mean, value = jnp.asarray([1.5]), jnp.asarray([4.0], "bfloat16")
    assert (value_or_mean(TRUE)(mean, value) == 1.5).all()
    assert (value_or_mean(FALSE)(mean, value) == 4).all()
    assert value_or_mean(TRUE)(mean, value).dtype == "bfloat16"
