"""The library with nothing but its run-time dependencies."""

import os
import subprocess
import sys
import tomllib

from tests.integration import bare

ROOT = bare.EXAMPLE.parents[1]


def test_the_dependencies_alone_run_the_first_example_and_name_what_is_missing() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, bare.__file__],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("mean squared error: ")


def test_what_is_needed_is_what_the_project_says_and_no_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {each.split(">=")[0].replace("_", "-") for each in project["dependencies"]}
    found = bare.needed("brainlite")
    assert named < found
    assert not found & {"optax", "matplotlib", "tqdm", "rich", "ipython", "pytest"}


def test_importing_it_imports_nothing_that_jax_has_not_imported() -> None:
    listing = "; print(*{name.partition('.')[0] for name in __import__('sys').modules})"

    def modules(imported: str) -> set[str]:
        command = [sys.executable, "-c", f"import {imported}{listing}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    more = modules("brainlite") - modules("jax, jax.extend, numpy, typing_extensions")
    # treescope, too, is for the first tree that is drawn.
    assert {each for each in more if each not in sys.stdlib_module_names} == {"brainlite"}


def test_rooms_that_not_every_program_uses_come_when_they_are_asked_for() -> None:
    later = ("checkpoint", "interop", "metrics", "optim")
    script = f"""
import sys, brainlite
later = {later}
assert not [room for room in later if f"brainlite.{{room}}" in sys.modules]
assert set(later) <= set(dir(brainlite)) and set(later) <= set(brainlite.__all__)
assert brainlite.optim.Adam and "brainlite.optim" in sys.modules
from brainlite import checkpoint
assert checkpoint.save
try:
    brainlite.optimm
except AttributeError as error:
    assert "no attribute 'optimm'" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
