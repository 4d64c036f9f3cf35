"""Functions of plain dicts."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import graph, nn
from brainlite.errors import OptionError
from brainlite.util import (
    DotDict,
    flat_mapping,
    flatten_dict,
    merge_dicts,
    nest_mapping,
    split_total,
    unflatten_dict,
)

NESTED = {"a": {"b": 1, "c": {"d": 2}}, "e": {}, "f": 3}


def test_a_dot_dict_reads_and_writes_by_attributes() -> None:
    options: Any = DotDict({"a": {"b": 1}}, rate=0.1)
    assert (options.a.b, options.rate) == (1, 0.1)
    options.a.c = 2
    options["new"] = {"x": 1}
    assert options.to_dict() == {"a": {"b": 1, "c": 2}, "rate": 0.1, "new": {"x": 1}}
    assert options.new.x == 1
    del options.rate
    assert "rate" not in options
    assert {"a", "new"} <= {*dir(options)}
    for again in (copy.deepcopy(options), pickle.loads(pickle.dumps(options))):
        assert again == options
        assert again.a.b == 1
    with pytest.raises(AttributeError, match=r"no entry 'rate'; it has 'a', 'new'"):
        _ = options.rate
    with pytest.raises(AttributeError, match="no entry 'rate'"):
        del options.rate


def test_a_model_may_hold_one() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.parts: Any = DotDict(one=nn.Linear(2, 3), rate=0.1)

    net = Net()
    assert net.parts.one(jnp.ones(2)).shape == (3,)
    again = graph.clone(net)
    assert again.parts.one is not net.parts.one
    assert list(net.states()) == [("parts", "one", "weight")]


def test_dicts_are_merged_and_stay_as_they_are() -> None:
    one, two = {"a": {"b": 1}, "c": 0}, {"a": {"b": 2, "d": 3}}
    assert merge_dicts(one, two) == {"a": {"b": 2, "d": 3}, "c": 0}
    assert merge_dicts(one, two, recursive=False) == {"a": {"b": 2, "d": 3}, "c": 0}
    assert merge_dicts({"a": {"b": 1}}, {"a": {"c": 1}}, recursive=False) == {"a": {"c": 1}}
    assert merge_dicts({"a": 1}, one)["a"] == {"b": 1}
    merge_dicts(one, {"a": {"x": 9}})["a"]["b"] = 7
    assert one == {"a": {"b": 1}, "c": 0}
    assert merge_dicts() == {}


def test_a_share_of_a_total() -> None:
    assert [split_total(10, share) for share in (0.0, 0.29, 1.0, 0, 1, 10)] == [0, 2, 10, 0, 1, 10]
    for total, share in ((10, 1.5), (10, 11), (10, -1), (10, -0.1), (-1, 0), (10, float("nan"))):
        with pytest.raises(OptionError, match="no part of the total"):
            split_total(total, share)


def test_flattened_mappings_are_nested_again() -> None:
    flat = {("a", "b"): 1, ("a", "c", "d"): 2, ("e",): {}, ("f",): 3}
    assert flat_mapping(NESTED) == flat
    assert list(flat_mapping(NESTED)) == list(flat)
    assert nest_mapping(flat) == NESTED
    assert flatten_dict(NESTED) == {"a.b": 1, "a.c.d": 2, "e": {}, "f": 3}
    assert unflatten_dict(flatten_dict(NESTED, sep="/"), sep="/") == NESTED
    assert flatten_dict({"a": 1}, "model") == {"model.a": 1}
    assert flat_mapping({}) == {}


def test_what_would_be_lost_is_refused() -> None:
    with pytest.raises(OptionError, match=r"(?s)one path.*'a.b' again"):
        flat_mapping({"a": {"b": 1}, "a.b": 2}, sep=".")
    for clash in (
        {("a",): 1, ("a", "b"): 2},
        {("a", "b"): 2, ("a",): 1},
        {("a",): {}, ("a", "b"): 1},
    ):
        with pytest.raises(OptionError, match="goes on below the other"):
            nest_mapping(clash)
