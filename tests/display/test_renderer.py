"""What the trees of brainlite draw otherwise than treescope does by itself."""

import html as html_
import re
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.display import Shown, ShownSequence, render_to_html, text_repr, treescope_repr


class Box:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __display__(self) -> Shown:
        return Shown(type(self).__name__, list(self.__dict__.items()))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


class Linear(Box): ...


class Init(Box):
    __display_shared__ = False


class Items:
    __treescope_repr__ = treescope_repr

    def __init__(self, *items: Any) -> None:
        self.items = list(items)

    def __display__(self) -> ShownSequence:
        return ShownSequence("Items", self.items)


def drawn(obj: Any, **options: Any) -> str:
    """Return the words of a page, without markup."""
    page = render_to_html(obj, compressed=False, **options)
    page = page[page.index("treescope_root") :]
    return re.sub(r"\s+", " ", html_.unescape(re.sub(r"<[^>]*>", "", page)))


def test_what_appears_again_is_a_reference() -> None:
    linear = Linear(n=12345)
    text = drawn(Box(first=linear, parts=[Linear(n=1), linear]))
    assert text.count("12345") == 1
    assert "<Linear at first>" in text
    assert "Repeated python obj" not in text


def test_a_list_and_a_cycle_are_references_too() -> None:
    parts = [Linear(n=12345)]
    box = Box(first=parts, second={"again": parts})
    box.__dict__["whole"] = Box(back=box)
    text = drawn(box)
    assert text.count("12345") == 1
    assert "<list at first>" in text
    assert "<Box at the root>" in text
    assert "cyclic reference" not in text


def test_values_without_identity_are_drawn_each_time() -> None:
    init, size = Init(n=12345), [67890]
    text = drawn(Box(a=init, b=init, c=size, d=size))
    assert text.count("12345") == text.count("67890") == 2


def test_each_page_starts_anew() -> None:
    linear = Linear(n=1)
    for _ in range(2):
        assert "n=1" in drawn(linear)


@pytest.mark.parametrize(
    ("make", "folded"),
    [
        (lambda: [Linear(n=i) for i in range(3)], "[3 × Linear"),
        (lambda: (Linear(n=1),), "(Linear"),
        (lambda: [Linear(n=1), Box(n=2), Box(n=3)], "[Linear, 2 × Box"),
        (lambda: Items(Linear(n=1), Linear(n=2)), "Items([2 × Linear"),
        (lambda: [each(n=i) for i in range(3) for each in (Linear, Box)], "Linear, Box, …"),
    ],
    ids=["alike", "one", "groups", "sequence", "many groups"],
)
def test_a_folded_list_names_the_types(make: Any, folded: str) -> None:
    assert folded in drawn(Box(items=make()))


@pytest.mark.parametrize(
    ("value", "text"), [((16,), "(16,)"), ([1, None, "a"], "[1, None, 'a']"), ((1, 2), "(1, 2)")]
)
def test_a_few_numbers_do_not_fold(value: Any, text: str) -> None:
    page = render_to_html(Box(size=value), compressed=False)
    assert f"size={text}" in drawn(Box(size=value))
    assert page.count("foldable_node_toggle") == render_to_html(
        Box(size=1), compressed=False
    ).count("foldable_node_toggle")


def test_numbers_of_arrays_are_drawn_on_request() -> None:
    box = Box(weight=jnp.ones(3))
    assert "ShapedArray(float32[3])" in drawn(box)
    assert "ShapedArray(float32[3])" not in drawn(box, arrays=True)
