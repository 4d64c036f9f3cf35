"""The wheel: its types are complete, and in a project that uses it mypy finds every mistake."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.typing.checkers import HERE, announced, compare, read_mypy
from tests.typing.installed import install, run_checker

DOWNSTREAM = HERE / "downstream"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="without hatchling there is no wheel to look at")
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
def test_a_project_is_checked_against_the_wheel(interpreter: Path, tmp_path: Path) -> None:
    # The report counts the expressions whose type has no Any in it, for mypy.
    options = ["--any-exprs-report", str(tmp_path), "--cache-dir", str(tmp_path)]
    files = [str(file) for file in sorted(DOWNSTREAM.glob("*.py"))]
    output = run_checker(
        interpreter, DOWNSTREAM, "mypy", "--strict", "--output", "json", *options, *files
    )
    found = read_mypy(output, DOWNSTREAM)
    for name in ("model.py", "train.py", "mistakes.py"):
        assert compare(DOWNSTREAM / name, "mypy", found[DOWNSTREAM / name]) == []
    assert len(announced(DOWNSTREAM / "mistakes.py", "mypy")) >= 40
    table = (tmp_path / "any-exprs.txt").read_text(encoding="utf-8")
    counts = {row[0]: row[1:3] for row in map(str.split, table.splitlines()) if len(row) == 4}
    anys, expressions = (
        sum(int(counts[name][column]) for name in ("model", "train")) for column in (0, 1)
    )
    assert expressions > 500
    assert anys <= 0.01 * expressions
