"""Break the engine, one guard at a time: each time a test must fail (``make mutate``).

``python -m tests.meta.mutate [WORD ...]`` tries the mutations whose names hold one of the words,
or all of them. The tree is copied first, so nothing here is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.meta import (
    mutations_of_dynamics,
    mutations_of_guards,
    mutations_of_states,
    mutations_of_transforms,
)
from tests.meta.mutation import Mutation

ROOT = Path(__file__).parents[2]
MUTATIONS = [
    *mutations_of_states.MUTATIONS,
    *mutations_of_transforms.MUTATIONS,
    *mutations_of_guards.MUTATIONS,
    *mutations_of_dynamics.MUTATIONS,
]
LIMIT = 600.0  # seconds for the tests of one mutation: the lost guard may be that of an end
GREEN, RED = 0, 1  # exit statuses of pytest; all others say that the tests did not run


def copy_tree(folder: Path) -> None:
    """Copy what the tests need."""
    ignore = shutil.ignore_patterns("__pycache__", ".*", "_build")
    for name in ("brainlite", "tests", "examples", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("conftest.py", "pyproject.toml", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)


def run_tests(
    folder: Path, tests: Sequence[str], limit: float = LIMIT
) -> subprocess.CompletedProcess[str] | None:
    """Run pytest; return None if it had not ended in time."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    # Two files of one length may be written in one second: compiled ones could be mistaken.
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=settings,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def outcome(folder: Path, mutation: Mutation, limit: float = LIMIT) -> str:
    """Apply a mutation to a copy of the tree, run its tests, and take it back."""
    file = folder / mutation.file
    text = file.read_text("utf-8")
    if text.count(mutation.old) != 1:
        return "out of date"
    file.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    try:
        done = run_tests(folder, mutation.tests, limit)
    finally:
        file.write_text(text, "utf-8")
    if done is None:
        return "killed (the tests did not end)"
    status = done.returncode
    return {GREEN: "survived", RED: "killed"}.get(status, f"broken (pytest ended with {status})")


def main(words: Sequence[str]) -> int:
    """Try the chosen mutations; return how many are not killed; 1 if nothing could be tried."""
    chosen = [each for each in MUTATIONS if not words or any(word in each.name for word in words)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        tests = list(dict.fromkeys(test for each in chosen for test in each.tests))
        whole = run_tests(folder, tests, 10 * LIMIT)
        if not chosen or whole is None or whole.returncode != GREEN:
            print("the tests fail as they are:", whole and whole.stdout[-2000:])
            return 1
        alive = 0
        for mutation in chosen:
            start = time.perf_counter()
            what = outcome(folder, mutation)
            alive += not what.startswith("killed")
            seconds = time.perf_counter() - start
            print(f"{what:10} {seconds:4.0f} s  {mutation.file}: {mutation.name}", flush=True)
    print(f"{len(chosen) - alive} of {len(chosen)} mutations were killed")
    return alive


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
