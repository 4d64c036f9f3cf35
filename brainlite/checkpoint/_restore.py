"""Putting stored values into objects that are there."""

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path as File
from typing import Any

import jax
import numpy as np

from brainlite.checkpoint import _orbax
from brainlite.checkpoint._entries import Contents, Stored, read_contents, read_positions
from brainlite.checkpoint._files import Header, damaged, settled_place, verify
from brainlite.checkpoint._items import (
    LASTING,
    Leaves,
    check_chosen,
    collect_leaves,
    methods_of,
    sort_items,
)
from brainlite.checkpoint._match import check_report, match
from brainlite.checkpoint._placed import Sharding, place_for, replacement_of, wanted_as
from brainlite.checkpoint._report import Report
from brainlite.errors import StateDictError
from brainlite.state._face import AnyState, overwrite
from brainlite.typing import Filter


def restore(
    directory: str | File,
    /,
    *,
    strict: bool = True,
    select: Filter = LASTING,
    sharding: Sharding | None = None,
    **items: Any,
) -> Report:
    """Write what a checkpoint holds into objects that are there: all of it or, on an error, none.

    Names, shapes and kinds are compared before any array is read, and every file with its digest.
    Each array lands where the one is that it replaces, in the same shards. What a model has beyond
    its states (sizes, modes, what is frozen) is not stored: make it as it was made.

    Parameters
    ----------
    directory : path
        What :func:`save` has written.
    strict : bool
        Whether everything that is asked for must be there, and nothing else below the items that
        are passed. Of an item that is not passed nothing is restored, which is no fault.
    select : Filter
        Which states to restore; by default all but short-term states. It sees paths that begin with
        the name of the item: ``PathContains('encoder')`` restores a part.
    sharding : callable, optional
        From the name and the value of a leaf to the sharding that it is to have; None keeps its
        own. A model of ``eval_shape`` is restored into such shards without being whole anywhere.
    **items
        The objects, under the names that they were saved with. Numbers and strings come back in
        ``report.values``.

    Returns
    -------
    Report
        What was restored, what was cast, and what was left out.

    Raises
    ------
    CheckpointError
        There is no checkpoint, it is damaged, or a value does not survive the cast.
    StateDictError
        Entries do not fit the objects: of another shape or kind, or with ``strict`` missing or not
        expected.
    OptionError
        An item is nothing that can be restored, or ``select`` selects nothing.
    ImportError
        orbax is not installed.
    FilterError
        ``select`` is no filter.
    GraphError
        Two values of the items have one name.
    TransformError
        It was called inside of a transform.

    Examples
    --------
    >>> import tempfile
    >>> from brainlite import checkpoint
    >>> directory = tempfile.mkdtemp() + "/first"
    >>> checkpoint.save(directory, step=10, model=brainlite.nn.Linear(2, 3))
    >>> checkpoint.restore(directory, model=brainlite.nn.Linear(2, 3)).step
    10
    >>> checkpoint.restore(directory, model=brainlite.nn.Linear(3, 3))
    Traceback (most recent call last):
    ...
    brainlite.errors.StateDictError: this checkpoint does not fit; nothing was restored
      expected: the entries of model
      got:      misshaped: model.weight.weight: float32[2, 3] for float32[3, 3]
      fix:      make the objects as they were made when it was saved
    """
    _orbax.check_installed()
    sorted_ = sort_items(items)
    leaves = collect_leaves(sorted_.graphs, select)
    every = collect_leaves(sorted_.graphs, ...)
    check_chosen(sorted_.graphs, leaves, select)
    directory = settled_place(File(directory).absolute())
    header = verify(directory)
    contents = read_contents(directory)
    sources, report = match(header.step, contents, sorted_, leaves, every)
    check_report(report, contents, items, strict)
    positions = _positions(directory, header, contents, sorted_.running)
    values = _read(directory, contents, leaves, sources, sharding)
    states, new = _whole(leaves, values)
    with _moved(sorted_.running, positions):
        overwrite(states, new)
    return report


def _read(
    directory: File,
    contents: Contents,
    leaves: Leaves,
    sources: Mapping[str, str],
    sharding: Sharding | None,
) -> dict[str, Any]:
    """Return the new value of each leaf that has a source."""
    places = {name: place_for(name, leaves.by_name[name].value, sharding) for name in sources}
    wanted: dict[str, _orbax.Wanted] = {}
    for name, source in sources.items():
        stored = contents.entries[source]
        if stored.number is not None:
            wanted[stored.number] = wanted_as(stored, leaves.by_name[name].value, places[name])
    numbers = [each.number for each in contents.entries.values() if each.number is not None]
    arrays = _read_arrays(directory, wanted, numbers) if wanted else {}
    values: dict[str, Any] = {}
    for name, source in sources.items():
        stored = contents.entries[source]
        found = _beside(stored) if stored.number is None else arrays[stored.number]
        values[name] = replacement_of(name, stored, found, leaves.by_name[name].value, places[name])
    return values


def _beside(stored: Stored) -> Any:
    """Return a value that is stored beside the arrays, or has no elements."""
    if stored.value is None and not isinstance(stored.dtype, str):
        return np.zeros(stored.shape, stored.dtype)
    return stored.value


def _read_arrays(
    directory: File, wanted: Mapping[str, _orbax.Wanted], numbers: list[str]
) -> dict[str, Any]:
    """Read arrays by number, and check that they are what the header says."""
    try:
        arrays = _orbax.read_arrays(directory / "arrays", wanted, numbers)
    except Exception as error:  # of orbax, whose errors are of many kinds
        raise damaged(directory, f"the arrays cannot be read: {str(error)[:300]}") from error
    for number, kind in wanted.items():
        array = arrays[number]
        if array.dtype != kind.dtype or array.shape != kind.shape:
            raise damaged(directory, f"array {number} is {array.dtype}{[*array.shape]}")
    return arrays


def _whole(leaves: Leaves, values: Mapping[str, Any]) -> tuple[list[AnyState], list[Any]]:
    """Return the states that get new leaves, and their new values."""
    new: dict[int, tuple[AnyState, list[Any]]] = {}
    for name, value in values.items():
        state, number, _ = leaves.by_name[name]
        if id(state) not in new:
            new[id(state)] = state, jax.tree.leaves(state.value)
        new[id(state)][1][number] = value
    states = [state for state, _ in new.values()]
    structures: list[Any] = [jax.tree.structure(state.value) for state in states]
    parts = [leaves for _, leaves in new.values()]
    return states, [s.unflatten(each) for s, each in zip(structures, parts, strict=True)]


def _positions(
    directory: File, header: Header, contents: Contents, running: Mapping[str, Any]
) -> dict[str, Any]:
    """Return where the iterators go on."""
    asked = [name for name in running if name in contents.running]
    if asked and header.processes != jax.process_count():
        raise StateDictError(
            "this checkpoint does not fit; nothing was restored",
            expected=f"{jax.process_count()} processes, each with the position of its own data",
            got=f"the positions of {', '.join(asked)} in {header.processes} processes",
            fix="leave out the iterators, and start the data anew",
        )
    found = read_positions(directory, jax.process_index()) if asked else {}
    if not found.keys() >= set(asked):
        raise damaged(directory, f"a position is missing: {sorted(set(asked) - found.keys())}")
    return {name: found[name] for name in asked}


@contextlib.contextmanager
def _moved(running: Mapping[str, Any], positions: Mapping[str, Any]) -> Generator[None]:
    """Move the iterators and, if anything raises, back."""
    before: list[tuple[Any, Any]] = []
    try:
        for name, position in positions.items():
            methods = methods_of(running[name])
            assert methods is not None
            take, put = methods
            before.append((put, take()))
            put(position)
        yield
    except BaseException:
        for put, position in reversed(before):
            put(position)
        raise
