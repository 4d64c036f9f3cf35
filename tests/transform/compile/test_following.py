"""Generators go to the devices of what else is computed with; two models in tests/distributed."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite.random import RandomState
from brainlite.state import State
from brainlite.transform import jit
from brainlite.transform._compile._following import follow
from tests.closeness import assert_same

P: Any = PartitionSpec
pytestmark = pytest.mark.devices(2)


def test_a_generator_goes_where_all_else_is_and_keeps_its_key() -> None:
    one, two = jax.devices()[:2]
    mesh = jax.make_mesh((2,), ("x",), axis_types=(AxisType.Auto,))
    rng, weight = RandomState(0), State(jax.device_put(jnp.ones(4), two))
    key = jax.random.key_data(rng.value)
    assert not follow([rng, weight], ())  # it is tied to nothing
    rng.value = jax.device_put(rng.value, one)
    assert follow([rng, weight], ())
    assert rng.sharding is None
    assert not rng.value.committed
    rng.value = jax.device_put(rng.value, one)
    where = NamedSharding(mesh, P())
    assert follow([rng], {"x": jax.device_put(jnp.ones(4), NamedSharding(mesh, P("x")))})
    assert rng.sharding == where
    assert rng.value.sharding == where
    assert not follow([rng, weight], (jax.device_put(jnp.ones(4), one),))  # others do not agree
    assert not follow([rng], ())
    assert_same(jax.random.key_data(rng.value), key)


def test_numbers_are_those_that_the_generator_would_have_drawn_anywhere() -> None:
    one, two = jax.devices()[:2]
    here, reference = RandomState(5), RandomState(5)
    draw = jit(lambda x: here.normal(size=4) + x)
    for device in (one, two, one, two):
        assert_same(draw(jax.device_put(jnp.zeros(4), device)), reference.normal(size=4))


def test_what_clashes_beside_generators_is_the_error_of_jax() -> None:
    one, two = jax.devices()[:2]
    rng = RandomState(0)
    add = jit(lambda x, y: x + y + rng.normal())
    key = rng.value
    with pytest.raises(ValueError, match="incompatible devices"):
        add(jax.device_put(jnp.ones(2), one), jax.device_put(jnp.ones(2), two))
    assert rng.value is key
