"""The one file that knows orbax: arrays under short names, into a directory and back.

Its v1 interface is still moving; what is asked of it here is little: to write a flat dict, and to
read some entries of it, each as an array of numpy or in shards.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any, NamedTuple

import jax
import numpy as np

from brainlite._jax_compat import shape_struct
from brainlite.typing import Shape


def _v1() -> Any:
    try:
        return importlib.import_module("orbax.checkpoint").v1
    except ImportError as error:
        raise ImportError(
            "checkpoints need orbax, which is not installed: pip install brainlite[checkpoint]"
        ) from error


def check_installed() -> None:
    """Raise where orbax is not installed, before anything is touched."""
    _v1()


def start_writing(directory: File, arrays: Mapping[str, Any]) -> Callable[[], None]:
    """Begin to write arrays into a new directory, and return what waits for the end.

    When this returns, the values have been taken: the arrays may be donated or deleted.
    """
    response = _v1().save_async(directory, dict(arrays))
    return lambda: response.result()


class Wanted(NamedTuple):
    """An array as it is to be read: in shards or, without a sharding, on the host."""

    shape: Shape
    dtype: Any
    sharding: jax.sharding.Sharding | None


def read_arrays(directory: File, wanted: Mapping[str, Wanted], names: list[str]) -> dict[str, Any]:
    """Read some of the arrays under ``names``: those in ``wanted``."""
    v1 = _v1()
    tree: dict[str, Any] = {
        name: _abstract(*wanted[name]) if name in wanted else v1.PLACEHOLDER for name in names
    }
    with warnings.catch_warnings():
        # Of arrays of numpy it says that they have no sharding.
        warnings.filterwarnings("ignore", "Sharding info not provided")
        found: dict[str, Any] = v1.load(directory, tree)
    return {name: found[name] for name in wanted}


def _abstract(shape: Shape, dtype: Any, sharding: jax.sharding.Sharding | None) -> Any:
    # As an array of jax its shape is checked before there is memory for it. Some dtypes jax lacks,
    # and several processes share no array that is on one of them.
    lacking = jax.dtypes.canonicalize_dtype(dtype) != dtype or jax.process_count() > 1
    if sharding is None and lacking:
        return np.empty((), dtype)
    return shape_struct(shape, dtype, _host() if sharding is None else sharding)


def _host() -> jax.sharding.Sharding:
    try:
        device = jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # jax was told to use other platforms only
        device = jax.local_devices()[0]
    return jax.sharding.SingleDeviceSharding(device)
