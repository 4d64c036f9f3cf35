"""The directory of a checkpoint: written beside, sealed, and put in its place in one step.

A checkpoint is a directory with

- ``checkpoint.json``: the format, the versions, the step, and the size and SHA-256 of every other
  file. It is written last, and holds a digest of itself.
- ``entries.json``: what each array is, the plain values, and the metadata.
- ``process_<n>.json``: where the iterators of that process were.
- ``arrays``: the arrays, as orbax writes them, under numbers.

All of it grows in a hidden directory beside, which a rename puts in place. So whoever is killed
leaves what was there before. Reading begins with the digests: what was changed since is noticed
before anything looks into it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, NamedTuple

from brainlite.checkpoint._codec import UNREADABLE
from brainlite.errors import CheckpointError

FORMAT = 1
HEADER = "checkpoint.json"
_KIND = "brainlite checkpoint"
_LARGEST_HEADER = 2**24


class Header(NamedTuple):
    """What ``checkpoint.json`` says."""

    format: int
    versions: dict[str, str]
    step: int | None
    order: int  # among the checkpoints of a Checkpointer
    processes: int
    files: dict[str, list[Any]]  # size and digest


def _beside(directory: File, what: str) -> File:
    return directory.with_name(f".{directory.name}.{what}")


def settled_place(directory: File) -> File:
    """Return where a checkpoint is: a replacement of it may have been cut short."""
    replaced = _beside(directory, "replaced")
    return replaced if not directory.exists() and replaced.exists() else directory


def make_room(directory: File) -> File:
    """Return a new directory, beside, in which a checkpoint can grow.

    Raises
    ------
    CheckpointError
        There is something in its place that is no checkpoint.
    """
    settled = settled_place(directory)
    if settled.exists() and not (settled / HEADER).is_file():
        raise CheckpointError(
            "there is something else in the place of the checkpoint",
            where=str(directory),
            expected="no such directory, or a checkpoint, which is replaced",
            got="a file" if settled.is_file() else f"a directory without {HEADER}",
            fix="choose another name",
        )
    if settled != directory:
        settled.rename(directory)
    partial = _beside(directory, "partial")
    for leftover in (partial, _beside(directory, "replaced")):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def publish(partial: File, directory: File, header: dict[str, Any]) -> None:
    """Seal what has grown in ``partial``, and put it in place."""
    files = {name: [path.stat().st_size, _digest(path, sync=True)] for name, path in _walk(partial)}
    body = {"kind": _KIND, "format": FORMAT, **header, "files": files}
    write_json(partial / HEADER, {"seal": seal_of(body), "body": body})
    for folder in (*{path.parent for _, path in _walk(partial)}, partial):
        _sync_folder(folder)
    replaced = _beside(directory, "replaced")
    if directory.exists():
        directory.rename(replaced)
    partial.rename(directory)
    _sync_folder(directory.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def remove(directory: File) -> None:
    """Remove a checkpoint: first its name, so that none is found that is half gone."""
    doomed = _beside(directory, "removed")
    shutil.rmtree(doomed, ignore_errors=True)
    directory.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def write_json(path: File, content: Any) -> None:
    """Write a file of JSON, to the disk."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())


def read_json(path: File) -> Any:
    """Read a file of JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (*UNREADABLE, OSError) as error:
        raise damaged(path, f"{path.name} cannot be read: {error}") from None


def read_header(directory: File) -> Header:
    """Read and check what a checkpoint says of itself, its other files unseen.

    Raises
    ------
    CheckpointError
        There is no checkpoint, or its header is damaged or of a later format.
    """
    path = directory / HEADER
    if not path.is_file() or path.is_symlink():
        raise _nothing(directory)
    if path.stat().st_size > _LARGEST_HEADER:
        raise damaged(directory, f"{HEADER} is too large")
    content = read_json(path)
    body: Any = content.get("body") if isinstance(content, dict) else None
    if not isinstance(body, dict) or content.get("seal") != seal_of(body):
        raise damaged(directory, f"{HEADER} is not what was written")
    if body.get("kind") != _KIND or not isinstance(body.get("format"), int):
        raise damaged(directory, f"{HEADER} is that of something else")
    if body["format"] > FORMAT:
        raise CheckpointError(
            "this checkpoint was written by a later version",
            where=str(directory),
            expected=f"format {FORMAT} or less",
            got=f"format {body['format']}, of {body.get('versions')}",
            fix="install that version of brainlite, or a later one",
        )
    fields: Any = [body.get(field) for field in Header._fields]
    if not _are_whole(*fields):
        raise damaged(directory, f"{HEADER} has fields of the wrong kind")
    return Header(*fields)


def _are_whole(
    number: Any, versions: Any, step: Any, order: Any, processes: Any, files: Any
) -> bool:
    counts = (number, order, processes, 0 if step is None else step)
    return (
        all(type(count) is int and count >= 0 for count in counts)
        and isinstance(versions, dict)
        and isinstance(files, dict)
        and all(isinstance(each, list) and len(each) == 2 for each in files.values())
    )


def verify(directory: File) -> Header:
    """Check that every file is as it was written, and return the header.

    Names in the header open no file: they are compared with those of the files that are there.

    Raises
    ------
    CheckpointError
        There is no checkpoint, or a file is missing, new, longer, shorter or changed.
    """
    header = read_header(directory)
    there = {name: path for name, path in _walk(directory) if name != HEADER}
    linked = sorted(name for name, path in there.items() if path.is_symlink())
    if linked:
        raise damaged(directory, f"these are links, which a checkpoint has none of: {linked[:8]}")
    missing = sorted(header.files.keys() - there.keys())
    if missing:
        raise damaged(directory, f"these files are missing: {missing[:8]}")
    foreign = sorted(name for name in there.keys() - header.files.keys() if "/" in name)
    if foreign:
        raise damaged(directory, f"these files do not belong to it: {foreign[:8]}")
    for name, (size, digest) in header.files.items():
        found = there[name].stat().st_size
        if found != size:
            raise damaged(directory, f"{name} has {found} bytes, where {size} were written")
        if _digest(there[name]) != digest:
            raise damaged(directory, f"{name} is not what was written")
    return header


def _walk(directory: File) -> Iterator[tuple[str, File]]:
    """Yield (name, path) of the files below, and of links to folders, which are not followed."""
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(directory).as_posix(), path


def _digest(path: File, *, sync: bool = False) -> str:
    with path.open("rb") as file:
        if sync:  # a rename must not come to the disk before what it names
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_of(body: Any) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _sync_folder(folder: File) -> None:
    if os.name == "nt":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def damaged(directory: File, what: str) -> CheckpointError:
    """Return the error of a checkpoint that is not what was written."""
    return CheckpointError(
        "this checkpoint is damaged; nothing was restored",
        where=str(directory),
        expected="the files that were written",
        got=what,
        fix="restore another step, or copy it again from where it is whole",
    )


def _nothing(directory: File) -> CheckpointError:
    """Return the error for a directory without a checkpoint, with what it seems to be instead."""
    try:
        inside = [path.name for path in directory.iterdir()]
    except OSError:
        inside = []
    steps = sorted(int(name) for name in inside if name.isdecimal())
    if not directory.exists():
        got, fix = "no such directory", "check the path, or save one first"
    elif directory.is_file():
        got, fix = "a file", "for a file of weights: brainlite.interop.safetensors.load"
    elif steps:
        got = f"a directory with checkpoints of the steps {steps[-8:]}"
        fix = f"restore {str(directory / str(steps[-1]))!r}, or use a Checkpointer"
    elif "_CHECKPOINT_METADATA" in inside:
        got, fix = "a checkpoint of orbax alone", "read it with orbax.checkpoint"
    else:
        got, fix = f"a directory without {HEADER}", "check the path, or save one first"
    return CheckpointError(
        "there is no checkpoint here; nothing was restored",
        where=str(directory),
        expected="a directory that brainlite.checkpoint.save has written",
        got=got,
        fix=fix,
    )
