"""What is released is whole, and the workflows that release it call what there is."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.meta.test_docs import project_files

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def unknown_targets(workflow: str, makefile: str) -> list[str]:
    """Return what a workflow calls by make, and no target is."""
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    lines = re.findall(r"\bmake ([^\n]*)", re.sub(r"\$\{\{.*?\}\}", "", workflow))
    called = [word for line in lines for word in line.split() if "=" not in word]
    called += re.findall(r"target: ([\w-]+)", workflow)  # a variable of the matrix
    return [word for word in called if word not in targets]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=[file.stem for file in WORKFLOWS])
def test_workflows_call_what_there_is(workflow: Path) -> None:
    text, makefile = workflow.read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    scripts = re.findall(r"run: (\.ci/\w+)", text)
    assert unknown_targets(text, makefile) == []
    assert scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_a_target_that_there_is_not_is_noticed() -> None:
    workflow = "matrix:\n  - { target: test-old }\nrun: make test docs ${{ x }} PYTHON=python\n"
    assert unknown_targets(workflow, "test: lint\n\nlint:\n") == ["docs", "test-old"]


def test_the_oldest_the_locked_and_the_newest_dependencies_are_tested_there() -> None:
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    assert "run: .ci/run" in text  # the locked ones
    assert re.findall(r"target: ([\w-]+)", text) == ["test-oldest", "test-newest"]
    assert "make test-pythons" in text


def test_each_python_that_is_promised_is_tried() -> None:
    classifiers = [
        each.rpartition(" :: ")[2] for each in PROJECT["classifiers"] if "Python ::" in each
    ]
    promised = [version for version in classifiers if "." in version]
    assert PROJECT["requires-python"] == f">={promised[0]}"
    versions = re.findall(r"versions=\(([\d. ]+)\)", (ROOT / ".ci" / "pythons").read_text("utf-8"))
    assert set(promised) <= set(versions[0].split())


def test_the_metadata_are_complete() -> None:
    wanted = ["authors", "classifiers", "dependencies", "description", "keywords", "license"]
    assert all(PROJECT.get(name) for name in [*wanted, "readme", "requires-python"])
    assert all((ROOT / name).is_file() for name in [PROJECT["readme"], *PROJECT["license-files"]])
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"license: {PROJECT['license']}\n" in citation
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \S+ \((\d{4}-\d\d-\d\d)\)", changes, re.MULTILINE)
    assert f"date-released: {released[0]}\n" in citation


@pytest.mark.slow
def test_the_sdist_holds_the_project_and_the_wheel_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel], [sdist] = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    ours = {file.relative_to(ROOT).as_posix() for file in project_files()}
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert ours - packed == set()
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == {name for name in ours if name.startswith("brainlite/")}
