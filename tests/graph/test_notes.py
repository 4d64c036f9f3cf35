"""Frozen copies of attribute values."""

from collections import OrderedDict
from typing import Any, NamedTuple

import pytest

from brainlite.graph._notes import ABSENT, Frozen, freeze
from tests.graph.models import Bag


class Pair(NamedTuple):
    left: Any
    right: Any


@pytest.mark.parametrize(
    ("value", "frozen"),
    [
        ([1, 2], Frozen(list, None, (1, 2))),
        ((1, [2]), Frozen(tuple, None, (1, Frozen(list, None, (2,))))),
        ({"a": [1]}, Frozen(dict, ("a",), (Frozen(list, None, (1,)),))),
        (OrderedDict(a=1), Frozen(OrderedDict, ("a",), (1,))),
        (Pair(1, 2), Frozen(Pair, None, (1, 2))),
        ([], Frozen(list, None, ())),
        ("text", "text"),
        (ABSENT, ABSENT),
    ],
    ids=repr,
)
def test_containers_are_copied_down_to_what_is_none(value: Any, frozen: Any) -> None:
    assert freeze(value) == frozen


def test_a_frozen_copy_does_not_follow_later_edits() -> None:
    inner: list[Any] = [1]
    node = Bag(items=[inner, {"a": inner}])
    frozen = freeze(node.items)
    inner.append(2)
    node.items.append(3)
    one = Frozen(list, None, (1,))
    assert frozen == Frozen(list, None, (one, Frozen(dict, ("a",), (one,))))


def test_nodes_are_not_entered() -> None:
    node = Bag(items=[1])
    frozen = freeze([node])
    assert isinstance(frozen, Frozen)
    assert frozen.items[0] is node


def test_an_absent_attribute_says_so() -> None:
    assert repr(ABSENT) == "<absent>"
