from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.errors import OptionError, SizeError
from brainlite.random._arguments import (
    Numbers,
    Parameter,
    chance_of_success,
    draw_shape,
    float_dtype,
    int_dtype,
    largest_int,
    non_negative,
    positive,
    probability,
    require,
    require_order,
    to_count,
    to_numbers,
)
from brainlite.typing import Array


@pytest.mark.parametrize("value", [1.5, [1.5, 2.0], np.ones(3), (1, 2)])
def test_numbers_of_the_host_stay_there(value: Any) -> None:
    assert isinstance(to_numbers(value, jnp.float32), np.ndarray)


def test_lists_with_traced_elements_become_jax_arrays() -> None:
    assert jax.jit(lambda x: to_numbers([x, 1.0]))(2.0).tolist() == [2.0, 1.0]


def test_dtypes_follow_the_environment() -> None:
    with environ.context(precision=16):
        assert (float_dtype(None), int_dtype(None)) == (jnp.float16, jnp.int16)
    assert (float_dtype(None), int_dtype(None)) == (jnp.float32, jnp.int32)


def test_a_draw_of_floats_refuses_another_dtype() -> None:
    with pytest.raises(OptionError, match=r"got:      dtype=int32"):
        float_dtype(jnp.int32)
    assert float_dtype(jnp.complex64, or_complex=True) == jnp.complex64


def test_without_a_size_the_parameters_broadcast() -> None:
    assert draw_shape(None, a=np.ones((3, 1)), b=np.ones(4)) == (3, 4)
    assert draw_shape(None, a=np.ones(())) == ()


def test_parameters_broadcast_to_the_size() -> None:
    assert draw_shape((5, 3, 4), a=np.ones((3, 1)), b=np.ones(4)) == (5, 3, 4)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, r"each other\n  expected: shapes that broadcast together\n.* a \(3,\), b \(4,\)"),
        (2, r"its size\n  expected: shapes within 2\n.* a \(3,\), b \(4,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(size: int | None, expected: str) -> None:
    with pytest.raises(SizeError, match=expected):
        draw_shape(size, a=np.ones(3), b=np.ones(4))


def test_a_size_may_not_be_smaller_than_the_parameters() -> None:
    with pytest.raises(SizeError, match=r"got:      a \(3,\)"):
        draw_shape((1,), a=np.ones(3))


@pytest.mark.parametrize(
    ("check", "bad", "condition"),
    [
        (positive, 0.0, r"scale > 0"),
        (positive, float("nan"), r"scale > 0"),
        (non_negative, -1e-9, r"scale >= 0"),
        (probability, 1.5, r"scale within \[0, 1\]"),
        (probability, -0.5, r"scale within \[0, 1\]"),
        (chance_of_success, 0.0, r"scale above 0, at most 1"),
    ],
)
def test_a_value_out_of_range_is_shown(
    check: Callable[[Numbers], Parameter], bad: float, condition: str
) -> None:
    require(scale=check(0.5), other=check([0.5, 0.75]))
    with pytest.raises(OptionError, match=f"'scale'.*\n  expected: {condition}\n  got:      {bad}"):
        require(scale=check(bad))
    with pytest.raises(OptionError, match=rf"got:      {bad} at index \(1, 0\)"):
        require(scale=check(jnp.array([[0.5], [bad]])))


def test_a_traced_value_is_not_looked_at() -> None:
    def body(x: Array) -> Array:
        require(scale=positive(x))
        require(scale=positive([x, 1.0]))
        require_order("low", x, "<", "high", 0.0)
        return x

    assert jax.jit(body)(-1.0) == -1.0


def test_a_concrete_value_is_checked_also_under_a_trace() -> None:
    def body(x: Array) -> Array:
        require(scale=positive(-1.0))
        return x

    with pytest.raises(OptionError, match=r"scale > 0"):
        jax.jit(body)(1.0)


def test_bounds_in_the_wrong_order_are_shown() -> None:
    require_order("high", 1.0, ">=", "low", [0.0, 1.0])
    with pytest.raises(OptionError, match=r"expected: low < high\n  got:      low = 1, high = 1\n"):
        require_order("low", 1, "<", "high", 1)
    with pytest.raises(OptionError, match=r"high = 2, low = 3 at index \(1,\)"):
        require_order("high", 2, ">=", "low", [1, 3])


@pytest.mark.parametrize(("dtype", "largest"), [("int8", 127), ("int32", 2**31 - 1)])
def test_counts_saturate(dtype: str, largest: int) -> None:
    assert largest_int(dtype) == largest
    assert to_count(jnp.array([3.0, 1e30, jnp.inf]), dtype).tolist() == [3, largest, largest]
