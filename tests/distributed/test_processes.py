"""Two processes on this machine, which the tests start and end, and what one of them resumes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from brainlite.distributed._processes import check_agreement
from tests.devices import ROOT, environment

# Each process of two takes about this long at most, on a machine that is busy with others.
PATIENCE = 240.0


@contextmanager
def processes(
    count: int, devices: int, *task: object, script: Path | None = None
) -> Generator[list["subprocess.Popen[str]"]]:
    """Start the processes of a run; whatever happens they are ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    variables = environment(devices)
    if count > 1:
        variables["JAX_COORDINATOR_ADDRESS"] = f"127.0.0.1:{port}"
        variables["JAX_NUM_PROCESSES"] = str(count)
    program = ["-m", "tests.distributed.process"] if script is None else [str(script)]
    command = [sys.executable, *program, *map(str, task)]
    running = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**variables, **({"JAX_PROCESS_ID": str(number)} if count > 1 else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    try:
        yield running
    finally:
        for each in running:
            if each.poll() is None:
                each.kill()
            each.communicate()


def outputs(count: int, devices: int, *task: object, script: Path | None = None) -> list[str]:
    """Return what each process of a run prints; all of them must end well."""
    with processes(count, devices, *task, script=script) as running:
        found = [each.communicate(timeout=PATIENCE) for each in running]
        for each, (out, error) in zip(running, found, strict=True):
            assert each.returncode == 0, f"{out}\n{error[-3000:]}"
        return [out for out, _ in found]


def losses(text: str) -> dict[int, float]:
    found = re.findall(r"^loss (\d+) (\S+)$", text, re.MULTILINE)
    return {int(number): float.fromhex(loss) for number, loss in found}


def test_alone_there_is_nothing_to_agree_on() -> None:
    check_agreement("the model", {"a": "float32[2]"})


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_one_resumes_what_both_have_saved(
    tmp_path: Path,
) -> None:
    [one] = outputs(1, 1, "train", tmp_path / "one", 6)
    two = outputs(2, 4, "train", tmp_path / "two", 4)
    assert losses(two[0]) == losses(two[1])
    [resumed] = outputs(1, 2, "train", tmp_path / "two", 6)
    whole = losses(one)
    assert losses(two[0]).keys() == {0, 1, 2, 3}
    assert losses(resumed).keys() == {4, 5}
    for number, loss in {**losses(two[0]), **losses(resumed)}.items():
        # Sums of 64 terms and less in single precision, over six steps of Adam.
        assert abs(loss - whole[number]) < 16 * 64 * 2**-23 * whole[number]


@pytest.mark.slow
def test_the_script_on_the_page_runs_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "how-to" / "many_machines.md").read_text("utf-8")
    script = tmp_path / "train.py"
    script.write_text(page.split("```python\n")[1].split("```")[0], "utf-8")
    monkeypatch.setenv("RUN_FOLDER", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for count, steps in ((2, 10), (1, 15), (2, 20)):
        monkeypatch.setenv("STEPS", str(steps))
        found = outputs(count, 2, script=script)
        for number, text in enumerate(found):
            assert f"step {steps}, loss " in text
            assert f"process {number} of {count}" in text
        assert len({text.split("loss ")[1][:6] for text in found}) == 1


@pytest.mark.slow
def test_what_one_does_with_a_model_one_does_in_several_processes(tmp_path: Path) -> None:
    assert all("looked" in text for text in outputs(2, 2, "look", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "message"),
    [
        (
            "size",
            r"weight.bias: .*do not agree on the model \| .*float32\[2\], as in process 0 \| "
            r".*float32\[3\] in process 1",
        ),
        ("count", r"1.weight.bias: .*nothing, as in process 0 .*float32\[2\] in process 1"),
        ("values", "weight.weight: .*do not agree on the model"),
        ("random numbers", "random.DEFAULT: .*do not agree on the random numbers.*random.seed"),
    ],
)
def test_processes_that_disagree_all_say_so(what: str, message: str, tmp_path: Path) -> None:
    first, second = outputs(2, 1, what, tmp_path)
    assert re.search(f"refused {message}", first), first
    assert "refused" in second
    assert "do not agree" in second


@pytest.mark.slow
def test_a_process_that_raises_alone_leaves_no_other_waiting_for_ever(tmp_path: Path) -> None:
    begun = time.monotonic()
    first, second = outputs(2, 1, "absent", tmp_path)
    assert "refused this process has lost its data" in second
    assert re.search("refused process 0 of 2: another process .*did not answer", first), first
    assert time.monotonic() - begun < 120  # of which gloo waits for 30 seconds


@pytest.mark.slow
def test_the_death_of_one_process_ends_the_other_and_the_last_checkpoint_is_whole(
    tmp_path: Path,
) -> None:
    with processes(2, 2, "slowly", tmp_path / "run") as running:
        first, second = running
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("loss 7 "):
                break
        assert first.poll() is None
        os.kill(second.pid, signal.SIGKILL)
        begun = time.monotonic()
        _, error = first.communicate(timeout=PATIENCE)
        assert first.returncode not in (0, None)
        # Told to `initialize(timeout=10)`; gloo notices by itself, mostly at once.
        assert time.monotonic() - begun < 10 + 60
        assert re.search("gloo|heartbeat|unavailable|Connection|task", error, re.IGNORECASE), error
    [resumed] = outputs(1, 1, "train", tmp_path / "run", 10)
    found = losses(resumed)
    assert min(found) in (6, 7, 8)
    assert max(found) == 9
