"""Tensor parallelism of the library's layers: the same numbers, and what devices exchange."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from brainlite import environ, nn, random
from brainlite.distributed import batch, make, mesh, rules
from brainlite.graph import PathContains
from brainlite.state import ParamState
from brainlite.transform import grad, jit
from tests.closeness import assert_close

pytestmark = pytest.mark.devices(8)
P: Any = PartitionSpec
COLLECTIVE = re.compile(
    r" (all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all)(?:-start)?\("
)


@pytest.fixture(autouse=True)
def _free_generator() -> Any:
    yield
    random.DEFAULT.sharding = None


def collectives(function: Any, *args: Any) -> dict[str, int]:
    """Count what devices tell each other in one call of a compiled function."""
    text: str = jit(function).lower(*args).compile().as_text() or ""
    return dict(
        Counter(match[1] for line in text.splitlines() for match in COLLECTIVE.finditer(line))
    )


def mlp() -> nn.Sequential[Any, Any]:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))


def attention(**options: Any) -> Callable[[], nn.Module]:
    class Reads(nn.Module):
        def __init__(self) -> None:
            self.attn = nn.MultiheadAttention(64, 8, **options)

        def update(self, x: jax.Array) -> jax.Array:
            other = x[..., : options.get("kdim", 64)]
            return self.attn(x, other, other, need_weights=False)[0]

    return Reads


FLOATS = np.asarray(np.random.default_rng(0).normal(size=(5, 4, 64)), "float32")
TOKENS = np.random.default_rng(0).integers(0, 64, size=(4, 6))
CUTS: dict[str, tuple[Callable[[], Any], Any, Any, dict[str, int] | None]] = {
    "outputs, then inputs": (
        mlp,
        [(PathContains("0"), rules.column("model")), (PathContains("2"), rules.row("model"))],
        FLOATS[0, :, :16],
        {"all-reduce": 1},
    ),
    "outputs": (lambda: nn.Linear(16, 32), [(..., rules.column("model"))], FLOATS[0, :, :16], {}),
    "features of a table": (
        lambda: nn.Embedding(64, 32),
        [(..., rules.column("model"))],
        TOKENS,
        {},
    ),
    "rows of a table": (
        lambda: nn.Embedding(64, 32),
        [(..., rules.row("model"))],
        TOKENS,
        {"all-reduce": 1},
    ),
    "heads, with weights of their own": (
        attention(kdim=32, vdim=32, bias=False),
        [(..., rules.heads("model"))],
        FLOATS,
        {"all-reduce": 1},
    ),
    "heads, with one weight": (attention(), [(..., rules.heads("model"))], FLOATS, None),
    "LSTM": (lambda: nn.LSTM(64, 64), [(..., rules.heads("model"))], FLOATS, None),
    "LSTM with a projection": (
        lambda: nn.LSTM(64, 64, proj_size=8),
        [(..., rules.heads("model"))],
        FLOATS,
        None,
    ),
    "GRU": (lambda: nn.GRU(64, 64), [(..., rules.heads("model"))], FLOATS, None),
    "encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 8, 128, dropout=0.0), 2),
        rules.transformer("model"),
        FLOATS,
        None,
    ),
    "decoder": (
        lambda: _Decodes(),
        rules.transformer("model"),
        FLOATS,
        None,
    ),
}


class _Decodes(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.TransformerDecoderLayer(64, 8, 128, dropout=0.0)

    def update(self, x: jax.Array) -> jax.Array:
        return self.layer(x, x)


_LONGEST = (
    "heads, with one weight",
    "LSTM with a projection",
    "GRU",
    "encoder",
    "outputs, then inputs",
)


@pytest.mark.parametrize(
    ("factory", "cut", "x", "told"),
    [
        pytest.param(*row, marks=[pytest.mark.slow] * (name in _LONGEST), id=name)
        for name, row in CUTS.items()
    ],
)
def test_a_layer_that_is_cut_computes_what_it_computes_whole(
    factory: Callable[[], Any], cut: Any, x: Any, told: dict[str, int] | None
) -> None:
    random.seed(0)
    plain = factory()
    random.seed(0)
    where = mesh(model=8)
    model = make(factory, where, cut)
    [x] = [batch(x, where, P())]

    def run(model: Any, x: Any) -> Any:
        with environ.context(fit=False):
            out = model(x)
        return out[0] if isinstance(out, tuple) else out

    assert any(
        not leaf.is_fully_replicated
        for state in model.states(ParamState).values()
        for leaf in jax.tree.leaves(state.value)
    )
    assert_close(jit(run)(model, x), run(plain, np.asarray(x)), terms=192)
    found = collectives(run, model, x)
    assert found == told if told is not None else found

    def slope(model: Any, x: Any) -> Any:
        def loss() -> jax.Array:
            out = run(model, x)
            weighed: jax.Array = out * jnp.cos(jnp.arange(out.size)).reshape(out.shape)
            return weighed.mean()

        return grad(loss, model.states(ParamState))()

    assert_close(jit(slope)(model, x), slope(plain, np.asarray(x)), terms=1024)


def test_specs_follow_the_layout_of_each_weight() -> None:
    leaves = {n: jnp.zeros((16,) * n) for n in range(4)}
    column, row, heads = (f("model") for f in (rules.column, rules.row, rules.heads))
    assert [column("w", leaves[n]) for n in range(3)] == [P(), P("model"), P(None, "model")]
    assert [row("w", leaves[n]) for n in range(4)] == [
        P(),
        P(),
        P("model", None),
        P(None, "model", None),
    ]
    assert heads("a.in_proj_bias", leaves[1]) == P()
    assert heads("a.bias_k", leaves[3]) == P(None, None, "model")
    assert heads("a.out_proj.weight.weight", leaves[2]) == P("model", None)
    assert heads("a.out_proj.weight.bias", leaves[1]) == P()
    assert heads("weight_hr_l0", leaves[2]) == P(None, "model")
    assert heads("weight_ih_l0_reverse", leaves[2]) == P("model", None)
    assert heads("a.count", leaves[0]) == P()
