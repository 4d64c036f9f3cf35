"""Files of weights: told from others, and written beside until they are whole."""

import os
from collections.abc import Callable
from pathlib import Path as File

from brainlite.errors import CheckpointError

# What the first bytes of a file tell.
_OTHERS = {
    b"PK\x03\x04": "a zip archive, as torch.save and numpy.savez write it",
    b"\x80": "a pickle, as torch.save and pickle.dump write it",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a single array of numpy",
    b"GGUF": "a GGUF file",
}


def check_file(path: File) -> None:
    """Raise unless there is a file that may be one of safetensors.

    Raises
    ------
    CheckpointError
        There is none, or it is one of another kind.
    """
    if not path.is_file():
        raise unreadable(path, "a directory" if path.is_dir() else "no such file", "check the path")
    with path.open("rb") as file:
        start = file.read(9)
    other = next((told for mark, told in _OTHERS.items() if start.startswith(mark)), None)
    # In a file of safetensors the length of the header comes first, and then its first brace.
    if other is not None and start[8:] != b"{":
        raise unreadable(path, other, "for a file of torch: brainlite.interop.torch.load")


def unreadable(path: File, got: str, fix: str) -> CheckpointError:
    """Return the error of a file that cannot be read."""
    return CheckpointError(
        "this is no whole file of safetensors; nothing was loaded",
        where=str(path),
        expected="a file that safetensors has written",
        got=got,
        fix=fix,
    )


def write_whole(path: File, write: Callable[[File], object]) -> None:
    """Let ``write`` make a file beside, and put it in its place once it is on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        beside.touch()
        mode = beside.stat().st_mode  # that which the umask asks for
        write(beside)
        beside.chmod(mode)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
