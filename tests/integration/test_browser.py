"""What a notebook shows, and the page of the tutorial, looked at in a real browser."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import nbformat
import pytest

from brainlite import nn
from brainlite.display import render_to_html
from brainlite.state import HiddenState
from brainlite.transform import for_loop
from brainlite.typing import Array
from docs.run_tutorial import render_page

browser = pytest.importorskip("tests.browser", reason="tornado is not installed")

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium is installed")

LOADED = """[...document.querySelectorAll('treescope-container')].every(
    each => each.shadowRoot.querySelector('.treescope_root'))"""
TREE = "document.querySelector('treescope-container').shadowRoot"
SHOWN = f"{TREE}.querySelector('.treescope_root').innerText"


class Model(nn.Module):
    def __init__(self) -> None:
        self.cell = nn.LSTMCell(2, 3)
        self.readout = nn.Linear(3, 1)
        self.tied = self.readout
        self.context = HiddenState[Any](None)

    def update(self, x: Array) -> Array:
        return self.readout(for_loop(self.cell, x))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a model, its arrays and its summary."""
    model = nn.init_all_states(Model())
    parts = [
        render_to_html(model),
        render_to_html(model.readout, arrays=True),
        nn.summary(model, jnp.ones((5, 2)))._repr_html_(),  # pyright: ignore[reportPrivateUsage]  # as a notebook does
    ]
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(f"<!doctype html><body>{'<hr>'.join(parts)}</body>", encoding="utf-8")
    return file


def look(page: Path, folder: Path, script: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Open the page, wait for what it draws, and run a script there."""

    async def run() -> Any:
        async with browser.Browser(folder / "profile") as shown:
            await shown.open(page)
            try:
                await shown.wait_for(LOADED)
            except TimeoutError:  # now and then the browser draws nothing the first time
                await shown.open(page)
                await shown.wait_for(LOADED)
            found = await script(shown)
            assert shown.complaints == []
            return found

    return asyncio.run(run())


def test_the_page_shows_the_model_and_complains_of_nothing(page: Path, tmp_path: Path) -> None:
    async def script(shown: Any) -> tuple[str, str]:
        return await shown.run(SHOWN), await shown.run("document.body.innerText")

    tree, whole = look(page, tmp_path, script)
    for text in ("Model(", "cell=", "LSTMCell(", "# 76 parameters, 328 B", "# not set yet"):
        assert text in tree
    assert "flops of one call" in whole


def test_the_page_of_the_tutorial_complains_of_nothing(tmp_path: Path) -> None:
    tutorials = Path(__file__).parents[2] / "docs" / "tutorials"
    notebook: Any = nbformat.read(tutorials / "recurrent_networks.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    file = tmp_path / "tutorial.html"
    file.write_text(render_page(notebook, tutorials, tmp_path), encoding="utf-8")

    async def script(shown: Any) -> list[Any]:
        loaded = "performance.getEntriesByType('resource').map(each => each.name)"
        pictures = "[...document.images].filter(each => each.naturalWidth).length"
        return [await shown.run(each) for each in (loaded, pictures, "document.body.innerText")]

    loaded, pictures, text = look(file, tmp_path, script)
    assert [name for name in loaded if name.startswith("http")] == []
    assert pictures == len(notebook.cells) - len([c for c in notebook.cells if not plots(c)])
    assert "Recurrent" in text


def plots(cell: Any) -> bool:
    """Say whether a cell shows a plot."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def test_a_tree_is_dark_on_a_dark_page(tmp_path: Path) -> None:
    file = tmp_path / "dark.html"
    filtered = "getComputedStyle(document.querySelector('treescope-container')).filter"
    tree = render_to_html(nn.Linear(2, 3))
    file.write_text(f"<!doctype html><body data-jp-theme-light=false>{tree}", encoding="utf-8")

    async def script(shown: Any) -> str:
        found: str = await shown.run(filtered)
        return found

    assert look(file, tmp_path, script).startswith("invert(0.93)")


def test_a_click_folds_and_unfolds(page: Path, tmp_path: Path) -> None:
    height = f"{TREE}.querySelector('.treescope_root').getBoundingClientRect().height"
    toggle = f"{TREE}.querySelector('.foldable_node_toggle').click()"

    async def script(shown: Any) -> list[float]:
        heights = [await shown.run(height)]
        for _ in range(2):
            await shown.run(toggle)
            heights.append(await shown.run(height))
        return heights

    opened, folded, again = look(page, tmp_path, script)
    assert folded < opened / 5
    assert again == opened


def test_a_button_copies_the_path(page: Path, tmp_path: Path) -> None:
    async def script(shown: Any) -> list[str]:
        # The clipboard is not to be had without a window: what would be copied is.
        await shown.run(
            "navigator.clipboard.writeText = text => { window.copied = text; "
            "return Promise.resolve(); }"
        )
        buttons = f"[...{TREE}.querySelectorAll('.copybutton')]"
        texts: list[str] = await shown.run(
            f"{buttons}.map(each => {{ each.click(); return window.copied; }})"
        )
        return texts

    copied = look(page, tmp_path, script)
    assert {".cell", ".cell.W.weight", ".readout", ".context"} <= {
        text.removeprefix("(").partition("lambda root: root")[2].removesuffix(")") or text
        for text in copied
    }, copied
