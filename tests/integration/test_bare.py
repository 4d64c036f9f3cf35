"""The library with nothing but its run-time dependencies."""

import os
import subprocess
import sys
import tomllib

import brainlite
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


ROOMS = (
    *("_given", "_jax_compat", "display", "environ", "errors"),
    *("graph", "random", "state", "transform", "typing"),
)
LATER = ("checkpoint", "distributed", "interop", "metrics", "nn", "optim", "surrogate", "util")


def _imported(script: str) -> set[str]:
    """Return the files of the library that a program has imported when it ends."""
    script += "; print(*(each for each in __import__('sys').modules if each[:9] == 'brainlite'))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {each.removeprefix("brainlite").removeprefix(".") for each in done.stdout.split()}


def test_rooms_that_not_every_program_uses_come_when_they_are_asked_for() -> None:
    found = _imported("import brainlite")
    assert {each.partition(".")[0] for each in found} == {"", *ROOMS}
    assert {*ROOMS, *LATER} <= set(brainlite.__all__) | {"_given", "_jax_compat"}
    assert "optim" in _imported("import brainlite; brainlite.optim.Adam")
    assert "checkpoint._save" in _imported("from brainlite import checkpoint")


def test_a_layer_comes_without_those_that_it_does_not_need() -> None:
    found = _imported("from brainlite import nn; nn.Linear; nn.Sequential")
    assert {"nn._layers.linear", "nn._modules.sequential", "nn.init"} <= found
    rooms = {each.split(".")[1] for each in found if each.startswith("nn.")}
    assert not rooms & {"_attention", "_data", "_dynamics", "_looking", "_recurrent"}
    more = _imported("from brainlite import nn; nn.Linear; nn.LSTM") - found
    assert "nn._recurrent.torch_rnn" in more
    assert not {each for each in more if "_dynamics" in each or "_attention" in each}
