import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import pytest
import treescope

from brainlite.display import (
    Shown,
    ShownMapping,
    ShownSequence,
    notebook_repr,
    render_to_html,
    show,
    text_repr,
    treescope_repr,
)


class Box:
    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def __display__(self) -> Shown:
        return Shown(type(self).__name__, list(self.fields.items()))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


class Linear(Box): ...


class Red(Box):
    __display_color__ = "rgb(255 0 0)"


class Items:
    __treescope_repr__ = treescope_repr

    def __display__(self) -> ShownSequence:
        return ShownSequence("Items", [Linear(n=1), Linear(n=2)])


class States:
    __treescope_repr__ = treescope_repr

    def __display__(self) -> ShownMapping:
        return ShownMapping([(("W", "weight"), 1)])


class Broken:
    __treescope_repr__ = treescope_repr

    def __display__(self) -> Shown:
        raise ValueError("no fields today")


def html(obj: Any) -> str:
    return render_to_html(obj, compressed=False)


def colors(obj: Any) -> set[str]:
    return set(re.findall(r"rgb\(255 0 0\)|oklch\(0\.785 0\.103 [\d.]+\)", html(obj)))


def test_fields_are_drawn_by_name() -> None:
    assert treescope.render_to_text(Linear(size=3, bias=None)) == "Linear(size=3, bias=None)"


def test_items_and_keys_are_drawn_as_such() -> None:
    assert treescope.render_to_text(Items()) == "Items([Linear(n=1), Linear(n=2)])"
    assert treescope.render_to_text(States()) == "States({('W', 'weight'): 1})"


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (Linear(inner=Linear(n=1)), ".inner.n"),
        (Linear(items=Items()), ".items[1].n"),
        (Linear(states=States()), ".states[(&#x27;W&#x27;, &#x27;weight&#x27;)]"),
    ],
)
def test_copy_buttons_hold_the_path(obj: Any, path: str) -> None:
    page = html(obj)
    assert path in page or path.replace("&#x27;", "'") in page


def test_a_tree_folds() -> None:
    assert "foldable" in html(Linear(inner=Linear(n=1)))


def test_a_kind_of_object_keeps_its_color() -> None:
    (color,) = colors(Linear(n=1))
    assert colors(Linear(other=jnp.ones(3))) == {color}
    assert colors(Box(n=1)) != {color}


def test_a_class_may_choose_its_color() -> None:
    assert colors(Red(n=1)) == {"rgb(255 0 0)"}


def test_a_broken_display_is_drawn_as_a_note() -> None:
    text = treescope.render_to_text(Linear(part=Broken()))
    assert "<Broken: repr raised ValueError('no fields today')>" in text


@pytest.mark.parametrize("between", ["nothing", "a list", "a list and a dict"])
def test_deep_nesting_is_cut_before_the_stack_ends(between: str) -> None:
    deep = Box(n=1)
    for _ in range(100):
        inner = {"nothing": deep, "a list": [deep], "a list and a dict": [{"a": deep}]}[between]
        deep = Box(inner=inner)
    assert "Box(...)" in html(deep)


def test_an_ordinary_depth_is_drawn_in_full() -> None:
    deep = Box(end="here")
    for _ in range(10):
        deep = Box(layers=[deep])
    page = html(deep)
    assert "here" in page
    assert "Box(...)" not in page


def test_render_to_html_returns_a_page() -> None:
    page = render_to_html(Linear(n=1))
    assert isinstance(page, str)
    assert "<script" in page


def test_show_prints_text_outside_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    show(Linear(n=1))
    assert capsys.readouterr().out == "Linear(\n  n=1\n)\n"


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


def test_an_object_may_stand_for_one_of_another_type() -> None:
    class Stand(Linear):
        def __display__(self) -> Shown:
            return Shown("Dense", [("n", 1)])

    assert treescope.render_to_text(Stand()) == "Dense(n=1)"


def test_a_note_stands_beside_the_object() -> None:
    class Noted(Linear):
        def __display_note__(self) -> str:
            return "12 parameters"

    class Wrong(Linear):
        def __display_note__(self) -> str:
            raise ValueError("no note today")

    assert treescope.render_to_text(Noted(n=1)) == "Noted(n=1)  # 12 parameters"
    assert "no note today" in treescope.render_to_text(Wrong(n=1))


def test_roundtrip_mode_shows_code_where_the_fields_construct() -> None:
    class Point(Box):
        __display_constructs__ = True

    text = treescope.render_to_text(Point(x=1), roundtrip_mode=True)
    assert text.endswith("Point(x=1)")
    assert treescope.render_to_text(Linear(x=1), roundtrip_mode=True).startswith("<")


@pytest.mark.filterwarnings("ignore")
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
