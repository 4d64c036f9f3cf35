"""Take the pictures on the page ``looking_at_models.md``, of what its code shows.

Usage: python -m docs.images.make_pictures [FOLDER]

It needs Chromium and matplotlib, and writes model_tree_light.png, model_tree_dark.png,
model_tree_narrow.png and hidden_states.png, by default beside this file. Look at them before they
are committed.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from brainlite.display import plot_states, render_to_html
from tests.browser import CHROMIUM, Browser

SOURCE = Path(__file__).parents[1] / "looking_at_models.md"


class Picture(NamedTuple):
    """How one picture of the tree is taken."""

    name: str
    width: int  # of the page, in pixels
    dark: bool = False


PICTURES = [Picture("light", 900), Picture("dark", 900, dark=True), Picture("narrow", 390)]
PAGE = """<!doctype html><meta charset=utf-8><meta name=color-scheme content="light dark">
<style>body {{ margin: 0 }} main {{ padding: 12px; background: Canvas }}</style>
<main>{}</main>"""
DRAWN = """document.querySelector('treescope-container').shadowRoot
    .querySelector('.treescope_root')"""


def run_page() -> dict[str, Any]:
    """Run the code on the page; return its variables."""
    names: dict[str, Any] = {"__name__": SOURCE.stem}
    for block in re.findall(r"```python\n(.*?)```", SOURCE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, str(SOURCE), "exec"), names)
    return names


async def take(page: Path, folder: Path) -> list[Path]:
    """Take each picture of the tree on a page."""
    files: list[Path] = []
    for picture in PICTURES:
        with tempfile.TemporaryDirectory() as profile:
            async with Browser(Path(profile)) as browser:
                await browser.resize(picture.width)
                if picture.dark:
                    await browser.darken()
                await browser.open(page)
                await browser.wait_for(f"{DRAWN}?.getBoundingClientRect().height > 100")
                files.append(folder / f"model_tree_{picture.name}.png")
                await browser.screenshot(files[-1], "main")
    return files


def main(arguments: list[str]) -> int:
    """Write the pictures and say where they are."""
    if CHROMIUM is None:
        print("no Chromium is installed", file=sys.stderr)
        return 1
    folder = Path(arguments[0]) if arguments else Path(__file__).parent
    names = run_page()
    plot = folder / "hidden_states.png"
    plot_states(names["history"]).savefig(plot)
    with tempfile.TemporaryDirectory() as temporary:
        page = Path(temporary) / "page.html"
        page.write_text(PAGE.format(render_to_html(names["model"])), encoding="utf-8")
        files = asyncio.run(take(page, folder))
    print(plot, *files, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
