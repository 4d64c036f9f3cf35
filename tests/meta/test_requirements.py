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
    for name in ("dev.lock", "oldest.lock"):
        lock = (ROOT / "requirements" / name).read_text("utf-8")
        pins = re.findall(r"^([\w-]+)==.*\\\n    --hash=sha256:", lock, re.MULTILINE)
        wanted = {item.split(">=")[0].replace("_", "-") for item in project["dependencies"]}
        assert wanted <= set(pins)
