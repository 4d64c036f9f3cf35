"""Checkpoints of a run, by step."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.checkpoint import Checkpointer
from brainlite.errors import CheckpointError, OptionError

ROOT = Path(__file__).parents[2]


def test_the_last_are_kept_and_found(tmp_path: Path) -> None:
    count = brainlite.State(jnp.array(0))
    with Checkpointer(tmp_path / "run", keep=2, every=5) as saver:
        assert saver.restore(count=count) is None
        for step in range(1, 23):
            count.value = count.value + 1
            assert saver.save(step, count=count) is (step % 5 == 0)
        assert saver.save(22, force=True, wait=True, count=count)
        assert saver.steps == [20, 22]
        assert [path.name for path in sorted((tmp_path / "run").iterdir())] == ["20", "22"]
    fresh = brainlite.State(jnp.array(0))
    with Checkpointer(tmp_path / "run") as saver:
        found = saver.restore(count=fresh)
        assert found is not None
        assert (found.step, int(fresh.value)) == (22, 22)
        found = saver.restore(20, count=fresh)
        assert found is not None
        assert (found.step, int(fresh.value)) == (20, 20)
        with pytest.raises(CheckpointError, match=r"no checkpoint of this step.*\s.*\[20, 22\]"):
            saver.restore(21, count=fresh)


def test_a_run_that_goes_back_is_the_last_one(tmp_path: Path) -> None:
    """A lower step that was written later is newer, and is not the first to be removed."""
    with Checkpointer(tmp_path, keep=3) as saver:
        for step in (100, 200, 300):
            saver.save(step, n=step)
        saver.save(10, n=10, wait=True)
        assert saver.steps == [10, 200, 300]
        found = saver.restore()
        assert found is not None
        assert found.step == 10
        saver.save(200, n=-200, wait=True)  # replaced, and now the newest
        saver.save(20, n=20, wait=True)
        assert saver.steps == [10, 20, 200]
        again = saver.restore(200)
        assert again is not None
        assert again.values == {"n": -200}


def test_what_goes_wrong_in_the_thread_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    with Checkpointer(tmp_path) as saver:
        saver.save(1, n=1, wait=True)
        with monkeypatch.context() as patch:
            patch.setattr("brainlite.checkpoint._orbax.start_writing", lambda *_: fail)
            assert saver.save(2, n=2)
        with pytest.raises(OSError, match="the disk is full"):
            saver.save(3, n=3)
        assert saver.steps == [1]
        saver.wait()  # told once
        assert saver.save(3, n=3, wait=True)
        assert saver.steps == [1, 3]


def test_what_a_killed_writer_left_is_no_checkpoint(tmp_path: Path) -> None:
    with Checkpointer(tmp_path, keep=5) as saver:
        for step in (1, 2, 3):
            saver.save(step, n=step, wait=True)
    # Killed while it wrote; between the two renames of a replacement; while it removed.
    shutil.copytree(tmp_path / "3", tmp_path / ".4.partial")
    (tmp_path / "2").rename(tmp_path / ".2.replaced")
    (tmp_path / "1").rename(tmp_path / ".1.removed")
    with Checkpointer(tmp_path, keep=5) as saver:
        assert saver.steps == [2, 3]
        found = saver.restore(2)
        assert found is not None
        assert found.values == {"n": 2}
        saver.save(2, n=22, wait=True)
        saver.save(4, n=4, wait=True)
        assert saver.steps == [2, 3, 4]
        found = saver.restore(2)
        assert found is not None
        assert found.values == {"n": 22}
    assert not list(tmp_path.glob(".[24]*"))


@pytest.mark.parametrize("option", ["keep", "every"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_options_are_whole_numbers(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"{option}: a whole number, 1 or more"):
        Checkpointer(tmp_path, **{option: value})


def test_one_checkpoint_is_not_taken_for_a_run_that_has_none(tmp_path: Path) -> None:
    model = brainlite.nn.Linear(2, 2)
    brainlite.checkpoint.save(tmp_path / "one", model=model)
    saver = Checkpointer(tmp_path / "one")
    for look in (
        lambda: saver.restore(model=model),
        lambda: saver.save(1, model=model),
        lambda: saver.steps,
    ):
        with pytest.raises(CheckpointError, match=r"one checkpoint.*[\s\S]*checkpoint\.restore"):
            look()


def test_a_reader_makes_and_removes_nothing(tmp_path: Path) -> None:
    with Checkpointer(tmp_path / "none") as saver:
        assert saver.steps == []
        assert saver.restore() is None
        assert repr(saver) == f"Checkpointer('{tmp_path / 'none'}', keep=None, every=1)"
    assert not list(tmp_path.iterdir())


_ENDS = """
import sys
import jax.numpy as jnp
import brainlite
from brainlite.checkpoint import Checkpointer

state = brainlite.State(jnp.ones(2**20))
saver = Checkpointer(sys.argv[1])
saver.save(1, state=state)
saver.save(2, state=state)
sys.exit(3)
"""


def test_a_program_that_ends_without_having_waited_has_saved(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _ENDS, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stderr) == (3, "")
    assert Checkpointer(tmp_path).steps == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


_TWO = """
import sys
import jax
jax.config.update("jax_cpu_collectives_implementation", "gloo")
process = int(sys.argv[2])
jax.distributed.initialize(f"localhost:{sys.argv[3]}", 2, process)
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
import brainlite
from brainlite.checkpoint import Checkpointer
from tests.checkpoint.parts import Counter

place = NamedSharding(jax.make_mesh((4,), ("x",)), PartitionSpec("x"))

def make(times):
    whole = np.arange(8, dtype=np.float32) * times
    return brainlite.State(jax.make_array_from_callback((8,), place, lambda rows: whole[rows]))

cut, own, data = make(1), brainlite.State(process), Counter(process + 10)
with Checkpointer(sys.argv[1], keep=2) as saver:
    for step in (1, 2, 3):
        saver.save(step, cut=cut, own=own, data=data)
    saver.wait()
    cut, fresh = make(0), Counter()
    found = saver.restore(cut=cut, own=own, data=fresh)
    parts = [np.asarray(part.data).tolist() for part in cut.value.addressable_shards]
    print(found.step, saver.steps, parts, own.value, fresh.at)
"""


@pytest.mark.slow
def test_two_processes_save_and_restore_their_shards_and_their_places(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    options = "--xla_force_host_platform_device_count=2"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _TWO, str(tmp_path), number, port],
            env={**os.environ, "XLA_FLAGS": options, "JAX_PLATFORMS": "cpu"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in "01"
    ]
    texts = [each.communicate(timeout=120)[0].splitlines()[-1] for each in both]
    assert texts == [
        "3 [2, 3] [[0.0, 1.0], [2.0, 3.0]] 0 10",
        "3 [2, 3] [[4.0, 5.0], [6.0, 7.0]] 0 11",
    ]
