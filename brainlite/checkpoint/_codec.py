"""Plain values as JSON and back, exactly: what is stored beside the arrays.

JSON alone has neither tuples nor bytes nor NaN, and turns the keys of a dict into strings. Nothing
that is read can name a class or a function: whatever is no value of these kinds is refused.
"""

import base64
import binascii
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.errors import CheckpointError
from brainlite.typing import Shape


def encode(value: Any, where: str) -> Any:
    """Return a value as what JSON can hold.

    Raises
    ------
    CheckpointError
        It is, or holds, something of another kind.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": value.hex()}
    if type(value) is complex:
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if type(value) is bytes:
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if type(value) in (list, tuple):
        parts = [encode(part, f"{where}[{number}]") for number, part in enumerate(value)]
        return parts if type(value) is list else {"tuple": parts}
    if type(value) is dict:
        pairs = [[encode(k, where), encode(v, f"{where}[{k!r}]")] for k, v in value.items()]
        return {"dict": pairs}
    return _encode_array(value, where)


def _encode_array(value: Any, where: str) -> Any:
    """Return an array or a numpy number as JSON: its dtype, its shape and its bytes."""
    known = isinstance(value, np.generic | np.ndarray | jax.Array)
    if not known or isinstance(value, Tracer) or not is_number(value.dtype):
        raise CheckpointError(
            "this value cannot be stored",
            where=where,
            expected="numbers, strings, bytes, arrays, and lists, tuples and dicts of these",
            got=f"{type(value).__name__} {value!r}"[:120],
            fix="leave it out, or store what it is made from",
        )
    array = np.asarray(value)
    data = base64.b64encode(array.tobytes()).decode("ascii")
    kind = "number" if isinstance(value, np.generic) else "array"
    return {kind: [array.dtype.name, list(array.shape), data]}


def decode(stored: Any) -> Any:
    """Return the value that ``encode`` was given. Arrays come back as those of numpy.

    Raises
    ------
    ValueError, TypeError, KeyError
        It is nothing that ``encode`` returns.
    """
    if stored is None or type(stored) in (bool, int, str):
        return stored
    if type(stored) is list:
        return [decode(part) for part in stored]
    if type(stored) is not dict or len(stored) != 1:
        raise ValueError(f"not a stored value: {type(stored).__name__}")
    [(kind, content)] = stored.items()
    return _DECODERS[kind](content)


def _decode_array(content: Any) -> np.ndarray[Any, Any]:
    name, shape, data = content
    dtype, sizes = to_dtype(name), to_shape(shape)
    raw = base64.b64decode(data, validate=True)
    if len(raw) != math.prod(sizes) * dtype.itemsize:
        raise ValueError("an array of the wrong size")
    return np.frombuffer(raw, dtype).reshape(sizes).copy()


def _decode_complex(content: Any) -> complex:
    real, imaginary = content
    return complex(float.fromhex(real), float.fromhex(imaginary))


_DECODERS: dict[str, Any] = {
    "float": float.fromhex,
    "complex": _decode_complex,
    "bytes": lambda content: base64.b64decode(content, validate=True),
    "tuple": lambda content: tuple(decode(part) for part in list(content)),
    "dict": lambda content: {decode(key): decode(value) for key, value in content},
    "array": _decode_array,
    "number": lambda content: _decode_array(content)[()],
}

# What reading something that is no stored value can raise; binascii.Error is a ValueError.
UNREADABLE = (ValueError, TypeError, KeyError, RecursionError, OverflowError, binascii.Error)


def is_number(dtype: Any) -> bool:
    """Say whether arrays of a dtype are plain bytes: no objects, no keys, no texts."""
    return bool(jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_))


def to_dtype(name: Any) -> Any:
    """Return the dtype of numbers that has this name, exactly."""
    dtype = jnp.dtype(name) if isinstance(name, str) else None
    if dtype is None or dtype.name != name or not is_number(dtype):
        raise ValueError(f"no dtype of numbers: {name!r}")
    return dtype


def to_shape(stored: Any) -> Shape:
    """Return a stored shape as a tuple of sizes."""
    if type(stored) is list and all(type(size) is int and size >= 0 for size in stored):
        return tuple(stored)
    raise ValueError(f"no shape: {stored!r}")
