"""Tables in a terminal."""

import io
import sys

import pytest

from brainlite.display._table import Table
from brainlite.display._terminal import rich_table, terminal_text

pytest.importorskip("rich", reason="rich is not installed")

TABLE = Table(
    ["path", "input", "size"],
    [["encoder.0", "float32[batch,3]", "12"], ["out", "", "3"]],
    ["total: 15"],
    right=[2],
    spare=[1],
)


class Terminal(io.StringIO):
    """Stands for a terminal."""

    def isatty(self) -> bool:
        return True


def in_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 60) -> str:
    """Return the table as a terminal of so many columns gets it."""
    for name, value in [("TERM", "xterm-256color"), ("COLUMNS", str(columns))]:
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        return terminal_text(TABLE)


def test_a_file_gets_plain_text() -> None:
    assert terminal_text(TABLE) == TABLE.text()


def test_a_terminal_gets_colours_and_the_same_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    text = in_terminal(monkeypatch)
    assert "\x1b[1m" in text
    for cell in [*TABLE.header, *TABLE.rows[0], "total: 15"]:
        assert cell in text, "a bracket is no markup"
    assert not text.endswith("\n")


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    in_terminal(monkeypatch)
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert in_terminal(monkeypatch) == TABLE.text()
    with pytest.raises(ImportError, match=r"pip install brainlite\[terminal\]"):
        rich_table(TABLE, 80)


def test_a_narrow_terminal_gets_fewer_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    text = in_terminal(monkeypatch, 20)
    assert "float32" not in text
    assert "left out in" in text


def test_columns_are_left_out_until_the_rest_fits() -> None:
    widest = len(TABLE.text().split("\n")[1])
    assert TABLE.fitted(widest).text() == TABLE.text()
    narrow = TABLE.fitted(widest - 1)
    assert (narrow.header, narrow.right) == (["path", "size"], [1])
    assert narrow.footer == ["total: 15", "left out in this width: input"]
    assert TABLE.fitted(1).header == ["path", "size"], "the others are never left out"
