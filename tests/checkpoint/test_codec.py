"""Plain values as JSON and back."""

import json
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.checkpoint._codec import UNREADABLE, decode, encode, to_dtype, to_shape
from brainlite.errors import CheckpointError

VALUES: list[Any] = [
    None,
    True,
    -(2**80),
    0.1,
    -0.0,
    math.inf,
    1 + 2j,
    "ä\x00\ud83d",
    b"\x00\xff",
    [1, [2.5]],
    (1, (), "a"),
    {"a": 1, 2: (3,), (4, 5): None},
    np.float64(0.1),
    np.int8(-3),
    np.arange(6, dtype="int16").reshape(2, 3),
    np.zeros((0, 3), "float32"),
    np.array([1.5, math.nan]),
]


def same(one: Any, two: Any) -> Any:
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    return type(one) is type(two) and one == two


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    found = decode(json.loads(json.dumps(encode(value, "x"), allow_nan=False)))
    assert same(found, value)
    assert type(found) is type(value)
    if isinstance(value, float):
        assert math.copysign(1, found) == math.copysign(1, value)


def test_arrays_of_jax_and_small_dtypes_come_back_as_numpy() -> None:
    found = decode(encode(jnp.array([1, 2], "bfloat16"), "x"))
    assert type(found) is np.ndarray
    assert (found.dtype, found.tolist()) == (jnp.bfloat16, [1, 2])
    assert math.isnan(decode(encode(math.nan, "x")))


@pytest.mark.parametrize("value", [{1, 2}, object(), np.array([object()]), np.datetime64("now")])
def test_what_is_no_plain_value_is_named(value: Any) -> None:
    with pytest.raises(CheckpointError, match=r"x\[0\]\['k'\]: this value cannot be stored"):
        encode([{"k": value}], "x")


@pytest.mark.parametrize(
    "stored",
    [
        1.5,
        {},
        {"float": "0x1p0", "more": 1},
        {"pickle": "gASVAAAA"},
        {"float": "x"},
        {"bytes": "?"},
        {"complex": ["0x1p0"]},
        {"dict": [[{"dict": []}, 1]]},
        {"array": ["float32", [2], "AAAA"]},
        {"array": ["object", [0], ""]},
        {"array": ["float32", [-1], ""]},
        {"array": ["float32", [2**62, 2**62], "AAAA"]},
        {"array": ["f4", [1], "AAAAAA=="]},
    ],
    ids=repr,
)
def test_anything_else_is_not_read(stored: Any) -> None:
    with pytest.raises(UNREADABLE):  # whatever it is: its caller names the file
        decode(stored)


def test_only_numbers_have_a_dtype_and_only_sizes_a_shape() -> None:
    assert to_dtype("int4") == jnp.int4
    for name in ("O", "object", "str", "datetime64[s]", "float", 3, None, "key<fry>"):
        with pytest.raises((ValueError, TypeError), match=r"dtype|understood"):
            to_dtype(name)
    assert to_shape([0, 3]) == (0, 3)
    for shape in ([1.0], [True], [-1], (1,), 3, None):
        with pytest.raises(ValueError, match="no shape"):
            to_shape(shape)
