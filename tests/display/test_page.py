"""Where displays are shown: pages, notebooks, terminals."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.display import (
    Shown,
    notebook_repr,
    render_to_html,
    show,
    text_repr,
    treescope_repr,
)


class Linear:
    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def __display__(self) -> Shown:
        return Shown(type(self).__name__, list(self.fields.items()))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


def html(obj: Any) -> str:
    return render_to_html(obj, compressed=False)


def test_render_to_html_returns_a_page() -> None:
    page = render_to_html(Linear(n=1))
    assert isinstance(page, str)
    assert "<script" in page


def test_show_prints_text_outside_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    show(Linear(n=1))
    assert capsys.readouterr().out == "Linear(\n  n=1\n)\n"


class Frame:
    """A table with a display of its own."""

    def __str__(self) -> str:
        return "1 2 3"

    def _repr_html_(self) -> str:
        return "<table></table>"


def test_show_leaves_a_table_its_own_display(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(Frame())
    assert capsys.readouterr().out == "1 2 3\n"
    shown: list[Any] = []
    run_ipython(monkeypatch, Shell(notebook=True))
    display = SimpleNamespace(HTML=str, display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    show(Frame())
    assert isinstance(shown[0], Frame)


class Shell:
    """Stands for IPython: in a terminal, or with the kernel of a notebook."""

    def __init__(self, notebook: bool) -> None:
        if notebook:
            self.kernel = "a kernel"


def run_ipython(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_show_draws_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[Any] = []
    run_ipython(monkeypatch, Shell(notebook=True))
    display = SimpleNamespace(HTML=str, display=pages.append)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    show(Linear(n=1))
    (page,) = pages
    assert "<script" in page


def test_the_last_line_of_a_cell_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = notebook_repr(Linear(n=1))
    assert bundle == {}  # no IPython here
    run_ipython(monkeypatch, Shell(notebook=False))
    assert notebook_repr(Linear(n=1)) == {}
    run_ipython(monkeypatch, Shell(notebook=True))
    assert "<script" in notebook_repr(Linear(n=1))["text/html"]


def test_arrays_are_types_unless_their_numbers_are_asked_for() -> None:
    obj = Linear(weight={"w": jnp.arange(3.0)}, layers=[Linear(b=jnp.ones(2))], n=1)
    plain = html(obj)
    assert "ShapedArray(float32[3])" in plain
    assert "ShapedArray(float32[2])" in plain
    numbers = render_to_html(obj, arrays=True, compressed=False)
    assert "ShapedArray" not in numbers
    assert "float32" in numbers


@pytest.mark.filterwarnings("error")
def test_a_broken_part_does_not_spoil_the_page() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise ValueError("out of order")

    deleted = jnp.ones(3)
    deleted.delete()
    page = html(Linear(a=1, bad=Bad(), deleted=deleted))
    assert "a=" in page
    assert "&lt;deleted&gt;" in page or "<deleted>" in page


def test_treescope_is_imported_only_when_it_draws() -> None:
    program = (
        "import sys; from brainlite.display import to_text; to_text([1]); "
        "sys.exit('treescope' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@dataclasses.dataclass
class Plain:
    array: jax.Array


@pytest.mark.parametrize("wrap", [lambda x: [x, Linear(n=1)], lambda x: {"a": x, "n": 1}, Plain])
def test_no_array_is_copied_to_draw_its_type(
    monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Any], Any]
) -> None:
    array = jnp.ones(1000)

    def copied(_self: object) -> Any:
        raise AssertionError("the array was copied")

    monkeypatch.setattr(type(array), "__array__", copied)
    monkeypatch.setattr(type(array), "_value", property(copied))
    assert "ShapedArray(float32[1000])" in html(Linear(part=wrap(array), array=array))


def test_a_dark_page_gets_a_dark_tree() -> None:
    page = html(Linear(n=1))
    assert "[data-jp-theme-light=false]" in page
    assert "prefers-color-scheme:dark" in page
