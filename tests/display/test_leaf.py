"""The text of what is not opened."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.display._leaf import LONGEST, array_text, leaf_text, safe_repr


class Broken:
    """An object whose ``repr`` fails."""

    def __repr__(self) -> str:
        raise ValueError("no text today")


class BrokenTwice:
    """An object whose ``repr`` fails with an error that has no text either."""

    def __repr__(self) -> str:
        class Wordless(Exception):
            def __repr__(self) -> str:
                raise ValueError

        raise Wordless


def test_a_repr_that_fails_says_how() -> None:
    assert safe_repr(Broken()) == "<Broken: repr raised ValueError('no text today')>"
    assert safe_repr(BrokenTwice()) == "<BrokenTwice: repr raised Wordless>"


def test_a_long_repr_is_cut_and_says_how_long_it_was() -> None:
    text = safe_repr("x" * 3 * LONGEST)
    assert len(text) < LONGEST + 40
    assert text.endswith(f"... ({3 * LONGEST + 2} characters)")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((30, 20), np.float32), "ShapedArray(float32[30,20])"),
        (jnp.zeros((), "bfloat16"), "ShapedArray(bfloat16[])"),
        (jax.eval_shape(lambda: jnp.zeros(3, jnp.int32)), "ShapedArray(int32[3])"),
        (jax.random.key(0), "ShapedArray(key<fry>[])"),
    ],
)
def test_an_array_prints_as_its_type(array: Any, text: str) -> None:
    assert array_text(array) == text


def test_numbers_are_shown_where_they_are_few_and_asked_for() -> None:
    assert array_text(jnp.arange(3), values=True) == "ShapedArray(int32[3], [0, 1, 2])"
    assert array_text(jnp.arange(3)) == "ShapedArray(int32[3])"
    assert array_text(jnp.arange(100), values=True) == "ShapedArray(int32[100])"
    assert array_text(jax.random.key(0), values=True) == "ShapedArray(key<fry>[])"


def test_traced_and_deleted_arrays_say_so() -> None:
    texts: list[str] = []

    def look(x: Any) -> Any:
        texts.append(array_text(x, values=True))
        return x

    jax.jit(look)(jnp.ones(2))
    assert texts == ["ShapedArray(float32[2]) <traced>"]
    gone = jnp.ones(2)
    gone.delete()
    assert array_text(gone, values=True) == "ShapedArray(float32[2]) <deleted>"


def test_functions_print_as_what_the_user_wrote() -> None:
    def act(x: Any) -> Any:
        return x

    assert leaf_text(jax.jit(act)) == repr(act)
    assert leaf_text(functools.wraps(act)(act)) == repr(act)
    assert leaf_text(Broken().__repr__) == "<bound method Broken.__repr__>"


@pytest.mark.parametrize("kind", ["Layer", "Table"])
def test_a_foreign_pytree_prints_without_reading_its_arrays(kind: str) -> None:
    foreign = {"Layer": Layer, "Table": Table}[kind](jnp.ones((2, 3)))
    assert leaf_text(foreign) == f"{kind}(w=ShapedArray(float32[2,3]))"


@jax.tree_util.register_pytree_node_class
class Table:
    """A pytree of another library."""

    def __init__(self, w: Any) -> None:
        self.w = w

    def tree_flatten(self) -> tuple[tuple[Any], None]:
        return (self.w,), None

    @classmethod
    def tree_unflatten(cls, _: None, parts: tuple[Any]) -> "Table":
        return cls(*parts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(w={self.w!r})"


@jax.tree_util.register_pytree_node_class
class Layer(Table):
    """One that can be called, as the layers of some libraries are."""

    def __call__(self, x: Any) -> Any:
        return x @ self.w
