"""Weights in one file, as Hugging Face's safetensors has them: ``save``, ``load``, ``read``.

>>> import tempfile
>>> from brainlite.interop import safetensors
>>> path = tempfile.mkdtemp() + "/model.safetensors"
>>> safetensors.save(path, brainlite.nn.Linear(2, 3))
>>> safetensors.load(path, brainlite.nn.Linear(2, 3))
IncompatibleKeys(missing_keys=[], unexpected_keys=[])
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from brainlite._given import as_numpy
from brainlite.errors import CheckpointError, OptionError
from brainlite.graph import Node
from brainlite.interop._file import check_file, unreadable, write_whole
from brainlite.nn import IncompatibleKeys
from brainlite.nn._face import entries_of, load_entries
from brainlite.typing import ArrayLike

__all__ = ["load", "metadata", "read", "save"]

_ALIASES = "brainlite.aliases"
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


def save(
    path: str | File,
    model: Node | Mapping[str, ArrayLike],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write what ``model.state_dict()`` has into one file: parameters and running averages.

    A tied state is written once; its other names are noted in the header. The file is written
    beside and put in place when it is whole. Of several processes the first writes it.

    Parameters
    ----------
    path : path
        The file, which is replaced if it is there.
    model : module, or mapping of str to array
        A mapping is written as it is: ``model.to_torch_state_dict()`` for a file with torch's names
        and layouts.
    metadata : mapping of str to str, optional
        What else to note in the header; see :func:`metadata`.

    Raises
    ------
    CheckpointError
        An array is of a type that the format does not have.
    OptionError
        The metadata are no texts.
    ImportError
        safetensors is not installed.
    GraphError
        Two arrays of the model have one name, by keys with dots.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> save(path, brainlite.nn.Linear(2, 3), metadata={"epoch": "7"})
    >>> {name: array.shape for name, array in sorted(read(path).items())}
    {'weight.bias': (3,), 'weight.weight': (2, 3)}
    """
    _library()
    noted: dict[Any, Any] = {} if metadata is None else dict(metadata)
    if not all(isinstance(text, str) for text in (*noted, *noted.values())):
        raise OptionError(
            "metadata of safetensors are texts",
            where=str(path),
            expected="a mapping from str to str",
            got=repr(noted)[:120],
            fix="write numbers as texts: json.dumps(...)",
        )
    arrays, aliases = _arrays(model)
    if aliases:
        noted[_ALIASES] = json.dumps(aliases)
    if jax.process_index() == 0:
        writer = importlib.import_module("safetensors.numpy")
        header = {"format": "np", **noted}  # as others mark whose arrays these are
        write_whole(File(path), lambda beside: writer.save_file(arrays, beside, header))


def _arrays(
    model: Node | Mapping[str, Any],
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    """Return the arrays by their first names, and the other names of those that are tied."""
    if not isinstance(model, Node):
        return {name: _whole(name, value) for name, value in model.items()}, {}
    first: dict[tuple[int, int], str] = {}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    aliases: dict[str, str] = {}
    for name, (state, number, leaf) in entries_of(model).items():
        known = first.setdefault((id(state), number), name)
        if known != name:
            aliases[name] = known
        else:
            arrays[name] = _whole(name, leaf)
    return arrays, aliases


def _whole(name: str, value: Any) -> np.ndarray[Any, Any]:
    """Return an array on the host, in C order: safetensors writes the bytes as they lie."""
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        value = multihost_utils.process_allgather(value, tiled=True)
    kind = getattr(value, "dtype", None)
    keys = kind is not None and jnp.issubdtype(kind, jax.dtypes.extended)
    array = None if keys or isinstance(value, str | jax.ShapeDtypeStruct) else as_numpy(value)
    if array is None or array.dtype.name not in _DTYPES.values():
        raise CheckpointError(
            "a file of safetensors cannot hold this",
            where=name,
            expected=f"one of {', '.join(_DTYPES.values())}",
            got=f"{type(value).__name__} of {kind}",
            fix="cast it, or save it with brainlite.checkpoint",
        )
    return np.ascontiguousarray(array).reshape(array.shape)


def load(
    path: str | File, model: Node, *, strict: bool = True, prefix: str = ""
) -> IncompatibleKeys:
    """Write the arrays of a file into a model, by the names of its ``state_dict``.

    All are written or, on an error, none. Each lands where the one is that it replaces, in the same
    shards, of which each device reads its own part.

    Parameters
    ----------
    path : path
        A file as :func:`save` writes it. For one with torch's names:
        ``model.load_torch_state_dict(read(path))``.
    model : module
        What to write into, perhaps an abstract one of ``eval_shape``.
    strict : bool
        Whether every array must be there, and no other.
    prefix : str
        What stands before the names in the file; entries without it are left alone.

    Returns
    -------
    IncompatibleKeys
        The names that were missing, and those that were not expected.

    Raises
    ------
    CheckpointError
        There is no such file, or it is cut, damaged, or one of another kind.
    StateDictError
        The arrays do not fit; see ``Module.load_state_dict``.
    ImportError
        safetensors is not installed.
    GraphError
        Two arrays of the model have one name, by keys with dots.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> trained, fresh = brainlite.nn.Linear(2, 3), brainlite.nn.Linear(2, 3)
    >>> save(path, trained)
    >>> load(path, fresh)
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    >>> bool((fresh(jnp.ones(2)) == trained(jnp.ones(2))).all())
    True
    """
    found = read(path, prefix)
    entries = entries_of(model)
    for alias, name in _aliases(path, prefix).items():
        if alias in entries and name in found:
            found.setdefault(alias, found[name])
    return load_entries(model, entries, found, strict)


def read(path: str | File, prefix: str = "") -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays in a file by name; their bytes are read when they are used.

    Parameters
    ----------
    path : path
        Any file of safetensors.
    prefix : str
        Only the arrays whose names begin with it, under the rest of their names.

    Returns
    -------
    dict of str to array
        Views of the file, which is mapped into memory.

    Raises
    ------
    CheckpointError, ImportError
        As for :func:`load`.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/arrays.safetensors"
    >>> save(path, {"a.x": jnp.arange(3), "a.y": jnp.ones((2, 2), "bfloat16")})
    >>> {name: (array.dtype.name, array.shape) for name, array in read(path, "a.").items()}
    {'x': ('int32', (3,)), 'y': ('bfloat16', (2, 2))}
    """
    header, start = _header(File(path))
    size = File(path).stat().st_size
    data = (
        np.memmap(path, np.uint8, "r", start, (size - start,))
        if size > start
        else np.empty(0, np.uint8)
    )
    return {
        name.removeprefix(prefix): _view(File(path), name, about, data)
        for name, about in header.items()
        if name.startswith(prefix) and name != "__metadata__"
    }


def metadata(path: str | File) -> dict[str, str]:
    """Return what was noted in the header of a file.

    Parameters
    ----------
    path : path
        Any file of safetensors; of its arrays nothing is read.

    Returns
    -------
    dict of str to str
        The notes, but for those of :func:`save` itself about tied arrays.

    Raises
    ------
    CheckpointError, ImportError
        As for :func:`load`.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/model.safetensors"
    >>> save(path, brainlite.nn.Linear(2, 3), metadata={"epoch": "7"})
    >>> sorted(metadata(path).items())
    [('epoch', '7'), ('format', 'np')]
    """
    header, _ = _header(File(path))
    noted: dict[str, str] = header.get("__metadata__") or {}
    return {name: text for name, text in noted.items() if name != _ALIASES}


def _aliases(path: str | File, prefix: str) -> dict[str, str]:
    """Return the other names of arrays that were tied; what is no such note is none."""
    header, _ = _header(File(path))
    try:
        noted = json.loads((header.get("__metadata__") or {}).get(_ALIASES, "{}"))
    except (ValueError, RecursionError):
        noted = {}
    pairs = noted.items() if isinstance(noted, dict) else ()
    return {
        alias.removeprefix(prefix): name.removeprefix(prefix)
        for alias, name in pairs
        if isinstance(name, str) and alias.startswith(prefix) and name.startswith(prefix)
    }


def _header(path: File) -> tuple[dict[str, Any], int]:
    """Return the header of a file, which safetensors has found whole, and where the data begin."""
    library = _library()
    check_file(path)
    try:
        with library.safe_open(path, framework="numpy"):
            pass  # its sizes, offsets and types have been checked
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(length))
    except (library.SafetensorError, OSError, ValueError, RecursionError) as error:
        raise unreadable(path, str(error)[:300], "copy it again from where it is whole") from None
    return header, 8 + length


def _view(path: File, name: str, about: Any, data: Any) -> np.ndarray[Any, Any]:
    dtype = _DTYPES.get(about["dtype"])
    if dtype is None:
        raise unreadable(path, f"{name} of type {about['dtype']}", "convert it to another type")
    begin, end = about["data_offsets"]
    part: np.ndarray[Any, Any] = data[begin:end].view(np.ndarray).view(jnp.dtype(dtype))
    return part.reshape(about["shape"])


def _library() -> Any:
    try:
        return importlib.import_module("safetensors")
    except ImportError as error:
        raise ImportError(
            "files of safetensors need the package, which is not installed: "
            "pip install brainlite[safetensors]"
        ) from error
