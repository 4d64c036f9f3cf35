"""Calls from compiled code back to Python."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.transform._engine._reports import report_where
from brainlite.typing import Array

wait: Any = jax.block_until_ready  # it has no types


def deny(failed: Array, names: tuple[str, ...], values: dict[str, Array]) -> None:
    if failed:
        raise ValueError(f"{names[0]} is {float(values[names[0]])}")


def checked(x: Array) -> Array:
    report_where(x < 0, deny, ("x",), {"x": x})
    return 2 * x


def test_a_report_comes_at_once_where_all_is_known() -> None:
    assert checked(jnp.asarray(3.0)) == 6
    with pytest.raises(ValueError, match=r"x is -1\.0"):
        checked(jnp.asarray(-1.0))


def test_a_report_comes_from_compiled_code_when_it_runs() -> None:
    compiled = jax.jit(checked)
    assert compiled(jnp.asarray(3.0)) == 6
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"x is -1\.0"):
        wait(compiled(jnp.asarray(-1.0)))


def test_only_the_lane_that_fails_reports() -> None:
    assert jax.vmap(checked)(jnp.asarray([1.0, 2.0])).tolist() == [2, 4]
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match=r"x is -2\.0"):
        wait(jax.vmap(checked)(jnp.asarray([1.0, -2.0])))
