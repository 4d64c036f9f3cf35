"""Where restored arrays are, and in which dtype."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite.checkpoint import restore
from brainlite.errors import (
    CheckpointError,
    StateDictError,
)
from tests.checkpoint.parts import saved


def test_python_numbers_take_arrays_and_arrays_numbers(tmp_path: Path) -> None:
    directory = saved(tmp_path, x=brainlite.State(3), y=brainlite.State(jnp.int32(4)))
    x, y = brainlite.State[Any](jnp.int32(0)), brainlite.State[Any](0)
    report = restore(directory, x=x, y=y)
    assert (int(x.value), x.value.dtype, int(y.value), y.value.dtype) == (3, "int32", 4, "int32")
    assert report.missing == ()


def test_another_dtype_of_the_kind_is_cast_and_told(tmp_path: Path) -> None:
    directory = saved(tmp_path, x=brainlite.State(jnp.array([1.5, 2.0])))
    state = brainlite.State(jnp.zeros(2, "bfloat16"))
    assert restore(directory, x=state).cast == ("x",)
    assert state.value.dtype == jnp.bfloat16
    assert state.value.tolist() == [1.5, 2.0]
    with pytest.raises(StateDictError, match=r"misshaped: x: float32\[2\] for int32\[2\]"):
        restore(directory, x=brainlite.State(jnp.zeros(2, "int32")))


@pytest.mark.parametrize(
    ("value", "dtype"), [([300, 1], "int8"), ([1e30, 1.0], "float16"), ([-1, 1], "uint32")]
)
def test_a_cast_that_would_lose_a_value_raises(tmp_path: Path, value: Any, dtype: str) -> None:
    directory = saved(tmp_path, x=brainlite.State(jnp.array(value)), y=brainlite.State(1))
    state, other = brainlite.State(jnp.zeros(2, dtype)), brainlite.State(0)
    with pytest.raises(CheckpointError, match=r"x: a stored value is beyond the [\s\S]*1 of"):
        restore(directory, x=state, y=other)
    assert state.value.tolist() == [0, 0]
    assert other.value == 0


def test_doubles_saved_in_64_bits_are_not_cut_in_silence(tmp_path: Path) -> None:
    with jax.enable_x64(True):
        wide = brainlite.State(jnp.array([1.5, 2.0], "float64"))
        big = brainlite.State(jnp.array(2**40, "int64"))
        directory = saved(tmp_path, wide=wide, big=big)
    wide, big = brainlite.State(jnp.zeros(2)), brainlite.State(jnp.int32(0))
    with pytest.raises(CheckpointError, match="big: a stored value is beyond"):
        restore(directory, wide=wide, big=big)
    assert restore(directory, wide=wide).cast == ("wide",)
    assert wide.value.tolist() == [1.5, 2.0]


def test_arrays_stay_uncommitted_where_they_were(tmp_path: Path) -> None:
    placed = brainlite.State(jax.device_put(jnp.ones(2), jax.devices()[0]))
    free = brainlite.State(jnp.ones(2))
    directory = saved(tmp_path, placed=placed, free=free)
    restore(directory, placed=placed, free=free)
    assert (placed.value.committed, free.value.committed) == (True, False)
