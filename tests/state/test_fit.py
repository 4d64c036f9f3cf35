"""Whether a new value fits an old one, and how values are described."""

from collections import OrderedDict
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.state._fit import same_structure, same_types, type_text


class Pair(NamedTuple):
    left: Any
    right: Any


class Opaque:
    def __repr__(self) -> str:
        return "Opaque()"


SAME_STRUCTURE = [
    (jnp.ones(3), 2.0),
    (np.ones(3), jnp.ones((2, 2))),
    (Opaque(), "text"),
    ([1, 2], [3, 4]),
    (Pair(1, 2), Pair(3, 4)),
    ({"a": 1, "b": 2}, {"b": 1, "a": 2}),
    ((), ()),
    (None, None),
]

OTHER_STRUCTURE = [
    (1.0, [1.0]),
    ([1.0], 1.0),
    ([1], [1, 2]),
    ([1], (1,)),
    ((1, 2), Pair(1, 2)),
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, OrderedDict(a=1)),
    ([None], [1]),
    (None, 1.0),
]


@pytest.mark.parametrize(("old", "new"), SAME_STRUCTURE)
def test_values_of_one_structure_fit(old: Any, new: Any) -> None:
    assert same_structure(old, new)
    assert same_structure(new, old)


@pytest.mark.parametrize(("old", "new"), OTHER_STRUCTURE)
def test_values_of_two_structures_do_not_fit(old: Any, new: Any) -> None:
    assert not same_structure(old, new)
    assert not same_structure(new, old)


def test_a_tracer_fits_where_an_array_was() -> None:
    def body(x: Any) -> Any:
        assert same_structure(jnp.ones(()), x)
        assert same_types(jnp.ones(()), x)
        assert not same_types(jnp.ones(2), x)
        return x

    jax.make_jaxpr(body)(jnp.ones(()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (jnp.ones(3), np.zeros(3, "float32")),
        (1.0, jnp.ones(())),
        (1, 2),
        (1.0, np.float32(2)),
        ([jnp.ones(3), 1], [jnp.zeros(3), 2]),
        (jnp.ones(3, "bfloat16"), jnp.zeros(3, "bfloat16")),
        (jax.random.key(0), jax.random.key(1)),
        (jax.eval_shape(jnp.sin, jnp.ones(3)), jnp.ones(3)),
    ],
)
def test_leaves_of_one_shape_and_dtype_are_of_one_type(old: Any, new: Any) -> None:
    assert same_types(old, new)
    assert same_types(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (jnp.ones(3), jnp.ones(4)),
        (jnp.ones(3), jnp.ones((3, 1))),
        (jnp.ones(3), jnp.ones(3, "bfloat16")),
        (1.0, 1),
        (1, True),
        (1.0, jnp.ones(1)),
        ([jnp.ones(3), 1.0], [jnp.ones(3), 1]),
        (jax.random.key(0), jnp.zeros((), "uint32")),
    ],
)
def test_leaves_of_another_shape_or_dtype_are_not(old: Any, new: Any) -> None:
    assert not same_types(old, new)
    assert not same_types(new, old)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (jnp.ones((2, 3)), "float32[2,3]"),
        (np.ones(3), "float64[3]"),
        (jnp.ones((), "bfloat16"), "bfloat16[]"),
        (jax.random.key(0), "key<fry>[]"),
        (1.5, "float 1.5"),
        (None, "None"),
        ((jnp.ones(3), [True]), "(float32[3], [bool True])"),
        ({"w": jnp.ones(3), "n": 2}, "{'n': int 2, 'w': float32[3]}"),
        (Pair(1, None), "Pair(left=int 1, right=None)"),
        (Opaque(), "Opaque Opaque()"),
    ],
)
def test_a_value_is_described_by_structure_shapes_and_dtypes(value: Any, text: str) -> None:
    assert type_text(value) == text
