"""The wheel: its types are complete, and mistakes in a project that uses it are found."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.typing.checkers import (
    HERE,
    Findings,
    announced,
    compare,
    read_mypy,
    read_pyright,
)
from tests.typing.installed import install, run_checker

DOWNSTREAM = HERE / "downstream"
CORRECT = ("model", "train")
PROJECT = ("model.py", "train.py", "by_hand.py", "mistakes.py")


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool in ("hatchling", "mypy", "pyright"):
        pytest.importorskip(tool, reason="these are installed for development only")
    return install(tmp_path_factory.mktemp("installed"))


def test_every_public_type_is_known(interpreter: Path, tmp_path: Path) -> None:
    options = ["--verifytypes", "brainlite", "--ignoreexternal", "--outputjson"]
    report = json.loads(run_checker(interpreter, tmp_path, "pyright", *options))
    found: dict[str, Any] = report["typeCompleteness"]
    symbols = found["symbols"]
    assert len(symbols) > 700
    unknown = [s["name"] for s in symbols if s["isTypeAmbiguous"] or not s["isTypeKnown"]]
    assert unknown == []
    assert found["completenessScore"] == 1


@pytest.mark.slow
def test_mypy_finds_the_mistakes_of_a_project(interpreter: Path, tmp_path: Path) -> None:
    options = ["--strict", "--output", "json", "--cache-dir", str(tmp_path), *PROJECT]
    # The report counts the expressions with an Any in their type; making it switches the cache off.
    options += ["--any-exprs-report", str(tmp_path)]
    found = read_mypy(run_checker(interpreter, DOWNSTREAM, "mypy", *options), DOWNSTREAM)
    assert complaints("mypy", found) == []
    table = (tmp_path / "any-exprs.txt").read_text(encoding="utf-8")
    rows = [row.split() for row in table.splitlines()]
    counts = {row[0]: (int(row[1]), int(row[2])) for row in rows if row and row[0] in CORRECT}
    anys, expressions = map(sum, zip(*counts.values(), strict=True))
    assert expressions > 500
    assert anys <= 0.01 * expressions


@pytest.mark.slow
def test_pyright_finds_the_mistakes_of_a_project(interpreter: Path) -> None:
    options = ["--outputjson", "--project", "pyproject.toml"]
    found = read_pyright(run_checker(interpreter, DOWNSTREAM, "pyright", *options))
    assert complaints("pyright", found) == []


def complaints(checker: str, found: Findings) -> list[str]:
    """Compare a checker's findings with the marks; there are enough mistakes to find."""
    assert len(announced(DOWNSTREAM / "mistakes.py", checker)) >= 40
    files = [DOWNSTREAM / name for name in PROJECT]
    return [each for file in files for each in compare(file, checker, found.get(file, {}))]
