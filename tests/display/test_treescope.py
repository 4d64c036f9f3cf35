import re
from typing import Any

import jax.numpy as jnp
import pytest
import treescope

from brainlite import nn
from brainlite.display import (
    Shown,
    ShownMapping,
    ShownSequence,
    render_to_html,
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
    assert treescope.render_to_text(Items()) == "Items([2 × Linear])"
    pattern = r"<[\w.]*Items\(\[<[\w.]*Linear\(n=1\)>, <[\w.]*Linear\(n=2\)>\]\)>"
    assert re.fullmatch(pattern, treescope.render_to_text(Items(), roundtrip_mode=True))
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
    assert "Broken: repr raised ValueError(" in html(Linear(part=Broken()))


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


def test_a_folded_line_leaves_out_what_folds() -> None:
    inner = Linear(size=3, weight=Linear(n=1), parts=[Linear(n=2)])
    assert treescope.render_to_text(Linear(inner=inner)).splitlines()[1:2] == [
        "  inner=Linear(size=3, weight=…, parts=…),"
    ]


def test_a_note_stands_beside_lists_and_dicts_of_modules_too() -> None:
    many = nn.ModuleList([nn.Linear(2, 3), nn.Linear(3, 3)])
    named = nn.ModuleDict({"one": nn.Linear(2, 3)})
    assert treescope.render_to_text(many).endswith("# 21 parameters, 84 B")
    assert treescope.render_to_text(named).endswith("# 9 parameters, 36 B")


def test_a_folded_line_is_short_so_that_the_note_is_seen() -> None:
    long = Linear(**{f"option_{n}": n for n in range(20)}, weight=Linear(n=1))
    line = treescope.render_to_text(Linear(inner=long)).splitlines()[1]
    assert line == "  inner=Linear(option_0=0, option_1=1, option_2=2, option_3=3, …),"
    assert "only='xxx" in treescope.render_to_text(Linear(only="x" * 100))
