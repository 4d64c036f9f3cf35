"""Where states hold the lanes that they were made in."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from brainlite import HiddenState, ParamState, nn
from brainlite.graph import PathContains
from brainlite.nn import vmap_init_all_states
from brainlite.transform._lanes._new_lanes import arrange_lanes
from tests.transform.checks import assert_same

spec: Any = PartitionSpec  # it has no types


def test_what_was_made_moves_and_what_was_there_stays() -> None:
    cell = nn.LSTMCell(2, 3)
    before = cell.states().to_values()
    weight = cell.W.weight.value
    vmap_init_all_states(cell, axis_size=4)
    found = arrange_lanes(cell, before, {1: PathContains("c"), 0: ParamState})
    assert found == {1: [("c",)], 0: [("h",)]}
    assert_same((cell.c.value.shape, cell.h.value.shape), ((3, 4), (4, 3)))
    assert cell.W.weight.value is weight
    assert arrange_lanes(cell, cell.states().to_values(), {1: HiddenState}) == {}


def test_a_declared_layout_moves_along() -> None:
    cell = nn.GRUCell(2, 3)
    vmap_init_all_states(cell, axis_size=4)
    mesh = jax.make_mesh((1,), ("lanes",))
    cell.h.sharding = NamedSharding(mesh, spec("lanes", None))
    arrange_lanes(cell, {}, {1: HiddenState, 0: ...})
    assert cell.h.sharding.spec == spec(None, None)
    assert cell.h.value.shape == (3, 4)
    assert jnp.isfinite(cell.h.value).all()
