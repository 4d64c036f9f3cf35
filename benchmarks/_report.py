"""Printing rows: as a table for people, or as JSON for the run of all benchmarks."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from benchmarks._measure import Row

__all__ = ["main", "parse", "to_markdown"]

_COLUMNS = (
    "question",
    "case",
    "what",
    "time",
    "reference",
    "its time",
    "ratio",
    "fastest",
    "pairs",
    "goal",
)


def main(measure: Callable[[], Sequence[Row]]) -> None:
    """Run one benchmark and print its rows; with ``--json``, for another program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rows = measure()
    text = json.dumps([asdict(row) for row in rows]) if arguments.json else to_markdown(rows)
    sys.stdout.write(f"{text}\n")


def parse(text: str) -> list[Row]:
    """Return the rows that a benchmark has printed as JSON."""
    return [
        Row(**{**fields, "quartiles": tuple(fields["quartiles"])}) for fields in json.loads(text)
    ]


def to_markdown(rows: Iterable[Row]) -> str:
    """Return a Markdown table; a question is named in its first row only."""
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    before: tuple[str, str] = ("", "")
    for row in rows:
        here = (row.question, row.case)
        question = "" if row.question == before[0] else row.question
        case = "" if here == before else row.case
        lines.append(_line([question, case, *_figures(row)]))
        before = here
    return "\n".join(lines)


def _figures(row: Row) -> list[str]:
    low, high = row.quartiles
    return [
        row.subject,
        format_seconds(row.seconds),
        row.reference,
        format_seconds(row.reference_seconds),
        f"**{row.ratio:.2f}** ({low:.2f} to {high:.2f})",
        f"{row.fastest:.2f}",
        str(row.pairs),
        _goal(row),
    ]


def _goal(row: Row) -> str:
    goals = []
    if row.goal_ratio is not None:
        goals.append(f"ratio {row.goal_ratio:g}")
    if row.goal_seconds is not None:
        goals.append(f"time {format_seconds(row.goal_seconds)}")
    return f"{', '.join(goals)}: {'missed' if row.missed else 'met'}" if goals else ""


def format_seconds(seconds: float) -> str:
    """Return a time with three digits and a fitting unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
