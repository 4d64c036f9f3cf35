"""Codes: when two attribute values count as the same in a definition."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.graph import graphdef
from brainlite.graph._codes import ContainerSpec, NodeRef, StateRef, code_hash, same_code
from tests.graph.models import Bag, Linear


def test_codes_are_the_same_if_type_and_value_are() -> None:
    assert same_code(1, 1)
    assert not same_code(1, 1.0)
    assert not same_code(1, True)
    assert not same_code(NodeRef(1), StateRef(1))
    assert not same_code(NodeRef(1), 1)
    assert same_code(jnp.ones(2), jnp.ones(2))
    assert not same_code(np.ones(2), jnp.ones(2))
    assert not same_code(functools.partial(int), functools.partial(int))
    assert same_code(ContainerSpec(list, None, (1,)), ContainerSpec(list, None, (1,)))
    assert not same_code(ContainerSpec(list, None, (1,)), ContainerSpec(list, None, (1.0,)))
    assert not same_code(ContainerSpec(list, None, (1,)), ContainerSpec(list, None, (1, 1)))


def test_what_cannot_be_compared_is_the_same_as_itself_only() -> None:
    class Contrary:
        def __eq__(self, other: object) -> bool:
            raise ArithmeticError("never")

        __hash__ = None  # type: ignore[assignment]

    contrary = Contrary()
    assert same_code(contrary, contrary)
    assert not same_code(contrary, Contrary())
    assert code_hash(contrary) == code_hash(Contrary())
    key = jax.random.key(0)
    assert same_code(key, key)
    assert not same_code(key, jax.random.key(1))


def test_a_traced_value_is_the_same_as_itself_only() -> None:
    def body(x: Any) -> Any:
        assert same_code(x, x)
        assert not same_code(x, x + 1)
        assert graphdef(Bag(x=x)) != graphdef(Bag(x=x * 2))
        return x

    jax.make_jaxpr(body)(1.0)


def test_layers_that_are_alike_are_described_once() -> None:
    definition = graphdef(Bag(layers=[Linear(3) for _ in range(100)], head=Linear(4)))
    assert len({id(spec) for spec in definition.nodes}) == 3


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        ((1,), (True,)),
        ((1, 2.0), (1, 2)),
        ([1], [1.0]),
        (None, 0),
        ("a", b"a"),
    ],
)
def test_layers_that_differ_in_a_value_are_described_apart(left: Any, right: Any) -> None:
    definition = graphdef([Bag(x=left), Bag(x=right), Bag(x=left)])
    assert len(set(definition.nodes)) == 2
    assert definition.nodes[0] == definition.nodes[2] != definition.nodes[1]
