"""Axes of a ``vmap`` that do not fit are refused before anything is computed."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import ArgumentError, BrainliteError, OptionError, ResultError
from brainlite.state import State
from brainlite.transform import jit
from brainlite.transform import vmap as typed_vmap
from tests.transform.checks import assert_same

vmap: Any = typed_vmap
X = jnp.arange(6.0).reshape(2, 3)
TREE = {"a": X, "b": (X, X + 1)}


def same(x: Any) -> Any:
    return x


def first(x: Any, _: Any) -> Any:
    return x


WRONG: dict[str, tuple[Callable[[], Any], type[BrainliteError], str]] = {
    "too many axes": (
        lambda: vmap(same, in_axes=(0, 0))(X),
        ArgumentError,
        r"in_axes.* do not fit(.|\n)*a tuple of 1(.|\n)*in_axes=\(0, 0\)",
    ),
    "too few axes": (
        lambda: vmap(first, in_axes=(0,))(X, X),
        ArgumentError,
        r"a tuple of 2(.|\n)*in_axes=\(0,\)",
    ),
    "an axis for a keyword": (
        lambda: vmap(first, in_axes=(0, 0))(X, _=X),
        ArgumentError,
        r"a tuple of 1(.|\n)*by keyword are mapped along their first axis",
    ),
    "axes by name": (
        lambda: vmap(same, in_axes={"x": 0})(X),
        ArgumentError,
        r"a tuple of 1(.|\n)*'x': 0",
    ),
    "a text": (lambda: vmap(same, in_axes="a"), OptionError, r"whole number(.|\n)*'a'"),
    "an axis of numpy": (lambda: vmap(same, in_axes=np.int64(1)), OptionError, r"of Python's"),
    "half an axis": (lambda: vmap(same, in_axes=1.5), OptionError, r"whole number(.|\n)*1\.5"),
    "a truth value": (lambda: vmap(same, in_axes=(True,)), OptionError, r"in_axes\[0\](.|\n)*True"),
    "a text for a part": (
        lambda: vmap(same, in_axes=({"a": 0, "b": "c"},)),
        OptionError,
        r"in_axes\[0\]\['b'\]: (.|\n)*'c'",
    ),
    "other keys": (
        lambda: vmap(same, in_axes=({"a": 0, "c": 0},))(TREE),
        ArgumentError,
        r"argument x: in_axes .*structure(.|\n)*'c': 0",
    ),
    "an axis that a part does not have": (
        lambda: vmap(same, in_axes=({"a": 0, "b": (0, 2)},))(TREE),
        ArgumentError,
        r"argument x\['b'\]\[1\]: .*no axis 2(.|\n)*at least 3 axes",
    ),
    "parts of other sizes": (
        lambda: vmap(same, in_axes=({"a": 0, "b": 1},))(TREE),
        ArgumentError,
        r"2 in argument x\['a'\], 3 in argument x\['b'\]\[0\]",
    ),
    "a text for the result": (lambda: vmap(same, out_axes="a"), OptionError, r"out_axes(.|\n)*'a'"),
    "other parts of the result": (
        lambda: vmap(same, out_axes=(0, 1))(X),
        ArgumentError,
        r"result: out_axes .*structure(.|\n)*\(0, 1\) for",
    ),
    "an axis that a result cannot have": (
        lambda: vmap(same, out_axes=3)(X),
        ResultError,
        r"result: .*axis 3(.|\n)*from -2 to 1(.|\n)*float32\[3\]",
    ),
    "no axis for what differs": (
        lambda: vmap(lambda x: {"a": x, "b": 1.0}, out_axes=None)(X),
        ResultError,
        r"result\['a'\]: .*different value in each lane",
    ),
    "fewer lanes than none": (
        lambda: vmap(lambda: 1.0, axis_size=-1)(),
        OptionError,
        r"0 or more(.|\n)*axis_size=-1",
    ),
    "half a lane": (
        lambda: vmap(lambda: 1.0, axis_size=1.5)(),
        OptionError,
        r"whole number(.|\n)*axis_size=1\.5",
    ),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_axes_that_do_not_fit_are_refused(
    case: tuple[Callable[[], Any], type[BrainliteError], str], compiled: bool
) -> None:
    call, kind, match = case
    with pytest.raises(kind, match=match):
        (jit(call) if compiled else call)()


def test_a_state_is_as_it_was_after_a_refused_result() -> None:
    count = State(jnp.zeros(()))

    def add(x: Any) -> Any:
        count.value = count.value + 1
        return x

    with pytest.raises(ResultError):
        vmap(add, out_axes=5)(X)
    assert float(count.value) == 0.0


def test_axes_of_parts_are_those_that_were_asked_for() -> None:
    axes = {"a": 1, "b": (None, 1)}

    def lane(tree: Any) -> Any:
        return {"a": tree["a"], "b": (tree["b"][0].sum(), tree["b"][1])}

    found = vmap(lane, in_axes=(axes,), out_axes={"a": -1, "b": (None, 0)})(TREE)
    assert_same(found["a"], X)
    assert_same(found["b"][0], X.sum())
    assert_same(found["b"][1], (X + 1).T)
    assert_same(vmap(same, in_axes=1, out_axes=1)(X), X)
