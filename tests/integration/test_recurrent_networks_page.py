"""The recurrent-networks tutorial: its code is the reference page's, its numbers are too."""

import contextlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import pytest

from tests.integration.page_text import (
    Block,
    Cell,
    Line,
    PageMismatchError,
    compare_output,
    looks_like_code,
    read_cells,
    read_page,
    split_page,
)

ROOT = Path(__file__).parents[2]
CELLS = read_cells(ROOT / "docs" / "tutorials" / "recurrent_networks.md")
PAGE = read_page(
    (Path(__file__).parent / "data" / "recurrent_networks_page.txt").read_text(encoding="utf-8")
)
PAGE_CELLS = [cell for cell in CELLS if "page" in cell.tags]
TRAINING_CELLS = [cell for cell in CELLS if "training" in cell.tags]
NUM_BLOCKS = 10  # counted by hand on the page


@dataclass(repr=False)
class Run:
    """What executing the notebook left behind."""

    printed: dict[Cell, str] = field(default_factory=dict[Cell, str])
    raised: dict[Cell, Exception] = field(default_factory=dict[Cell, Exception])
    namespace: dict[str, Any] = field(default_factory=dict[str, Any])
    num_plots: int = 0

    def output_of(self, cell: Cell) -> str:
        if cell in self.raised:
            raise self.raised[cell]
        return self.printed[cell]


@pytest.fixture(scope="module")
def run() -> Run:
    """Execute every cell once, in order, in one namespace; an error is kept for its cell's test."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    run = Run(namespace={"__name__": "recurrent_networks"})
    config: Any = jax.config  # untyped in jax

    def show() -> None:
        run.num_plots += len(plt.get_fignums())
        plt.close("all")

    few = config.read("jax_disable_most_optimizations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", show)
        for number, cell in enumerate(CELLS, 1):
            code = compile(cell.source, f"<cell {number} of the tutorial>", "exec")
            # What trains computes more than it compiles: see conftest.py.
            config.update("jax_disable_most_optimizations", few and "training" not in cell.tags)
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                try:
                    exec(code, run.namespace)
                except Exception as error:
                    run.raised[cell] = error
            run.printed[cell] = stdout.getvalue()
    config.update("jax_disable_most_optimizations", few)
    return run


def test_every_cell_says_where_it_comes_from() -> None:
    assert [cell.source for cell in CELLS if cell.tags not in ({"page"}, {"training"})] == []


def test_page_cells_cover_all_code_of_the_page() -> None:
    blocks, prose = split_page(PAGE, [cell.source for cell in PAGE_CELLS])
    assert len(blocks) == NUM_BLOCKS
    assert [line for line in prose if looks_like_code(line.text)] == []


@pytest.mark.parametrize(
    "index", range(NUM_BLOCKS), ids=[cell.source.partition("\n")[0] for cell in PAGE_CELLS]
)
def test_page_cell_prints_what_the_page_prints(run: Run, index: int) -> None:
    blocks, _ = split_page(PAGE, [cell.source for cell in PAGE_CELLS])
    mismatch = compare_output(blocks[index], run.output_of(PAGE_CELLS[index]))
    if mismatch is not None:
        pytest.fail(mismatch, pytrace=False)


def test_training_reaches_the_stated_numbers(run: Run) -> None:
    printed = "".join(run.output_of(cell) for cell in TRAINING_CELLS)
    assert "Held-out accuracy (trained)" in printed
    assert "Held-out MSE (trained)" in printed
    assert run.namespace["accuracy_untrained"] < 0.6
    assert run.namespace["accuracy_trained"] > 0.95
    assert run.namespace["mse_untrained"] > 0.1
    assert run.namespace["mse_trained"] < 0.02


def test_every_plot_is_shown(run: Run) -> None:
    assert run.raised == {}
    assert run.num_plots == sum(cell.source.count("plt.show()") for cell in CELLS) == 5


# The rest shows that the tests above can fail.


@pytest.mark.parametrize("index", range(NUM_BLOCKS))
def test_split_notices_a_left_out_cell(index: int) -> None:
    sources = [cell.source for cell in PAGE_CELLS]
    _, prose = split_page(PAGE, sources[:index] + sources[index + 1 :])
    assert any(looks_like_code(line.text) for line in prose)


def test_split_notices_a_changed_line() -> None:
    sources = [cell.source for cell in PAGE_CELLS]
    sources[2] = sources[2].replace("randn(7, 5)", "randn(8, 5)")
    with pytest.raises(PageMismatchError, match=r"the cell has 'sequence = .*randn\(8, 5\)"):
        split_page(PAGE, sources)


def test_split_notices_cells_out_of_order() -> None:
    sources = [cell.source for cell in PAGE_CELLS]
    sources[4], sources[5] = sources[5], sources[4]
    with pytest.raises(PageMismatchError, match="does not stand in the page after line"):
        split_page(PAGE, sources)


BLOCK = Block(
    code=(Line(1, "print(x)"),),
    output=(Line(2, "x: [[ 0.5 -1.25 ]"), Line(3, "[ 3. 1e-05 ]], <function f at 0x00AB>, n=7")),
)


def test_comparison_allows_for_spaces_addresses_and_rounding() -> None:
    printed = "x: [[0.50001 -1.25001]\n\n  [ 3.   1e-05]],  <function f at 0x7f12>, n=7\n"
    assert compare_output(BLOCK, printed) is None


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ("x: [[0.5001 -1.25]\n[3. 1e-05]], <function f at 0x1>, n=7", "line 2 of the page"),
        ("x: [[0.5 1.25]\n[3. 1e-05]], <function f at 0x1>, n=7", "line 2 of the page"),
        ("x: [[0.5 -1.25]\n[3. 1e-05]], <function f at 0x1>, n=8", "line 3 of the page"),
        ("x: [[0.5 -1.25]\n[3. 1e-05]], <function g at 0x1>, n=7", "line 3 of the page"),
        ("x: [[0.5 -1.25]", "line 3 of the page.*\n  got: None"),
        ("x: [[0.5 -1.25]\n[3. 1e-05]], <function f at 0x1>, n=7\nmore", "after the page's last"),
    ],
)
def test_comparison_notices_a_difference(printed: str, complaint: str) -> None:
    mismatch = compare_output(BLOCK, printed)
    assert mismatch is not None
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(mismatch)
