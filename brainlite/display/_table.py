"""Tables, as text and as HTML."""

import html
from collections.abc import Sequence
from typing import Final, NamedTuple

# Colours are those of the page around, so that it is read in light and in dark mode.
_FONT: Final = "font-size:0.9em;font-family:ui-monospace,monospace"
_STYLE: Final = f"border-collapse:collapse;color:inherit;background:transparent;{_FONT}"
# Where a page is too narrow, texts break between words, and names within; numbers do not.
_NUMBER: Final = "padding:2px 10px;white-space:pre;text-align:right"
_TEXT: Final = "padding:2px 10px;white-space:pre-wrap;text-align:left"
_NAME: Final = f"{_TEXT};overflow-wrap:anywhere;min-width:9em"
_LINE: Final = ";border-bottom:1px solid rgba(128,128,128,0.6)"


class Table(NamedTuple):
    """A header, rows of texts, and lines below.

    Examples
    --------
    >>> rows = [["W", "12"], ["bias", "3"]]
    >>> print(Table(["path", "size"], rows, ["total: 15"], right=[1]).text())
    path  size
    ----------
    W       12
    bias     3
    ----------
    total: 15
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    footer: Sequence[str] = ()
    right: Sequence[int] = ()  # the columns that are numbers
    spare: Sequence[int] = ()  # the columns that may be left out, first ones first
    names: Sequence[int] = ()  # the columns of long words, which may be cut

    def text(self) -> str:
        """Return the table in columns of equal width."""
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

        def line(cells: Sequence[str]) -> str:
            padded = [
                cell.rjust(width) if n in self.right else cell.ljust(width)
                for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            return "  ".join(padded).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        footer = [rule, *self.footer] if self.footer else []
        return "\n".join([line(self.header), rule, *map(line, self.rows), *footer])

    def fitted(self, width: int, gap: int = 2) -> "Table":
        """Return the table without those spare columns for which there is no room."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        kept = list(range(len(widths)))
        for n in self.spare:
            if sum(widths[k] + gap for k in kept) - gap > width:
                kept.remove(n)
        missing = [name for n, name in enumerate(self.header) if n not in kept]
        note = [f"left out in this width: {', '.join(missing)}"] if missing else []
        return Table(
            [self.header[n] for n in kept],
            [[row[n] for n in kept] for row in self.rows],
            [*self.footer, *note],
            [new for new, n in enumerate(kept) if n in self.right],
            names=[new for new, n in enumerate(kept) if n in self.names],
        )

    def _style(self, column: int) -> str:
        return _NUMBER if column in self.right else _NAME if column in self.names else _TEXT

    def html(self) -> str:
        """Return the table for a page."""

        def line(cells: Sequence[str], tag: str, style: str) -> str:
            styles = [*map(self._style, range(len(cells)))]
            inner = "".join(
                f'<{tag} style="{own}{style}">{html.escape(cell)}</{tag}>'
                for cell, own in zip(cells, styles, strict=True)
            )
            return f"<tr>{inner}</tr>"

        head = line(self.header, "th", _LINE)
        body = "".join(line(row, "td", "") for row in self.rows)
        footer = "<br>".join(map(html.escape, self.footer))
        return (
            f'<div><table style="{_STYLE}"><thead>{head}</thead><tbody>{body}</tbody></table>'
            f'<div style="padding:4px 10px;{_FONT}">{footer}</div></div>'
        )
