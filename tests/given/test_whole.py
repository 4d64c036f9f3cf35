from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._given._whole import whole

KINDS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
LIMITS = np.iinfo(np.int32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wide", [False, True])
def test_numbers_stay_what_they_are_and_are_wide_enough_to_be_compared(
    kind: str, wide: bool
) -> None:
    limits = np.iinfo(kind)
    numbers = np.array([limits.min, 0, 1, 100, limits.max], kind)
    with jax.enable_x64(wide):
        for given in (numbers, jnp.asarray(numbers) if wide or limits.bits <= 32 else numbers):
            found = whole(given)
            assert found.dtype in (jnp.int32, jnp.int64)
            # What is beyond the type is at its end, which is no class.
            most = np.iinfo(found.dtype)
            expected = [min(max(int(each), int(most.min)), int(most.max)) for each in numbers]
            assert found.tolist() == expected
            assert not bool((found == -100).any())


@pytest.mark.parametrize("kind", ["uint8", "uint32"])
def test_traced_numbers_too(kind: str) -> None:
    top = np.iinfo(kind).max
    found = jax.jit(lambda x: whole(x) - 1)(jnp.array([0, top], kind))
    assert found.tolist() == [-1, min(int(top), LIMITS.max) - 1]


@pytest.mark.parametrize("given", [jnp.ones(2), np.ones(2, bool), True])
def test_what_is_no_whole_number_stays(given: Any) -> None:
    assert whole(given).dtype == jnp.asarray(given).dtype


def test_numbers_and_lists_are_taken() -> None:
    assert int(whole(7)) == 7
    assert int(whole(2**40)) == LIMITS.max
