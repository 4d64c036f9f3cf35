"""`make docs`: the site has every public name, needs nobody else's server, and can be searched."""

import asyncio
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import unquote

import jax.numpy as jnp
import pytest

from brainlite import nn
from docs.reference import (
    comment_of,
    homes,
    names_of,
    public_modules,
    readable,
    signature_of,
    write_reference,
)
from tests.browser import CHROMIUM, Browser

ROOT = Path(__file__).parents[2]
FROM_ELSEWHERE = re.compile(
    r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    strict = ["--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *strict, "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_public_name_is_on_a_page(site: Path) -> None:
    lines = (site / "objects.inv").read_bytes().split(b"\n", 4)
    listed = {line.split()[0] for line in zlib.decompress(lines[4]).decode().splitlines()}
    public = {name.full for module in public_modules() for name in names_of(module)}
    assert len(public) > 500
    assert public - listed == set()


@pytest.mark.slow
def test_no_page_asks_another_server(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    asks = {page.name: FROM_ELSEWHERE.findall(page.read_text("utf-8")) for page in pages}
    assert {name: found for name, found in asks.items() if found} == {}


def bare_formulas(page: str) -> list[str]:
    """Return the formulas of a page that readers would see as they were written."""
    text = re.sub(r"<(pre|code|script|title)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.findall(r"\$[^$<>\n]*[\\^_{][^$<>\n]*\$|\\frac|\\tau", text)


@pytest.mark.slow
def test_formulas_are_drawn(site: Path) -> None:
    pages = {page.name: page.read_text("utf-8") for page in site.rglob("*.html")}
    assert {name: found for name, text in pages.items() if (found := bare_formulas(text))} == {}
    assert "<math" in pages["dynamics_systems.html"]
    assert "<math" in pages["brainlite.nn_recurrent.html"]


def test_a_formula_that_is_not_drawn_is_noticed() -> None:
    assert bare_formulas(r"<p>it is $e^{-t}$, and $\tau$</p>") == ["$e^{-t}$", r"$\tau$"]
    assert bare_formulas("<p>5 $ or 6 $</p><code>echo $A_B $C</code><math>x</math>") == []


def test_a_page_that_asks_another_server_is_noticed() -> None:
    assert FROM_ELSEWHERE.findall('<script async src="https://a.example/x.js"></script>')
    assert not FROM_ELSEWHERE.findall('<a href="https://a.example/">a link that one may follow</a>')


LINK = re.compile(r"<[a-z]+\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")


def dead_links(site: Path) -> list[str]:
    """Return the links within a site that lead to no file, or to no place on a page."""
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    places = {page: set(re.findall(r"\bid=\"([^\"]+)\"", text)) for page, text in pages.items()}
    dead: list[str] = []
    for page, text in pages.items():
        for link in set(LINK.findall(text)):
            if re.match(r"\w+:|//", link):
                continue  # to another site
            path, _, place = unquote(link).partition("#")
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            there = place in places.get(target, {place}) or not place
            dead += [] if target.exists() and there else [f"{page.relative_to(site)}: {link}"]
    return sorted(dead)


@pytest.mark.slow
def test_no_link_within_the_site_is_dead(site: Path) -> None:
    assert dead_links(site.resolve()) == []


def test_a_dead_link_within_the_site_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<h1 id="top"></h1><a href="b.html#no"></a><img src="c.png">')
    (tmp_path / "b.html").write_text('<a href="a.html#top"></a><a href="#no"></a><a href="d/"></a>')
    assert dead_links(tmp_path) == [
        "a.html: b.html#no",
        "a.html: c.png",
        "b.html: #no",
        "b.html: d/",
    ]


@pytest.mark.slow
def test_pages_are_there_as_notebooks(site: Path) -> None:
    page = (ROOT / "docs/how-to/train.md").read_text("utf-8")
    notebook = json.loads((site / "notebooks/how-to/train.ipynb").read_text("utf-8"))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code == [block.strip() for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    assert "../notebooks/how-to/train.ipynb" in (site / "how-to/train.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_the_site_can_be_searched_and_read_on_a_phone(site: Path, tmp_path: Path) -> None:
    async def look() -> None:
        async with Browser(tmp_path / "profile") as browser:
            await browser.open(site / "search.html", query="?q=GRUCell")
            await browser.wait_for("document.querySelectorAll('#search-results li a').length > 0")
            found = await browser.run("document.querySelector('#search-results').innerText")
            assert "brainlite.nn.GRUCell" in found
            await browser.resize(390)
            for page in ("index", "how-to/train", "concepts/states_and_graph", "api/brainlite.nn"):
                await browser.open(site / f"{page}.html")
                wide = "document.documentElement.scrollWidth <= innerWidth"
                assert await browser.run(wide), f"{page} is wider than a phone"
            assert browser.complaints == []

    asyncio.run(look())


def test_signatures_are_short() -> None:
    assert "(num_in, num_out, w_init=Orthogonal(), b_init=Zero" in str(signature_of(nn.GRUCell))
    assert signature_of(nn.relu) == "(x)"
    assert signature_of(jnp.float32.dtype) is None


def test_what_follows_an_assignment_describes_it() -> None:
    assert comment_of("brainlite.typing.Shape") == "The shape of an array."
    assert comment_of("brainlite.nn.Linear") == ""


def test_stars_and_footnotes_of_docstrings_are_fit_for_sphinx() -> None:
    lines = ["of shape (batch, *spatial), *so* ``f(*x)`` [1]_", ">>> f(*args)", ".. [1] A paper."]
    assert readable(lines, "a.b") == [
        r"of shape (batch, \*spatial), *so* ``f(*x)`` [#a-b-1]_",
        ">>> f(*args)",
        ".. [#a-b-1] A paper.",
    ]


def test_a_name_of_several_modules_is_described_at_its_home_and_the_others_point_there(
    tmp_path: Path,
) -> None:
    at_home = homes(public_modules())
    assert at_home[id(nn.relu)].full == "brainlite.nn.functional.relu"
    write_reference(tmp_path / "api")
    pages = {page.stem: page.read_text("utf-8") for page in (tmp_path / "api").iterdir()}
    assert ".. autofunction:: brainlite.nn.functional.relu\n" in pages["brainlite.nn.functional"]
    described = "".join(pages.values()).count("autofunction:: brainlite.nn.functional.relu\n")
    assert described == 1
    pointer = ".. py:data:: relu\n   :module: brainlite.nn\n\n   The same as :any:`brainlite.nn.fun"
    assert sum(pointer in text for text in pages.values()) == 1
    assert "How it is kept" not in pages["brainlite.transform"]  # for those who work on it
    assert ".. rubric:: The invariant" in pages["brainlite.transform"]
