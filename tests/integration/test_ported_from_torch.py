"""The programs that were carried over: the tables have every line that changed, and no other."""

import difflib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ported_from_torch.md"
TEXT = PAGE.read_text("utf-8")
SECTIONS: dict[str, str] = dict(re.findall(r"## (\w+)\n(.*?)(?=\n## |\Z)", TEXT, re.DOTALL))


def block(section: str, fence: str) -> list[str]:
    [found] = re.findall(rf"```{fence}\n(.*?)```", SECTIONS[section], re.DOTALL)
    return str(found).splitlines()


def lines_of(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_table_has_every_line_that_changed(section: str) -> None:
    theirs, ours = block(section, "py"), block(section, "python")
    stay = 0
    changed: list[tuple[list[str], list[str]]] = []
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    for what, i, j, k, n in matcher.get_opcodes():
        left = [line.strip() for line in theirs[i:j] if line.strip()]
        right = [line.strip() for line in ours[k:n] if line.strip()]
        if what == "equal":
            stay += len(left)
        elif left or right:
            changed.append((left, right))
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", SECTIONS[section], re.MULTILINE)
    listed = [(lines_of(left), lines_of(right)) for left, right in rows if "in torch" not in left]
    assert listed == changed
    whole = len([line for line in theirs if line.strip()])
    assert f"{stay} of {whole} lines stay" in SECTIONS[section]


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_the_programs_run_in_torch(section: str) -> None:
    pytest.importorskip("torch")
    code = compile("\n".join(block(section, "py")), str(PAGE), "exec")
    exec(code, {"__name__": "torch_program"})
