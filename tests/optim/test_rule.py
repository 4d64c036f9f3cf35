"""What rules have in common: how arrays of trees come to them and go back."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.optim._rule import Rule
from tests.closeness import assert_same


@dataclass(frozen=True)
class Halving(Rule):
    """Goes half of the gradient, and keeps the last one."""

    def first(self, p: Any) -> Any:
        return {"last": jnp.zeros_like(p)}

    def step(self, g: Any, p: Any, slots: Any, t: Any, rate: Any) -> Any:
        return -0.5 * rate * g, {"last": g}


def test_each_array_of_a_tree_is_updated_in_single_precision() -> None:
    made = Halving(0.0, False, False)(1.0)
    params = {("a",): {"x": jnp.ones(2, "bfloat16"), "y": jnp.ones((), "complex64")}, ("b",): ()}
    remembered = made.init(params)
    assert remembered["last"]["a",]["x"].dtype == jnp.float32
    assert remembered["last"]["a",]["y"].shape == (2,)
    gradients = jax.tree.map(lambda leaf: 4 * leaf, params)
    updates, after = made.update(gradients, remembered, params)
    assert_same(updates["a",]["x"], jnp.full(2, -2.0))
    assert_same(updates["a",]["y"], jnp.asarray(-2.0 + 0j))
    assert updates["b",] == ()
    assert int(after["step"]) == 1
    assert_same(after["last"]["a",]["y"], jnp.array([4.0, 0.0]))


def test_weight_decay_goes_through_the_gradient_or_beside_it() -> None:
    one, rate = jnp.ones(()), jnp.asarray(0.5)
    coupled, _ = Halving(0.25, False, False).update(one, one, {}, one, rate)
    decoupled, _ = Halving(0.25, True, False).update(one, one, {}, one, rate)
    uphill, _ = Halving(0.25, True, True).update(one, one, {}, one, rate)
    np.testing.assert_allclose([coupled, decoupled, uphill], [-0.3125, -0.375, 0.125], rtol=1e-6)


def test_equal_rules_are_equal() -> None:
    assert Halving(0.0, False, False) == Halving(0.0, False, False)
    assert hash(Halving(0.0, False, False)) == hash(Halving(0.0, False, False))
    assert Halving(0.0, False, False) != Halving(0.5, False, False)
