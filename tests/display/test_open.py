"""How containers and displayables open."""

import collections
import dataclasses
import functools
from typing import Any, NamedTuple

import jax.numpy as jnp
import pytest

from brainlite.display import Shown, ShownMapping, ShownSequence
from brainlite.display._open import (
    described,
    inline,
    is_displayable,
    open_displayable,
    open_plain,
    prefers_repr,
)


class Pair(NamedTuple):
    """A named tuple."""

    left: int
    right: int


@dataclasses.dataclass
class Point:
    """A dataclass, one field of which is not shown."""

    x: int
    hidden: int = dataclasses.field(default=0, repr=False)


class Says:
    """Shows what it was given."""

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def __display__(self) -> Any:
        return self._shown


class SaysItself(Says):
    """Has a ``repr`` of its own, below the display it inherits."""

    def __repr__(self) -> str:
        return "me"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a", None], "[1, 'a', None]"),
        ((1,), "(1,)"),
        ((), "()"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (set[int](), "set()"),
        (frozenset({"b", "a"}), "frozenset({'a', 'b'})"),
        (collections.deque([1, 2]), "deque([1, 2])"),
        (Pair(1, 2), "Pair(left=1, right=2)"),
        (Point(3), "Point(x=3)"),
        (functools.partial(pow, 2, exp=3), "functools.partial(<built-in function pow>, 2, exp=3)"),
        ({"b": 1, "a": (2, [3])}, "{'b': 1, 'a': (2, [3])}"),
        (collections.OrderedDict(b=1), "OrderedDict({'b': 1})"),
        (list(range(40)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... 28 more]"),
    ],
)
def test_plain_containers_stay_on_one_line(value: Any, text: str) -> None:
    opened = open_plain(value)
    assert opened is not None
    assert inline(opened) == text


def test_dicts_of_arrays_are_sorted_as_jax_sorts_their_leaves() -> None:
    opened = open_plain({"b": jnp.zeros(1), "a": jnp.zeros(1)})
    assert opened is not None
    assert [entry.label for entry in opened.entries] == ["'a': ", "'b': "]
    assert inline(opened) is None  # arrays are no atoms: one line each


def test_other_values_are_no_containers() -> None:
    assert open_plain(1) is None
    assert open_plain("text") is None
    assert open_plain(object()) is None


def test_a_displayable_opens_by_what_it_says() -> None:
    named = open_displayable(Says(Shown("Net", [("size", 3)])))
    assert (named.opening, named.closing) == ("Net(", ")")
    assert [(e.label, e.part, e.value) for e in named.entries] == [("size=", ".size", 3)]
    items = open_displayable(Says(ShownSequence("Chain", ["a", "b"])))
    assert (items.opening, [e.part for e in items.entries]) == ("Chain([", ["[0]", "[1]"])
    pairs = open_displayable(Says(ShownMapping([("k", 1)], "Table")))
    assert (pairs.opening, [e.label for e in pairs.entries]) == ("Table({", ["'k': "])


def test_a_display_of_another_type_is_named() -> None:
    with pytest.raises(TypeError, match="__display__ returned a str, not Shown"):
        described(Says("text"))


def test_a_repr_below_the_display_is_preferred() -> None:
    assert prefers_repr(SaysItself(None))
    assert not prefers_repr(Says(None))
    assert is_displayable(Says(None))
    assert not is_displayable(Says)  # the class itself has no display
