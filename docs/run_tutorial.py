"""Run a tutorial as a notebook: print its output, write its plots and a readable page.

Usage: python docs/run_tutorial.py TUTORIAL.md FOLDER

The tutorial is a Markdown file whose Python cells jupytext understands. Its cells run one after
the other in a fresh kernel; a cell that raises ends the run. FOLDER receives NAME_01.png,
NAME_02.png, ..., the executed NAME.ipynb, and NAME.html.
"""

import base64
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode

# nbconvert's page without the scripts that it would load from the network, and that nothing here
# needs: offline they are errors in the console.
_PAGE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js_requirejs -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""
_WITHOUT_FORMULAS = "{%- block html_head_js_mathjax -%}{%- endblock -%}"
_RELATIVE_LINK = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")


def run_tutorial(tutorial: Path, folder: Path) -> list[Path]:
    """Execute a tutorial, printing what its cells print.

    Parameters
    ----------
    tutorial
        The Markdown file.
    folder
        Where the plots and the HTML page go. It is made when missing, and an earlier run's files
        are replaced.

    Returns
    -------
    list of Path
        The files written, the page last.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        When a cell raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old_plot in folder.glob(f"{tutorial.stem}_*.png"):
        old_plot.unlink()
    notebook = jupytext.read(tutorial)
    # A backend that is set outside (MPLBACKEND=Agg) would swallow the plots.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    client = NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tutorial.parent)}}
    )
    written: list[Path] = []
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            for plot in _show_outputs(cell):
                path = folder / f"{tutorial.stem}_{len(written) + 1:02d}.png"
                path.write_bytes(plot)
                print(f"[plot: {path}]", flush=True)
                written.append(path)
    executed, page = folder / f"{tutorial.stem}.ipynb", folder / f"{tutorial.stem}.html"
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"  # a random one would change with each run
        cell.metadata.pop("execution", None)  # and so would the times
    nbformat.write(notebook, executed)  # type: ignore[no-untyped-call]
    page.write_text(render_page(notebook, tutorial.parent, folder), encoding="utf-8")
    return [*written, executed, page]


def _show_outputs(cell: NotebookNode) -> Iterator[bytes]:
    """Print a cell's outputs in order; yield each plot as PNG bytes when its turn comes."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            stream = sys.stderr if output.name == "stderr" else sys.stdout
            print(output.text, end="", file=stream, flush=True)
        elif "image/png" in output.get("data", {}):
            yield base64.b64decode(output.data["image/png"])
        elif "text/plain" in output.get("data", {}):
            print(output.data["text/plain"], flush=True)


def render_page(notebook: NotebookNode, home: Path, folder: Path) -> str:
    """Return an executed notebook as a page that loads nothing from elsewhere.

    Parameters
    ----------
    notebook
        The notebook. Only where it has formulas does the page load MathJax.
    home
        Where its relative links start.
    folder
        Where those of the page start.

    Returns
    -------
    str
        The HTML.
    """

    def moved(link: re.Match[str]) -> str:
        return f"]({os.path.relpath(home / link[1], folder)})"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _RELATIVE_LINK.sub(moved, cell.source)
    formulas = any(cell.cell_type == "markdown" and "$" in cell.source for cell in notebook.cells)
    template = _PAGE if formulas else _PAGE + _WITHOUT_FORMULAS
    exporter = HTMLExporter(template_name="lab", raw_template=template)  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(notebook)
    return body


def main(arguments: list[str]) -> int:
    """Run the tutorial named on the command line and say where its files are."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        written = run_tutorial(Path(arguments[0]), Path(arguments[1]))
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    print("\nWritten:", *written, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
