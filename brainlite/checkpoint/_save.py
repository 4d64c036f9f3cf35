"""Taking values out of objects and writing them."""

import functools
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path as File
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from brainlite.checkpoint import _orbax
from brainlite.checkpoint._codec import encode, is_number
from brainlite.checkpoint._files import make_room, publish, write_json
from brainlite.checkpoint._items import (
    GENERATOR,
    LASTING,
    Leaf,
    check_chosen,
    collect_leaves,
    methods_of,
    sort_items,
)
from brainlite.errors import CheckpointError, OptionError
from brainlite.random._face import is_key
from brainlite.typing import Filter, Path


def save(
    directory: str | File,
    /,
    *,
    step: int | None = None,
    select: Filter = LASTING,
    metadata: Any = None,
    **items: Any,
) -> None:
    """Write objects into a directory: all of them or, if that fails, nothing.

    The shared generator ``brainlite.random.DEFAULT`` always goes along. A checkpoint that is there
    already is replaced once the new one is whole. Where several processes take part, each calls
    this, with a directory that all of them see: of arrays over all of them each writes its shards,
    and of what each has for itself, the generator too, that of the first is written. Iterators are
    written by each.

    Parameters
    ----------
    directory : path
        The directory to be made.
    step : int, optional
        A number to find again in the report.
    select : Filter
        Which states to save; by default all but short-term states, as hidden states are: pass
        ``...`` to save these, too. It sees paths that begin with the name of the item.
    metadata
        Anything made of numbers, strings, bytes, arrays, lists, tuples and dicts.
    **items
        What to save, by name: modules, optimizers, metrics and other nodes; states and collections
        of them; numbers and strings; and objects that give their position with ``get_state`` or
        ``state_dict``, such as iterators over data.

    Raises
    ------
    OptionError
        An item is nothing that can be saved, or ``select`` selects nothing.
    CheckpointError
        A value cannot be stored, or something else is in the place of the directory.
    ImportError
        orbax is not installed.

    Examples
    --------
    >>> import tempfile
    >>> directory = tempfile.mkdtemp() + "/first"
    >>> model = brainlite.nn.Linear(2, 3)
    >>> brainlite.checkpoint.save(directory, model=model, loss=0.5)
    >>> report = brainlite.checkpoint.restore(directory, model=brainlite.nn.Linear(2, 3))
    >>> report.restored, report.values
    (('random.DEFAULT', 'model.weight.bias', 'model.weight.weight'), {'loss': 0.5})
    """
    start(File(directory), step, 0, select, metadata, items).wait()


class Writing:
    """A checkpoint that is being written, by a thread of its own."""

    def __init__(self, finish: Callable[[], None]) -> None:
        self._error: BaseException | None = None
        self._finish = finish
        self._thread = threading.Thread(target=self._run, name="brainlite checkpoint")
        _wait_at_exit()
        _unfinished.add(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._finish()
        except BaseException as error:  # raised where it is waited for
            self._error = error

    def wait(self) -> None:
        """Return when all is written; raise what went wrong, once."""
        self._thread.join()
        _unfinished.discard(self)
        if jax.process_count() > 1:  # the first one has put the directory in place
            multihost_utils.sync_global_devices("brainlite checkpoint")
        error, self._error = self._error, None
        if error is not None:
            raise error


_unfinished: set[Writing] = set()


@functools.cache
def _wait_at_exit() -> None:
    """See to it that a program which ends without having waited has saved.

    The threads of orbax use executors, which take nothing any more once Python ends. What is
    registered here runs before they close, unlike with atexit, if it is registered after theirs: so
    this is called, once, when orbax has been imported.
    """
    register: Callable[[Callable[[], None]], None] | None = getattr(
        threading, "_register_atexit", None
    )
    if register is not None:
        register(_finish)


def _finish() -> None:
    for writing in list(_unfinished):
        writing.wait()


def start(
    directory: File,
    step: int | None,
    order: int,
    select: Filter,
    metadata: Any,
    items: Mapping[str, Any],
) -> Writing:
    """Take the values of the items, and begin to write them."""
    directory = directory.absolute()
    versions = {name: _version(name) for name in ("brainlite", "jax", "orbax-checkpoint")}
    _orbax.check_installed()
    if step is not None and (type(step) is not int or step < 0):
        raise OptionError(
            "this is no step",
            expected="a whole number, 0 or more",
            got=f"step={step!r}",
            fix="pass int(step)",
        )
    arrays, entries, positions = _take(items, select, metadata)
    first = jax.process_index() == 0
    partial = make_room(directory) if first else directory.with_name(f".{directory.name}.partial")
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("brainlite checkpoint begins")
    write_json(partial / f"process_{jax.process_index()}.json", positions)
    if first:
        write_json(partial / "entries.json", entries)
    wait = _orbax.start_writing(partial / "arrays", arrays) if arrays else lambda: None
    header = {
        "versions": versions,
        "step": step,
        "order": order,
        "processes": jax.process_count(),
    }

    def finish() -> None:
        wait()
        if first:
            publish(partial, directory, header)

    return Writing(finish)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a source tree that is not installed
        return "unknown"


def _take(items: Mapping[str, Any], select: Filter, metadata: Any) -> tuple[Any, Any, Any]:
    """Return the arrays by number, all that is known of them, and where iterators are."""
    graphs, running, plain = sort_items(items)
    leaves, aliases = found = collect_leaves(graphs, [_is_generator, select])
    check_chosen(graphs, found, select)
    arrays: dict[str, Any] = {}
    about = {
        "entries": {name: _entry(name, leaf, arrays) for name, leaf in leaves.items()},
        "aliases": aliases,
        "values": {name: encode(value, name) for name, value in plain.items()},
        "running": list(running),
        "metadata": encode(metadata, "metadata"),
    }
    return arrays, about, {name: _position(name, item) for name, item in running.items()}


def _is_generator(path: Path, _state: Any) -> bool:
    return path == (GENERATOR,)


def _entry(name: str, leaf: Leaf, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a leaf; if it is an array with elements, number it."""
    value, kind = leaf.value, type(leaf.state).__name__
    if isinstance(value, jax.ShapeDtypeStruct):
        raise CheckpointError(
            "this has no value that could be saved",
            where=name,
            expected="a model that has been made or restored",
            got=f"{value}, of an abstract model",
            fix="save the model that it stands for",
        )
    if not isinstance(value, jax.Array):
        return {"kind": kind, "value": encode(value, name)}
    entry = {"kind": kind, "shape": list(value.shape), "dtype": str(value.dtype)}
    if is_key(value):
        value = jax.random.key_data(value)
    elif not is_number(value.dtype):
        encode(value, name)  # which raises
    if jax.process_count() > 1 and value.is_fully_addressable:
        value = np.asarray(value)  # each process has its own: the first one writes that
    if value.size:
        number = str(len(arrays))
        entry["array"], arrays[number] = number, value
    return entry


def _position(name: str, item: Any) -> Any:
    methods = methods_of(item)
    assert methods is not None
    return encode(methods[0](), f"the state of {name}")
