"""The width of numbers, and the dtypes that follow from it."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import environ


@pytest.mark.parametrize(
    ("precision", "names"),
    [
        (8, ("float8_e5m2", "int8", "uint8", "complex64")),
        (16, ("float16", "int16", "uint16", "complex64")),
        (32, ("float32", "int32", "uint32", "complex64")),
        (64, ("float64", "int64", "uint64", "complex128")),
        ("bf16", ("bfloat16", "int16", "uint16", "complex64")),
    ],
)
def test_dtypes_follow_the_precision(precision: int | str, names: tuple[str, ...]) -> None:
    def dtypes() -> list[Any]:
        return [environ.dftype(), environ.ditype(), environ.dutype(), environ.dctype()]

    expected = [jnp.dtype(name) for name in names]
    with environ.context(precision=precision):
        assert environ.get_precision() == precision
        assert dtypes() == expected
    environ.set_precision(precision)
    assert dtypes() == expected


def test_dtypes_are_those_of_arrays() -> None:
    assert jnp.ones(3, environ.dftype()).dtype == "float32"
    with environ.context(precision="bf16"):
        assert jnp.ones(3, environ.dftype()).dtype == "bfloat16"
    assert jnp.ones(3, environ.dctype()).dtype == "complex64"


def test_a_precision_may_be_a_string_of_digits() -> None:
    environ.set(precision="16")
    assert environ.get_precision() == 16
