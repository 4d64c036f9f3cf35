"""Models on many devices, known to the checkers."""

from typing import Any, assert_type

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from brainlite import distributed, nn
from brainlite.distributed import Exchange, Exchanges, Feed, Picture, Plan, rules
from brainlite.graph import PathContains
from brainlite.transform import jit
from brainlite.typing import Array

P: Any = PartitionSpec  # which jax has not typed: strict mypy refuses each call

distributed.initialize()
distributed.initialize("127.0.0.1:9911", processes=2, process=0)
where = distributed.mesh(data=-1, model=2)
assert_type(where, Mesh)


def make() -> nn.Linear:
    return nn.Linear(8, 8)


cut: distributed.Rules = [
    (PathContains("up"), {"weight": P(None, "model"), "bias": P("model")}),
    (PathContains("first"), rules.column("model")),
    (PathContains("second"), rules.row("model")),
    (PathContains("attention"), rules.heads("model")),
    (..., distributed.fsdp(where, "data", min_size=1)),
]
model = distributed.make(make, where, cut)
assert_type(model, nn.Linear)
assert_type(distributed.place(model, where, [(..., P())]), nn.Linear)
distributed.place(model, where, rules.transformer("model"))
assert_type(distributed.plan(model, where, cut), Plan)
assert_type(distributed.show(model), Picture)
assert_type(distributed.gather(model), dict[str, np.ndarray[Any, Any]])

x, labels = jnp.ones((8, 8)), jnp.zeros(8, int)
assert_type(distributed.batch(x, where, "data"), Array)
feed = distributed.feed([(x, labels)], where, P("data"), prefetch=2)
assert_type(feed, Feed[tuple[Array, Array]])

exchanged = distributed.exchanges(jit(model.update).lower(x).compile())
assert_type(exchanged, Exchanges)
assert_type(exchanged.rows, list[Exchange])
assert_type(Exchange("all-reduce", devices=8, times=1, bytes=700).bytes, int)
