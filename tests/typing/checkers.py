"""Runs mypy and pyright over files, and compares what they find with what the files announce.

A line that both checkers must refuse ends in ``# E``, or in ``# E: `` and the rules that may say
so (``# E: arg-type reportArgumentType``; pyright's rules begin with ``report``). ``# E mypy`` and
``# E pyright`` mark a line that only that checker refuses. On all other lines nothing may be found.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parents[2]
MARK = re.compile(r"# E(?: (mypy|pyright))?(?:: ([\w\- ]+))?$", re.MULTILINE)

Findings: TypeAlias = Mapping[Path, Mapping[int, set[str]]]
"""What a checker found: the rules by file and line."""


def run_mypy(files: Iterable[Path]) -> Findings:
    """Check files with mypy --strict, as the project's configuration has it."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: defaultdict[Path, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for each in map(json.loads, done.stdout.splitlines()):
        if each["severity"] == "error":
            found[ROOT / each["file"]][each["line"]].add(str(each["code"]))
    return found


def run_pyright(files: Iterable[Path]) -> Findings:
    """Check files with pyright in strict mode, as the project's configuration has it."""
    command = [sys.executable, "-m", "pyright", "--outputjson", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    found: defaultdict[Path, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for each in report["generalDiagnostics"]:
        if each["severity"] == "error":
            line = each["range"]["start"]["line"] + 1
            found[Path(each["file"])][line].add(each.get("rule", "syntax"))
    return found


def announced(file: Path, checker: str) -> dict[int, set[str]]:
    """Read which lines of a file a checker must refuse, and by which rules; none for any."""
    marks: dict[int, set[str]] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        mark = MARK.search(line)
        if mark and mark[1] in (None, checker):
            rules = (mark[2] or "").split()
            marks[number] = {r for r in rules if r.startswith("report") == (checker == "pyright")}
    return marks


def compare(file: Path, checker: str, found: Mapping[int, set[str]]) -> list[str]:
    """List the lines where a checker and the file disagree, one complaint each."""
    wanted = announced(file, checker)
    complaints: list[str] = []
    for line in sorted({*wanted, *found}):
        where = f"{file.name}:{line}"
        rules = ", ".join(sorted(found.get(line, ()))) or "nothing"
        if line not in wanted:
            complaints.append(f"{where}: {checker} found {rules} in correct code")
        elif line not in found:
            complaints.append(f"{where}: {checker} accepted a mistake")
        elif wanted[line] and not wanted[line] & found[line]:
            complaints.append(f"{where}: {checker} found {rules} instead")
    return complaints
