"""Files are put in place when they are whole."""

from pathlib import Path

import pytest

from brainlite.errors import CheckpointError
from brainlite.interop._file import check_file, write_whole


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, lambda beside: beside.write_text("one"))
    assert path.read_text() == "one"

    def fail(beside: Path) -> None:
        beside.write_text("half")
        assert path.read_text() == "one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail)
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_first_bytes_tell_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for start, told in ((b"\x89HDF\r\n\x1a\n", "HDF5"), (b"\x93NUMPY\x01\x00..", "numpy")):
        path.write_bytes(start + b"more")
        with pytest.raises(CheckpointError, match=told):
            check_file(path)
    path.write_bytes((0x80).to_bytes(8, "little") + b"{")  # a header of 128 bytes, and no pickle
    check_file(path)
