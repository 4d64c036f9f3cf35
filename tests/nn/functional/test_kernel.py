"""Functions that are one dispatch where they are called eagerly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError
from brainlite.nn._functional.kernel import kernel
from brainlite.transform import grad, jit, vmap
from brainlite.typing import ArrayLike
from tests.closeness import assert_close

calls: list[tuple[int, ...]] = []


@kernel("power")
def scaled(x: jax.Array, power: ArrayLike = 1.0) -> jax.Array:
    """Count how often Python runs this."""
    calls.append(x.shape)
    if x.ndim > 2:
        raise InputError("too many axes", expected="two", got=f"{x.ndim}", fix="pass two")
    return jnp.exp(x) ** power


def test_an_eager_call_runs_python_once_for_each_shape_and_option() -> None:
    x = jnp.arange(3.0)
    calls.clear()
    for _ in range(3):
        assert_close(scaled(x, 2.0), np.exp(2 * np.arange(3.0)))
    assert len(calls) == 1
    scaled(x, power=3.0)
    scaled(jnp.arange(4.0), 3.0)
    assert len(calls) == 3
    # An option that is an array cannot be known beforehand, and is computed with.
    assert_close(scaled(x, jnp.asarray(2.0)), scaled(x, 2.0))
    assert_close(scaled(x, power=jnp.asarray(2.0)), scaled(x, 2.0))


def test_within_a_trace_its_operations_are_those_of_the_function() -> None:
    def plain(x: jax.Array) -> jax.Array:
        return jnp.exp(x) ** 2.0

    x = jnp.arange(3.0)
    mine = jax.make_jaxpr(lambda x: scaled(x, 2.0))(x)
    assert str(mine) == str(jax.make_jaxpr(plain)(x))
    assert_close(jit(vmap(lambda x: scaled(x, 2.0)))(x), plain(x))
    found = grad(lambda x: scaled(x, 2.0).sum(), argnums=0)(x)
    assert_close(found, 2 * plain(x))


def test_an_error_comes_without_the_frames_of_jax() -> None:
    with pytest.raises(InputError, match="too many axes") as caught:
        scaled(jnp.ones((1, 1, 1)))
    assert not getattr(caught.value, "__notes__", [])
    assert caught.value.__context__ is None
    assert not any("/jax/" in str(entry.path) for entry in caught.traceback)
