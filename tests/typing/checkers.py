"""Runs mypy and pyright over the files beside, and compares what they find with their marks.

A line that both checkers must refuse ends in ``# E``, or in ``# E: `` and the rules that may say
so (``# E: arg-type reportArgumentType``; pyright's rules begin with ``report``). ``# E mypy`` and
``# E pyright`` mark a line that only that checker refuses. On all other lines nothing may be found.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = re.compile(r"# E(?: (mypy|pyright))?(?:: ([\w\- ]+))?$", re.MULTILINE)

Findings: TypeAlias = Mapping[Path, Mapping[int, set[str]]]
"""What a checker found: the rules by file and line."""


def run_mypy() -> Findings:
    """Check the files with mypy --strict, as the project's configuration has it."""
    files = [str(file) for file in [*HERE.glob("accepted/*.py"), *HERE.glob("refused/*.py")]]
    return read_mypy(_run("mypy", "--strict", "--output", "json", *files), ROOT)


def read_mypy(output: str, folder: Path) -> Findings:
    """Read what mypy printed with ``--output json``, run in a folder."""
    found = _nothing()
    for each in map(json.loads, filter(None, output.splitlines())):
        if each["severity"] == "error":
            found[folder / each["file"]][each["line"]].add(str(each["code"]))
    return found


def run_pyright() -> Findings:
    """Check the files with pyright in strict mode, as the project's configuration has it."""
    # By names on its command line pyright takes no file that the project excludes.
    return read_pyright(_run("pyright", "--outputjson", "--project", str(HERE)))


def read_pyright(output: str) -> Findings:
    """Read what pyright printed with ``--outputjson``."""
    found = _nothing()
    for each in json.loads(output)["generalDiagnostics"]:
        if each["severity"] == "error":
            line = each["range"]["start"]["line"] + 1
            found[Path(each["file"])][line].add(each.get("rule", "syntax"))
    return found


def _run(checker: str, *options: str) -> str:
    command = [sys.executable, "-m", checker, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def _nothing() -> defaultdict[Path, defaultdict[int, set[str]]]:
    return defaultdict(lambda: defaultdict(set))


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
