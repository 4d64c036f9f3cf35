"""Directories that hold no checkpoint, or a damaged one: an error of our own, and nothing else."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainlite.checkpoint import Checkpointer, restore
from brainlite.checkpoint._files import HEADER, publish, seal_of
from brainlite.errors import BrainliteError, CheckpointError
from tests.checkpoint.parts import Counter, Net, copied, saved, values


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("whole"), step=3, model=Net(3), data=Counter(5), n=1)


def refuses(directory: Path, match: str) -> None:
    """Check that a restore raises, and leaves everything as it was."""
    model, data = Net(0), Counter()
    before = values(model)
    with pytest.raises(CheckpointError, match=match):
        restore(directory, model=model, data=data)
    assert values(model) == before
    assert data.at == 0


def test_a_directory_without_a_checkpoint(tmp_path: Path) -> None:
    refuses(tmp_path / "none", r"no checkpoint here[\s\S]*no such directory")
    refuses(tmp_path, r"no checkpoint here[\s\S]*a directory without checkpoint.json")
    (tmp_path / "model.pt").write_bytes(b"PK")
    refuses(tmp_path / "model.pt", r"no checkpoint here[\s\S]*a file")
    with Checkpointer(tmp_path / "run") as saver:
        saver.save(3, n=1)
    refuses(tmp_path / "run", r"checkpoints of the steps \[3\][\s\S]*run/3")
    refuses(tmp_path / "run" / "3" / "arrays", r"a checkpoint of orbax alone")


@pytest.mark.parametrize(
    "name", [HEADER, "entries.json", "process_0.json", "arrays/state/_METADATA"]
)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data + b"\n",
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    ],
    ids=["cut", "empty", "longer", "flipped"],
)
def test_a_file_that_is_not_what_was_written(
    whole: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    copy = copied(whole)
    path = copy / name
    path.write_bytes(damage(path.read_bytes()))
    if name == HEADER and path.read_bytes().endswith(b"\n"):
        return  # JSON may end in a line break
    refuses(copy, r"this checkpoint is damaged" if path.stat().st_size else "damaged|no checkpoint")


def test_a_file_that_is_missing_moved_or_foreign(whole: Path) -> None:
    copy = copied(whole)
    (copy / "entries.json").unlink()
    refuses(copy, r"files are missing: \['entries.json'\]")
    copy = copied(whole)
    (copy / "arrays" / "state" / "extra").write_text("x")
    refuses(copy, r"do not belong to it: \['arrays/state/extra'\]")
    copy = copied(whole)
    (copy / "README").write_text("notes beside are no fault")
    restore(copy, model=Net(0), data=Counter())


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_not_followed(whole: Path, tmp_path: Path) -> None:
    copy = copied(whole)
    (tmp_path / "entries.json").write_bytes((copy / "entries.json").read_bytes())
    (copy / "entries.json").unlink()
    (copy / "entries.json").symlink_to(tmp_path / "entries.json")
    refuses(copy, r"these are links.*entries.json")
    copy = copied(whole)
    (copy / "arrays").rename(tmp_path / "arrays")
    (copy / "arrays").symlink_to(tmp_path / "arrays")
    refuses(copy, r"these are links.*arrays")


def test_a_later_format_names_its_version(whole: Path) -> None:
    copy = copied(whole)
    reseal(copy, format=2, versions={"brainlite": "9.0"})
    refuses(copy, r"written by a later version[\s\S]*format 2, of {'brainlite': '9.0'}")


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "other"},
        {"format": "1"},
        {"step": "3"},
        {"step": -1},
        {"order": None},
        {"processes": 1.5},
        {"files": []},
        {"files": {"../../etc/passwd": [1, ""]}},
        {"files": {"entries.json": 3}},
        {"versions": None},
    ],
    ids=str,
)
def test_a_header_that_was_made_up(whole: Path, header: dict[str, Any]) -> None:
    copy = copied(whole)
    reseal(copy, **header)
    refuses(copy, "damaged")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("entries.json", lambda about: about.pop("entries")),
        ("entries.json", lambda about: about.update(entries=[])),
        ("entries.json", lambda about: about["entries"]["model.second.weight.bias"].pop("shape")),
        ("entries.json", lambda about: about["entries"].update(x={"value": {"pickle": "x"}})),
        ("entries.json", lambda about: entry(about).update(array="../../../etc/passwd")),
        ("entries.json", lambda about: entry(about).update(array="999")),
        ("entries.json", lambda about: entry(about).update(array="1")),
        ("entries.json", lambda about: about.update(values={"n": {"float": "x"}})),
        ("entries.json", lambda about: about.update(running=3)),
        ("process_0.json", lambda about: about.clear()),
        ("process_0.json", lambda about: about.update(data={"x": 1})),
    ],
)
def test_contents_that_were_made_up(
    whole: Path, name: str, change: Callable[[dict[str, Any]], object]
) -> None:
    copy = copied(whole)
    about = json.loads((copy / name).read_text())
    change(about)
    (copy / name).write_text(json.dumps(about))
    reseal(copy)
    refuses(copy, "damaged")


def entry(about: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = about["entries"]["model.second.weight.weight"]
    return found


def test_json_that_is_nested_without_end(whole: Path) -> None:
    copy = copied(whole)
    (copy / "entries.json").write_text("[" * 200_000)
    reseal(copy)
    refuses(copy, "entries.json cannot be read")


def reseal(directory: Path, **fields: Any) -> None:
    """Give a damaged checkpoint a header that fits, as whoever means harm would."""
    path = directory / HEADER
    old = json.loads(path.read_text())["body"]
    path.unlink()
    body = {name: old[name] for name in ("versions", "step", "order", "processes")} | fields
    fresh = directory.with_name("fresh")
    publish(directory, fresh, body)
    if "files" in fields:  # `publish` has put the true ones there
        sealed = {**json.loads((fresh / HEADER).read_text())["body"], **fields}
        (fresh / HEADER).write_text(json.dumps({"seal": seal_of(sealed), "body": sealed}))
    fresh.rename(directory)


def damage(rng: np.random.Generator, directory: Path) -> bool:
    """Change a file somewhere: flip a bit, cut, turn a part round, or put noise in.

    Returns whether it has other bytes now.
    """
    files = sorted(p for p in directory.rglob("*") if p.is_file() and p.stat().st_size)
    path = files[rng.integers(len(files))]
    before = path.read_bytes()
    data = bytearray(before)
    at, end = sorted(rng.integers(0, len(data), 2))
    kind = rng.integers(4)
    if kind == 0:
        data[at] ^= 1 << rng.integers(8)
    elif kind == 1:
        del data[at : end + 1]
    elif kind == 2:
        data[at : end + 1] = data[at : end + 1][::-1]
    else:
        data[at : end + 1] = rng.bytes(end + 1 - at)
    path.write_bytes(data)
    return bytes(data) != before


@pytest.mark.filterwarnings("ignore:coroutine")  # which orbax leaves behind when it fails
@pytest.mark.parametrize(
    "count", [pytest.param(12, id="quick"), pytest.param(500, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("sealed", [False, True])
def test_damage_ends_in_an_error_of_our_own(whole: Path, count: int, sealed: bool) -> None:
    """With digests that do not fit, always; sealed anew, what is still a checkpoint may be read."""
    rng = np.random.default_rng(0)
    model = Net(0)
    before = values(model)
    raised = 0
    for _ in range(count):
        copy = copied(whole)
        changed = damage(rng, copy)
        if sealed:
            try:
                reseal(copy)
            except (ValueError, KeyError, TypeError):  # the header itself is none any more
                continue
        data = Counter()
        try:
            restore(copy, model=model, data=data)
        except BrainliteError:
            raised += 1
            assert values(model) == before
            assert data.at == 0
        else:
            assert sealed or not changed
            model = Net(0)
    assert raised > count // 4
