"""How Sphinx makes the site of the pages here: `make docs`."""

import re
import shutil
import sys
from pathlib import Path

import jupytext
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import brainlite  # noqa: E402 - it is found by the line above
from docs.reference import (  # noqa: E402
    comment_of,
    readable,
    signature_of,
    write_reference,
)

project = "brainlite"
author = "The brainlite authors"
project_copyright = author
version = release = brainlite.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_copybutton",
]
# A tutorial that is kept as a notebook, with its output, is shown as that.
NOTEBOOKS = [file.relative_to(ROOT / "docs") for file in (ROOT / "docs").glob("tutorials/*.ipynb")]
exclude_patterns = ["_build", *(str(notebook.with_suffix(".md")) for notebook in NOTEBOOKS)]
default_role = "code"

# Notebooks come with their output: what runs them is `make notebook`, and the tests.
nb_execution_mode = "off"
myst_heading_anchors = 3
myst_enable_extensions = ["deflist", "dollarmath"]
# The types in docstrings are words, of which some are names of attributes, too.
suppress_warnings = ["mystnb.unknown_mime_type", "ref.footnote", "ref.python"]

# Docstrings say which types and shapes there are; signatures with all overloads are none to read.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Inputs", "params_style"), ("Output", "returns_style")]  # of layers

html_theme = "furo"
html_title = f"brainlite {release}"
html_copy_source = True
html_show_search_summary = False  # it would be fetched, which browsers refuse to a page from disk

# Pages that stand outside of this folder have a page here that includes them.
MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}


def _links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to files outside of this folder lead to their pages."""
    up = "../" * docname.count("/")
    for notebook in NOTEBOOKS:
        source[0] = source[0].replace(f"{notebook.with_suffix('.md').name})", f"{notebook.name})")
    for name, page in MOVED.items():
        source[0] = re.sub(rf"\]\((?:\.\./)+{re.escape(name)}", f"]({up or './'}{page}", source[0])


# Pages that are worth running are there as notebooks, too.
DOWNLOADED = ("tutorials/", "how-to/", "concepts/", "first_steps")


def _download(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith(DOWNLOADED) and Path(app.env.doc2path(docname)).suffix == ".md":
        up = "../" * (docname.count("/") + 1)
        link = f'<a download href="{up[3:]}notebooks/{docname}.ipynb">This page as a notebook</a>'
        source[0] += f"\n\n---\n\n{link}\n"


def _notebooks(app: Sphinx, error: Exception | None) -> None:
    for docname in [] if error else sorted(app.env.found_docs):
        page = Path(app.env.doc2path(docname))
        if docname.startswith(DOWNLOADED) and page.suffix == ".md":
            target = Path(app.outdir) / "notebooks" / f"{docname}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            jupytext.write(jupytext.read(page), target)


def _readable(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    lines[:] = readable(lines, name)


def _plain(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    # Of a constant napoleon would take what stands before the first colon for its type.
    if what == "data":
        lines[:] = (comment_of(name) or "\n".join(lines)).splitlines()


def _signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, given: str | None, _: object
) -> tuple[str, str] | None:
    found = signature_of(obj) if what in ("class", "exception", "function") else None
    return None if found is None else (found, "")


PRIMED = re.compile(r"<msup>(<mi>\w</mi>)<mi>(&#x02032;)</mi></msup>")


class _MathML(SphinxTransform):
    """Writes formulas as MathML, which browsers show without a script from anywhere."""

    default_priority = 10

    def apply(self, **_kwargs: object) -> None:
        for kind, display in ((nodes.math, "inline"), (nodes.math_block, "block")):
            for node in [*self.document.findall(kind)]:
                markup = convert(node.astext(), display=display)
                # A prime is raised by its font already.
                markup = re.sub(
                    r"<msup>(<mi>\w</mi>)<mi>(&#x02032;)</mi></msup>", r"\1<mi>\2</mi>", markup
                )
                node.replace_self(nodes.raw("", markup, format="html"))


def _pictures(app: Sphinx, error: Exception | None) -> None:
    # Sphinx does not see those that a page names in HTML of its own.
    if error is None:
        shutil.copytree(
            Path(app.srcdir) / "images", Path(app.outdir) / "images", dirs_exist_ok=True
        )


def setup(app: Sphinx) -> None:
    """Write the reference before the pages are read."""
    write_reference(Path(app.srcdir) / "api")
    app.add_transform(_MathML)
    app.connect("build-finished", _pictures)
    app.connect("source-read", _links)
    app.connect("source-read", _download)
    app.connect("build-finished", _notebooks)
    app.connect("autodoc-process-docstring", _plain, priority=900)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _readable, priority=100)  # before napoleon
