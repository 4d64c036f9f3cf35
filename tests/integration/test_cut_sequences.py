"""Linear recurrences over a sequence whose time is cut over the devices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import graph, nn
from brainlite.distributed import batch, mesh, place
from brainlite.state import ParamState
from brainlite.transform import grad, jit
from tests.closeness import assert_close

pytestmark = [pytest.mark.devices(8), pytest.mark.slow]

X: Any = np.random.default_rng(0).normal(size=(64, 2, 6)).astype("float32")  # (T, B, I)


class Net(nn.Module):
    """Two layers, each with a way around it."""

    def __init__(self, kind: Any, parts: int) -> None:
        self.layers = [kind(6, 6, parts=parts) for _ in range(2)]

    def update(self, x: jax.Array, lengths: jax.Array) -> Any:
        last: list[jax.Array] = []
        for layer in self.layers:
            y, h = layer(x, lengths=lengths)
            x = x + jnp.tanh(y)
            last.append(h)
        return x, last


def everything(model: Net, x: jax.Array, lengths: jax.Array) -> Any:
    def loss() -> jax.Array:
        mean: jax.Array = (model(x, lengths)[0] ** 2).mean()
        return mean

    return model(x, lengths), dict(grad(loss, model.states(ParamState))())


@pytest.mark.parametrize("kind", [nn.LRU, nn.MinGRU])
@pytest.mark.parametrize("data", [1, 2])
def test_a_sequence_that_is_cut_has_the_outputs_and_gradients_of_a_whole_one(
    kind: Any, data: int
) -> None:
    model, lengths = Net(kind, 1), jnp.array([64, 37])
    wanted = everything(model, jnp.asarray(X), lengths)
    where = mesh(time=-1, data=data)
    cut = place(graph.clone(model), where)
    for layer in cut.layers:
        layer.parts = where.shape["time"]
    x = batch(X, where, "time", "data")
    found: Any = jit(everything)(cut, x, batch(lengths, where, "data"))
    [output, _], _ = found
    assert output.sharding.spec[0] == "time"
    assert_close(jax.tree.map(np.asarray, found), wanted, terms=X.size)
