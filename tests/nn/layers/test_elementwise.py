"""ElementWiseBlock and Identity."""

import jax.numpy as jnp

from brainlite.nn import Dropout, ElementWiseBlock, Identity, PReLU, ReLU


def test_identity_returns_the_same_object() -> None:
    x = jnp.ones(3)
    assert Identity()(x) is x
    assert Identity("same").name == "same"


def test_activations_and_dropout_are_marked() -> None:
    for kind in (Dropout, Identity, PReLU, ReLU):
        assert issubclass(kind, ElementWiseBlock)
