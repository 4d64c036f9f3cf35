"""`make tutorial` runs a notebook, prints its output, and writes its plots and its page."""

from pathlib import Path

import jupytext
import pytest

from docs.run_tutorial import main, render_page

TUTORIAL = """\
# A tutorial

See the [data](data/numbers.txt) and [elsewhere](https://example.org/).

```python
import matplotlib.pyplot as plt
print("first cell")
plt.plot([1, 2])
plt.show()
```

```python
6 * 7
```
"""


@pytest.fixture(autouse=True)
def keep_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")  # restored afterwards, whatever the run sets


def test_output_is_printed_and_files_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial = tmp_path / "tutorials" / "small.md"
    tutorial.parent.mkdir()
    tutorial.write_text(TUTORIAL, encoding="utf-8")
    built = tmp_path / "built"
    built.mkdir()
    (built / "small_07.png").touch()  # left by an earlier run

    assert main([str(tutorial), str(built)]) == 0

    printed = capsys.readouterr().out
    plot, page = built / "small_01.png", built / "small.html"
    notebook = built / "small.ipynb"
    assert printed.startswith("first cell\n")
    assert "42\n" in printed
    assert printed.endswith(f"Written:\n  {plot}\n  {notebook}\n  {page}\n")
    assert sorted(built.iterdir()) == [page, notebook, plot]
    assert '"text/plain": [\n       "42"' in notebook.read_text("utf-8")
    assert plot.read_bytes().startswith(b"\x89PNG")
    html = page.read_text("utf-8")
    assert "first cell" in html
    assert 'href="../tutorials/data/numbers.txt"' in html
    assert 'href="https://example.org/"' in html
    assert "<script src" not in html, "the page is whole without the network"


def test_a_page_with_formulas_loads_what_draws_them(tmp_path: Path) -> None:
    page = render_page(jupytext.reads("The length is $x^2$.", "md"), tmp_path, tmp_path)
    assert [
        part.partition('"')[0].partition("?")[0] for part in page.split('<script src="')[1:]
    ] == ["https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/latest.js"]


def test_a_cell_that_raises_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial = tmp_path / "broken.md"
    tutorial.write_text("```python\n1 / 0\n```\n\n```python\nprint('later')\n```\n", "utf-8")
    assert main([str(tutorial), str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "ZeroDivisionError" in captured.err
    assert "later" not in captured.out


def test_usage_is_shown_without_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage: python docs/run_tutorial.py" in capsys.readouterr().err


def test_the_kept_notebook_is_up_to_date_and_ran_to_its_end() -> None:
    source = Path(__file__).parents[2] / "docs" / "tutorials" / "recurrent_networks.md"
    kept = jupytext.read(source.with_suffix(".ipynb"))
    written = jupytext.read(source)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in written.cells], (
        "run `make notebook`"
    )
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
