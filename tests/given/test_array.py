"""What is an array, and what to say of what is none."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._given import no_array


@pytest.mark.parametrize("value", [jnp.ones(2), np.ones(2), np.float32(1), jax.random.key(0)])
def test_arrays_of_jax_and_numpy_are_arrays(value: Any) -> None:
    assert no_array(value) is None
    assert jax.jit(lambda x: no_array(x) is None)(value)


@pytest.mark.parametrize("value", [1, 2.5, True, 1j])
def test_a_number_is_one_where_that_is_asked(value: Any) -> None:
    assert no_array(value, scalar=True) is None
    remark = no_array(value)
    assert remark is not None
    assert remark.got == f"{value!r}, a {type(value).__name__}"


@pytest.mark.parametrize("value", [None, "text", [1.0], {}, np.array(["a"]), object()])
def test_all_else_is_none(value: Any) -> None:
    remark = no_array(value, scalar=True)
    assert remark is not None
    assert remark.got
    assert remark.fix
