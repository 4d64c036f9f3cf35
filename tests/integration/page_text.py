"""The reference page: its text split into code blocks and what they print, and the comparison.

The page's text has lost its indentation; prose, code and printed output follow each other line by
line. The tutorial's cells drive the split, by three rules:

- the lines of a page cell stand in the page one after the other, and the cells in their order;
- what a block prints follows its code and ends before the next heading, a line that ends in "#";
- all that is left is prose, and none of it may look like Python.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import jupytext

TOLERANCE = 2e-5

_ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]+")
_FLOAT = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*(?:e[-+]?\d+)?|e[-+]?\d+)")
_BRACKET_SPACE = re.compile(r"(?<=\[) | (?=\])")


class PageMismatchError(AssertionError):
    """The notebook's cells and the page's text don't fit together."""


@dataclass(frozen=True)
class Cell:
    """A code cell of a notebook."""

    source: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Line:
    """A line of the page, by its number in the file."""

    number: int
    text: str


@dataclass(frozen=True)
class Block:
    """A code block of the page with the lines that the page shows as its output."""

    code: tuple[Line, ...]
    output: tuple[Line, ...]


def read_cells(notebook: Path) -> list[Cell]:
    """Read the code cells of a Markdown notebook."""
    return [
        Cell(cell.source, frozenset(cell.metadata.get("tags", ())))
        for cell in jupytext.read(notebook).cells
        if cell.cell_type == "code"
    ]


def read_page(text: str) -> list[Line]:
    """Number the lines that hold something and collapse their spaces."""
    lines = (Line(number, _collapse(line)) for number, line in enumerate(text.splitlines(), 1))
    return [line for line in lines if line.text]


def split_page(page: Sequence[Line], sources: Sequence[str]) -> tuple[list[Block], list[Line]]:
    """Split the page into the blocks that the cells' sources point out, and the prose between."""
    blocks: list[Block] = []
    prose: list[Line] = []
    position = 0
    for source in sources:
        code = [_as_on_page(line) for line in source.splitlines() if line.strip()]
        start = _find_code(page, code, position)
        stop = start + len(code)
        end = next((i for i in range(stop, len(page)) if page[i].text.endswith("#")), len(page))
        prose += page[position:start]
        blocks.append(Block(code=tuple(page[start:stop]), output=tuple(page[stop:end])))
        position = end
    prose += page[position:]
    return blocks, prose


def looks_like_code(text: str) -> bool:
    """Whether a line, taken alone, can be read as Python; a page's heading is none."""
    if text.endswith("#"):
        return False
    for candidate in (text, f"{text} pass", f"{text}\n  pass", f"@{text}"):
        try:
            ast.parse(candidate)
        except SyntaxError:
            continue
        return True
    return False


def compare_output(block: Block, printed: str) -> str | None:
    """Describe the first line in which a block's output differs from the page, if there is one."""
    got_lines = [line for line in map(_collapse, printed.splitlines()) if line]
    for expected, got in zip_longest(block.output, got_lines):
        if expected is None:
            return f"{_title(block)}\n  printed after the page's last line: {got!r}"
        if got is None or not _same_line(expected.text, got):
            place = f"line {expected.number} of the page"
            return f"{_title(block)}\n  expected ({place}): {expected.text!r}\n  got: {got!r}"
    return None


def _find_code(page: Sequence[Line], code: Sequence[str], start: int) -> int:
    best, best_length = start, -1
    for position in range(start, len(page)):
        length = sum(1 for _ in _common_prefix(page[position:], code))
        if length == len(code):
            return position
        if length > best_length:
            best, best_length = position, length
    here = page[best + best_length] if best + best_length < len(page) else None
    raise PageMismatchError(
        f"a page cell's code does not stand in the page after line {start}: the cell has "
        f"{code[best_length]!r} where the page has {here!r}"
    )


def _common_prefix(lines: Sequence[Line], code: Sequence[str]) -> Iterator[str]:
    for line, text in zip(lines, code, strict=False):
        if line.text != text:
            return
        yield text


def _same_line(expected: str, got: str) -> bool:
    expected_text, expected_numbers = _take_out_numbers(expected)
    got_text, got_numbers = _take_out_numbers(got)
    return expected_text == got_text and all(
        abs(one - other) <= TOLERANCE
        for one, other in zip(expected_numbers, got_numbers, strict=True)
    )


def _take_out_numbers(line: str) -> tuple[str, list[float]]:
    line = _BRACKET_SPACE.sub("", _ADDRESS.sub("at 0x...", line))
    numbers = [float(number) for number in _FLOAT.findall(line)]
    return _FLOAT.sub("<number>", line), numbers


def _as_on_page(line: str) -> str:
    return _collapse(line).replace("brainlite", "brainstate")


def _collapse(line: str) -> str:
    return " ".join(line.split())


def _title(block: Block) -> str:
    return f"block at line {block.code[0].number} of the page, {block.code[0].text!r}:"
