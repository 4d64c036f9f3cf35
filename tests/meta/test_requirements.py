"""The oldest dependencies under test are the ones that pyproject.toml promises."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_oldest_requirements_are_the_lower_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bounds = dict(requirement.split(">=") for requirement in project["dependencies"])
    oldest = (ROOT / "requirements" / "oldest.in").read_text("utf-8")
    assert dict(re.findall(r"^([\w-]+)==([\w.]+)", oldest, re.MULTILINE)) == bounds


def test_locked_files_hold_every_run_time_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for name in ("dev.lock", "oldest.lock", "newest.lock"):
        lock = (ROOT / "requirements" / name).read_text("utf-8")
        pins = re.findall(r"^([\w-]+)==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
        wanted = {item.split(">=")[0].replace("_", "-") for item in project["dependencies"]}
        assert wanted <= set(pins)


def test_the_readme_says_which_versions_are_tested() -> None:
    table = (ROOT / "README.md").read_text("utf-8").partition("What is tested:")[2]
    rows = {row.split("`")[1]: row for row in re.findall(r"^\| `.*", table, re.MULTILINE)}
    for name in ("oldest", "newest"):
        lock = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
        # Of two lines for one package, the first is for the older Python.
        pins = dict(reversed(re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE)))
        assert f"| {pins['jax']} | {pins['numpy']} |" in rows[f"make test-{name}"]
