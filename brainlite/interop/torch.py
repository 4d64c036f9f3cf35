"""Files that torch has written, and that torch can read: ``load`` and ``save``.

Both need torch itself, which reads its files with ``weights_only=True``: nothing in them is
executed. Without a file, and without torch, ``Module.load_torch_state_dict`` takes a state dict,
and ``Module.to_torch_state_dict`` gives one.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import jax.numpy as jnp
import numpy as np

from brainlite.errors import CheckpointError
from brainlite.interop._file import write_whole
from brainlite.nn import IncompatibleKeys, Module
from brainlite.typing import Shape

__all__ = ["load", "save"]


def load(
    path: str | File,
    model: Module,
    *,
    strict: bool = True,
    key: str | None = None,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, Shape] | None = None,
) -> IncompatibleKeys:
    """Take over the parameters in a file of ``torch.save``: all or, on an error, none.

    Parameters
    ----------
    path : path
        The file, usually ``.pt`` or ``.pth``.
    model : Module
        What to write into.
    strict, names, flattened
        As for ``Module.load_torch_state_dict``.
    key : str, optional
        Where the state dict is in a file that holds more: ``"state_dict"``, ``"model"``.

    Returns
    -------
    IncompatibleKeys
        The names that were missing, and those that were not expected.

    Raises
    ------
    CheckpointError
        There is no such file, torch refuses it, or it holds no state dict.
    StateDictError
        The entries do not fit; see ``Module.load_torch_state_dict``.
    ImportError
        torch is not installed.

    Examples
    --------
    >>> import brainlite.interop.torch
    >>> model = brainlite.nn.Linear(2, 3)
    >>> brainlite.interop.torch.load("linear.pt", model)  # doctest: +SKIP
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    """
    torch = _torch()
    if not File(path).is_file():
        raise _refused(path, "no such file", "check the path")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of torch, whose errors are of many kinds
        told = str(error).partition("\n")[0][:200]
        raise _refused(path, f"{type(error).__name__}: {told}", "save `state_dict()`") from error
    tensors = found if key is None else _inside(path, found, key)
    others = [n for n, each in _items(path, tensors) if not isinstance(each, torch.Tensor)]
    if others:
        raise _refused(
            path,
            f"a mapping with {', '.join(map(repr, others[:8]))} in it",
            f"say where it is: key={others[0]!r}",
        )
    return model.load_torch_state_dict(tensors, strict, names=names, flattened=flattened)


def _inside(path: str | File, found: Any, key: str) -> Any:
    there = dict(_items(path, found))
    if key in there:
        return there[key]
    raise _refused(path, f"a mapping of {list(there)[:8]}", "pass one of these as key")


def _items(path: str | File, found: Any) -> list[tuple[Any, Any]]:
    if isinstance(found, Mapping):
        return list(found.items())
    raise _refused(path, f"a {type(found).__name__}", "save `model.state_dict()` in torch")


def save(
    path: str | File,
    model: Module,
    *,
    names: Mapping[str, str] | None = None,
    flattened: Mapping[str, Shape] | None = None,
) -> None:
    """Write the parameters for ``model.load_state_dict(torch.load(path))`` in torch.

    The file is written beside and put in place when it is whole.

    Parameters
    ----------
    path : path
        The file, which is replaced if it is there.
    model : Module
        Whose parameters and running averages to write.
    names, flattened
        As for ``Module.to_torch_state_dict``.

    Raises
    ------
    StateDictError
        ``flattened`` is needed.
    ImportError
        torch is not installed.

    Examples
    --------
    >>> import brainlite.interop.torch
    >>> model = brainlite.nn.Linear(2, 3)
    >>> brainlite.interop.torch.save("linear.pt", model)  # doctest: +SKIP
    """
    torch = _torch()
    arrays = model.to_torch_state_dict(names=names, flattened=flattened)
    tensors = {name: _to_tensor(torch, array) for name, array in arrays.items()}
    write_whole(File(path), lambda beside: torch.save(tensors, beside))


def _to_tensor(torch: Any, array: np.ndarray[Any, Any]) -> Any:
    if array.dtype == jnp.bfloat16:  # which numpy does not have
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))


def _refused(path: str | File, got: str, fix: str) -> CheckpointError:
    return CheckpointError(
        "no state dict of torch could be read; nothing was loaded",
        where=str(path),
        expected="a file of torch.save that holds tensors by name",
        got=got,
        fix=fix,
    )


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            "files of torch need torch, which is not installed; `load_torch_state_dict` takes "
            "a dict of arrays, and brainlite.interop.safetensors.read reads one from a file"
        ) from error
