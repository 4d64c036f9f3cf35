"""What functions make of whole numbers and of half precision."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.nn._functional.floating import floating, in_float32
from tests.closeness import assert_close


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32"])
def test_whole_numbers_become_floats_of_their_value(dtype: str) -> None:
    given = np.array([0, 1], dtype)
    assert floating(given).dtype == jnp.result_type(given.dtype, float)
    assert_close(floating(given), np.array([0.0, 1.0], np.float32))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64"])
def test_floats_and_complex_numbers_stay_as_they_are(dtype: str) -> None:
    given = jnp.ones(2, dtype)
    assert floating(given) is given


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_worked_out_in_float32_and_comes_back(dtype: str) -> None:
    seen = []

    def square_root_of_square(x: jnp.ndarray, scale: float) -> jnp.ndarray:
        seen.append(x.dtype)
        return jnp.sqrt(x * x) * scale

    out = in_float32(square_root_of_square, jnp.asarray([300.0], dtype), 2.0)
    assert seen == [jnp.float32]
    assert out.dtype == dtype
    assert_close(out, jnp.asarray([600.0], dtype))  # 300 squared is beyond float16


def test_float32_and_float64_types_are_left_alone() -> None:
    assert in_float32(jnp.negative, jnp.ones(2)).dtype == jnp.float32
    assert in_float32(jnp.negative, jnp.ones(2, "complex64")).dtype == jnp.complex64
