"""What a checkpoint holds, read and checked, and how it fits what it is to be restored into."""

from collections.abc import Mapping
from pathlib import Path as File
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.checkpoint._codec import UNREADABLE, decode, to_dtype, to_shape
from brainlite.checkpoint._files import damaged, read_json
from brainlite.random._face import is_key
from brainlite.typing import Shape

_KEY = "key<"


class Stored(NamedTuple):
    """One entry: an array in the file, an array without elements, or a value beside them."""

    shape: Shape
    dtype: Any  # np.dtype; of keys, their name
    number: str | None
    value: Any = None

    def __str__(self) -> str:
        dtype = self.dtype if isinstance(self.dtype, str) else self.dtype.name
        return f"{dtype}{[*self.shape]}"


class Contents(NamedTuple):
    """All that ``entries.json`` says."""

    entries: dict[str, Stored]
    aliases: dict[str, str]
    values: dict[str, Any]
    running: list[str]
    metadata: Any


def read_contents(directory: File) -> Contents:
    """Read what a checkpoint holds: everything but the arrays."""
    about = read_json(directory / "entries.json")
    try:
        entries = {str(name): _to_stored(each) for name, each in about["entries"].items()}
        aliases = {str(name): str(first) for name, first in about["aliases"].items()}
        values = {str(name): decode(each) for name, each in about["values"].items()}
        running = [str(name) for name in about["running"]]
        return Contents(entries, aliases, values, running, decode(about["metadata"]))
    except (*UNREADABLE, AttributeError) as error:
        raise damaged(directory, f"entries.json: {error}") from None


def read_positions(directory: File, process: int) -> dict[str, Any]:
    """Read where the iterators of a process were."""
    positions = read_json(directory / f"process_{process}.json")
    try:
        return {str(name): decode(each) for name, each in positions.items()}
    except (*UNREADABLE, AttributeError) as error:
        raise damaged(directory, f"process_{process}.json: {error}") from None


def _to_stored(entry: Mapping[str, Any]) -> Stored:
    """Read what the header says of one value: its type, and the value itself or where it is."""
    if "value" in entry:
        value = decode(entry["value"])
        known = getattr(value, "dtype", np.dtype(str) if isinstance(value, str) else None)
        dtype = jax.dtypes.result_type(value) if known is None else known
        return Stored(np.shape(value), dtype, None, value)
    name: Any = entry["dtype"]
    keys = isinstance(name, str) and name.startswith(_KEY)
    number: Any = entry.get("array")
    if number is not None and not (isinstance(number, str) and number.isdecimal()):
        raise ValueError(f"no number of an array: {number!r}")
    return Stored(to_shape(entry["shape"]), name if keys else to_dtype(name), number)


def family_of(value: Any) -> Any:
    """Return what a value must have in common with another to take its place."""
    dtype = getattr(value, "dtype", None)
    if isinstance(dtype, str) or is_key(value):
        return str(dtype)
    if isinstance(value, str) or (isinstance(dtype, np.dtype) and dtype.kind == "U"):
        return str
    own = jax.dtypes.result_type(value) if dtype is None else dtype
    families = (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating)
    return next((each for each in families if jnp.issubdtype(own, each)), own)
