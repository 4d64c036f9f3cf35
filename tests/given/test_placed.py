"""Arrays in the place of others."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._given import beyond, place_of, placed_like


@pytest.mark.parametrize(
    ("values", "one", "two", "count"),
    [
        ([0, 127, 128, -129], "int64", "int8", 2),
        ([-1, 0], "int32", "uint32", 1),
        ([2**32 - 1], "uint32", "int32", 1),
        ([1.0, 1e5, math.inf, math.nan], "float32", "float16", 1),
        ([1e-30], "float32", "float16", 0),
        ([3.4e38], "float32", "bfloat16", 1),
        ([1e300 + 1j], "complex128", "complex64", 1),
        ([2**24 + 1], "int32", "int32", 0),
        ([], "int64", "int8", 0),
    ],
)
def test_values_that_another_dtype_cannot_hold(
    values: list[Any], one: str, two: str, count: int
) -> None:
    assert beyond(np.array(values, one), jnp.dtype(two)) == count


def test_an_array_is_put_where_the_one_is_that_it_replaces() -> None:
    here = jax.device_put(jnp.zeros(2, "bfloat16"), jax.devices()[0])
    free = jnp.zeros(2)
    assert (place_of(here), place_of(free), place_of(3.0)) == (here.sharding, None, None)
    source = np.array([1.0, 2.0])
    for leaf in (here, free):
        for array in (source, jnp.asarray(source.copy())):
            found = placed_like(array, leaf)
            assert (found.dtype, found.committed) == (leaf.dtype, leaf.committed)
            assert found.tolist() == [1, 2]
    copies = [placed_like(source, leaf) for leaf in (here.astype("float32"), free)]
    source[:] = 7
    assert [copy.tolist() for copy in copies] == [[1, 2], [1, 2]]
