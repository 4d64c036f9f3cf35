"""A run goes on in a new process as if it had not been stopped, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from brainlite.checkpoint import Checkpointer
from tests.checkpoint.training import Run

ROOT = Path(__file__).parents[2]


def program(directory: Path, steps: int) -> "subprocess.Popen[str]":
    """Start the program of `training.py`, compiled as in this process."""
    few = str(jax.config.read("jax_disable_most_optimizations"))  # type: ignore[no-untyped-call]  # of jax
    return subprocess.Popen(
        [sys.executable, "-m", "tests.checkpoint.training", str(directory), str(steps)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": few},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def losses(text: str) -> dict[int, str]:
    lines = [line.split() for line in text.splitlines()]
    return {int(line[0]): line[1] for line in lines if len(line) == 2}


def test_losses_go_on_bit_for_bit_in_a_new_process(tmp_path: Path) -> None:
    run = Run()
    expected: dict[int, str] = {}
    with Checkpointer(tmp_path) as saver:
        for step in range(1, 17):
            expected[step] = run.go()
            if step == 8:  # two of the three steps of a window
                saver.save(step, **run.items, select=...)
    going_on = program(tmp_path, 16)
    found = losses(going_on.communicate()[0])
    assert going_on.returncode == 0
    assert found == {step: loss for step, loss in expected.items() if step > 8}
    assert len(set(expected.values())) == 16


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as on POSIX")
def test_a_run_that_is_killed_ten_times_ends_with_the_same_losses(tmp_path: Path) -> None:
    run, rng = Run(), np.random.default_rng(0)
    steps = 400
    expected = {step: run.go() for step in range(1, steps + 1)}
    found: dict[int, str] = {}
    kills = 0
    for _ in range(40):
        going = program(tmp_path, steps)
        assert going.stdout is not None
        text = going.stdout.readline()  # it runs
        if kills < 10:
            time.sleep(float(rng.uniform(0.0, 0.6)))
            if going.poll() is None:
                kills += 1
            going.send_signal(signal.SIGKILL)
        text += going.communicate()[0]
        for step, loss in losses(text).items():
            assert loss == expected[step], f"step {step}, after {kills} kills"
            found[step] = loss
        if going.returncode == 0:
            break
    assert kills == 10
    assert found == expected


_SAVES = """
import sys, itertools
import jax.numpy as jnp
import brainlite
from brainlite.checkpoint import Checkpointer
big = [brainlite.State(jnp.zeros(2**20)) for _ in range(10)]
with Checkpointer(sys.argv[1], keep=2) as saver:
    found = saver.restore(big=big)
    for step in itertools.count(1 if found is None else found.step + 1):
        for state in big:
            state.value = state.value + 1
        print(step, flush=True)
        saver.save(step, big=big)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as on POSIX")
def test_a_kill_while_saving_leaves_the_last_one_whole(tmp_path: Path) -> None:
    import brainlite

    rng, last = np.random.default_rng(1), 0
    for _ in range(10):
        saving = subprocess.Popen(
            [sys.executable, "-c", _SAVES, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert saving.stdout is not None
        begun = int([saving.stdout.readline() for _ in range(3)][-1])
        time.sleep(float(rng.uniform(0, 0.3)))
        saving.send_signal(signal.SIGKILL)
        saving.communicate()
        big = [brainlite.State(np.zeros(2**20, np.float32)) for _ in range(10)]
        with Checkpointer(tmp_path) as saver:
            found = saver.restore(big=big)
        assert found is not None
        assert found.step is not None
        # It prints before it saves, and each save waits for the one before.
        assert found.step >= max(begun - 2, last)
        assert all((np.asarray(state.value) == found.step).all() for state in big)
        last = found.step
