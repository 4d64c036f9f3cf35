"""Tables in a terminal: by ``rich``, where it is installed."""

import importlib
import sys
from typing import Any, Final

from brainlite.display._table import Table

_NUMBERS: Final = {"justify": "right", "no_wrap": True}
_TEXTS: Final = {"overflow": "fold"}  # on more than one line if need be


def rich_table(table: Table, width: int) -> Any:
    """Return a table as one of rich, for a terminal of so many columns.

    Raises
    ------
    ImportError
        rich is not installed.
    """
    try:
        rich: Any = importlib.import_module("rich.table")
    except ImportError as error:
        raise ImportError(
            "rich is not installed: pip install brainlite[terminal], or print the text, "
            "`repr(table)`"
        ) from error
    text: Any = importlib.import_module("rich.text").Text  # a str would be read for its brackets
    box: Any = importlib.import_module("rich.box").SIMPLE_HEAD
    table = table.fitted(width - 1)  # rich keeps one column free
    drawn: Any = rich.Table(box=box, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, name in enumerate(table.header):
        style = "bold cyan" if number == 0 else None
        options = _NUMBERS if number in table.right else _TEXTS
        drawn.add_column(text(name), style=style, **options)
    for row in table.rows:
        drawn.add_row(*map(text, row))
    if table.footer:
        drawn.caption = text("\n".join(table.footer), style="dim")
        drawn.caption_justify = "left"
    return drawn


def terminal_text(table: Table) -> str:
    """Return a table as it is printed: coloured and fitted where stdout is a terminal."""
    if not sys.stdout.isatty():
        return table.text()
    try:
        console: Any = importlib.import_module("rich.console").Console()
    except ImportError:
        return table.text()
    drawn = rich_table(table, console.width)
    with console.capture() as captured:
        console.print(drawn)
    text: str = captured.get()
    return text.rstrip("\n")
