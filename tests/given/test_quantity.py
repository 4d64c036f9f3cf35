"""What is a quantity: told by its parts, since brainunit is no dependency."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._given import is_quantity, leaves_of, without_unit


@jax.tree_util.register_pytree_node_class
class Volts:
    """As a quantity of brainunit: one array, and a unit that is part of its structure."""

    def __init__(self, mantissa: Any, unit: str = "mV") -> None:
        self.mantissa = mantissa
        self.unit = unit

    mantissa: Any = None
    unit: str = ""

    def tree_flatten(self) -> tuple[tuple[Any], str]:
        return (self.mantissa,), self.unit

    @classmethod
    def tree_unflatten(cls, unit: str, leaves: Any) -> "Volts":
        return cls(leaves[0], unit)


def test_a_quantity_is_one_leaf_with_a_unit() -> None:
    one, other = Volts(jnp.ones(2)), jnp.zeros(3)
    assert is_quantity(one)
    assert leaves_of({"a": one, "b": other}) == [one, other]
    assert without_unit(one) is one.mantissa
    assert without_unit(other) is other


@pytest.mark.parametrize("value", [1, 1.0, None, "mV", jnp.ones(2), np.ones(2), [1.0], object()])
def test_anything_else_is_none(value: object) -> None:
    assert not is_quantity(value)


def test_a_traced_array_is_none() -> None:
    seen: list[bool] = []
    jax.jit(lambda x: seen.append(is_quantity(x)))(1.0)
    assert seen == [False]
