"""Hidden states have the type of the parameters; a model of any type of floats computes in it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.state import HiddenState
from brainlite.transform import for_loop
from tests.nn.table import handling as h

KINDS = ["float16", *(pytest.param(k, marks=pytest.mark.slow) for k in ("bfloat16", "float64"))]
CELLS = ["GRUCell", "LSTMCell", "ValinaRNNCell", "MGUCell", "URLSTMCell"]
STREAMS = ["GRU", "LRU", "RNN", "LSTM", "MinGRU"]


def _some(names: list[str], quick: tuple[str, ...]) -> pytest.MarkDecorator:
    marked = [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in names]
    return pytest.mark.parametrize("name", marked)


@pytest.mark.parametrize("kind", KINDS)
@_some(CELLS, ("LSTMCell",))
def test_cells_keep_their_type_over_a_sequence(name: str, kind: str) -> None:
    with jax.enable_x64(kind == "float64"):
        layer = nn.Recurrent(getattr(nn, name)(3, 4)).to(kind)
        ys, last = layer(jnp.ones((5, 2, 3), kind))
        assert ys.dtype == kind
        assert {each.dtype for each in last.values()} == {jnp.dtype(kind)}


@pytest.mark.parametrize("kind", KINDS)
@_some(STREAMS, ("GRU", "LRU"))
def test_streams_keep_their_type_in_a_loop(name: str, kind: str) -> None:
    with jax.enable_x64(kind == "float64"):
        layer: Any = getattr(nn, name)(3, 4, stateful=True).to(kind)
        nn.init_all_states(layer, batch_size=2)
        before = [each.value.dtype for each in layer.states(HiddenState).values()]
        ys = for_loop(lambda x: layer(x[None])[0], jnp.ones((5, 2, 3), kind))
        assert ys.dtype == kind
        assert [each.value.dtype for each in layer.states(HiddenState).values()] == before


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_of_half_precision_is_that_of_single(need_weights: bool) -> None:
    layer = nn.MultiheadAttention(4, 2)
    x = jnp.asarray(np.random.RandomState(0).randn(2, 3, 4), "float16")
    expected = layer(x.astype("float32"), need_weights=need_weights)[0]
    found = layer.half()(x, need_weights=need_weights)[0]
    assert found.dtype == jnp.float16
    np.testing.assert_allclose(found.astype("float32"), expected, rtol=2e-2, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_transformers_of_every_type(name: str, kind: str) -> None:
    with jax.enable_x64(kind == "float64"):
        layer: Any = getattr(nn, name)(4, 2, 8).eval().to(kind)
        x = jnp.ones((2, 3, 4), kind)
        y = layer(x, x) if "Decoder" in name else layer(x)
        assert y.dtype == kind
        h.assert_finite(y)
