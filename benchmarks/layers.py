"""Layers beside flax and torch: attention, convolution, normalisations, a loss, a table.

torch has the weights of brainlite; flax has its own, in the same shapes. A gradient is the one with
respect to the input, if it is of floats, and to all parameters; of a sum of squares, or of the loss
itself. Under jit beside both; eagerly, where a call is a dispatch or more, beside torch.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

import brainlite
from benchmarks._measure import Named, Row, compare, is_quick, repeated
from benchmarks._report import main
from brainlite import nn

GOAL = 1.1

Call = Callable[[], Any]
Apply = Callable[[Any, Any], Any]


def _plainly(layer: Any, x: Any) -> Any:
    return layer(x)


class Case(NamedTuple):
    """A layer of three libraries, how it is called, and its input."""

    title: str
    own: Any
    torch: Any
    flax: Any
    x: jax.Array
    calls: tuple[Apply, Apply, Apply] = (_plainly, _plainly, _plainly)
    images: bool = False  # channels come last here, second in torch


def _normal(*shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(0), shape)


def _attend(layer: Any, x: Any) -> Any:
    return layer(x, x, x, need_weights=False)[0]


def cases() -> Iterator[Case]:
    """Make the layers, one after another."""
    rngs, images = flax.nnx.Rngs(0), _normal(16, 32, 32, 64)
    yield Case(
        "attention, 8 x 128 x 256, 8 heads",
        nn.MultiheadAttention(256, 8),
        torch.nn.MultiheadAttention(256, 8, batch_first=True),
        flax.nnx.MultiHeadAttention(num_heads=8, in_features=256, decode=False, rngs=rngs),
        _normal(8, 128, 256),
        (_attend, _attend, _plainly),
    )
    yield Case(
        "convolution, 16 x 32 x 32 x 64, 3 x 3",
        nn.Conv2d((32, 32, 64), 64, 3, padding=1),
        torch.nn.Conv2d(64, 64, 3, padding=1, bias=False),
        flax.nnx.Conv(64, 64, (3, 3), padding=1, use_bias=False, rngs=rngs),
        images,
        images=True,
    )
    yield Case(
        "layer norm, 64 x 128 x 512",
        nn.LayerNorm(512),
        torch.nn.LayerNorm(512),
        flax.nnx.LayerNorm(512, rngs=rngs),
        _normal(64, 128, 512),
    )
    yield Case(
        "batch norm, 16 x 32 x 32 x 64, training",
        nn.BatchNorm2d((32, 32, 64)).train(),
        torch.nn.BatchNorm2d(64),
        flax.nnx.BatchNorm(64, use_running_average=False, rngs=rngs),
        images,
        images=True,
    )
    labels = jnp.arange(4096) % 1000
    theirs = torch.tensor(np.array(labels), dtype=torch.int64)
    yield Case(
        "cross entropy, 4096 x 1000",
        None,
        None,
        None,
        _normal(4096, 1000),
        (
            lambda _, x: nn.functional.cross_entropy(x, labels),
            lambda _, x: torch.nn.functional.cross_entropy(x, theirs),
            lambda _, x: optax.softmax_cross_entropy_with_integer_labels(x, labels).mean(),
        ),
    )
    yield Case(
        "embedding, 64 x 128 of 10000 x 256",
        nn.Embedding(10_000, 256),
        torch.nn.Embedding(10_000, 256),
        flax.nnx.Embed(10_000, 256, rngs=rngs),
        jnp.arange(64 * 128).reshape(64, 128) * 7 % 10_000,
    )


def _squares(y: Any) -> Any:
    return (y**2).sum() if y.ndim else y


def _is_float(x: jax.Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def own(case: Case, backward: bool, eager: bool = False) -> Call:
    """Return a call of brainlite's layer."""
    layer, apply = case.own, case.calls[0]

    def forward(x: jax.Array) -> Any:
        return apply(layer, x)

    run: Any = forward
    if backward:
        params = None if layer is None else layer.states(brainlite.ParamState)
        wanted: dict[str, Any] = {"argnums": 0} if _is_float(case.x) else {}
        run = brainlite.transform.grad(lambda x: _squares(forward(x)), params, **wanted)
    run = run if eager else brainlite.transform.jit(run)
    return lambda: run(case.x)


def with_flax(case: Case, backward: bool) -> Call:
    """Return a call of flax's layer under jit."""
    graph, params, rest = flax.nnx.split(case.flax, flax.nnx.Param, ...)

    def forward(params: Any, x: jax.Array, rest: Any) -> Any:
        layer = flax.nnx.merge(graph, params, rest)
        y = case.calls[2](layer, x)
        return y, flax.nnx.state(layer, flax.nnx.BatchStat)

    argnums = (0, 1) if _is_float(case.x) else 0
    loss = jax.grad(lambda *args: _squares(forward(*args)[0]), argnums=argnums)
    run = jax.jit(loss if backward else forward)
    return lambda: run(params, case.x, rest)


def with_torch(case: Case, backward: bool) -> Call:
    """Return a call of torch's layer."""
    layer = case.torch
    if layer is not None:
        named = case.own.to_torch_state_dict()
        layer.load_state_dict({name: torch.tensor(np.array(each)) for name, each in named.items()})
    x = torch.tensor(np.array(case.x))
    if case.images:
        x = x.permute(0, 3, 1, 2).contiguous()
    if _is_float(case.x):
        x.requires_grad_(True)

    def forward() -> Any:
        with torch.no_grad():
            return case.calls[1](layer, x)

    def gradient() -> None:
        x.grad = None
        if layer is not None:
            layer.zero_grad()
        _squares(case.calls[1](layer, x)).backward()

    return gradient if backward else forward


def check(case: Case) -> None:
    """Check that the layer computes what torch's does."""
    theirs = with_torch(case, False)().numpy()
    theirs = np.moveaxis(theirs, 1, -1) if case.images else theirs
    assert np.allclose(own(case, False)(), theirs, atol=1e-4), case.title


def layer_row(case: Case, backward: bool, name: str, other: Callable[[Case, bool], Call]) -> Row:
    """Return a layer under jit beside that of another library."""
    return compare(
        "layer",
        f"{case.title}, {'gradient' if backward else 'forward'}",
        Named("brainlite", repeated(own(case, backward))),
        Named(name, repeated(other(case, backward))),
        seconds=2.0,
        goal_ratio=GOAL,
    )


def eager_row(case: Case) -> Row:
    """Return a layer that is called eagerly beside torch's."""
    return compare(
        "layer, eager",
        f"{case.title}, forward",
        Named("brainlite", repeated(own(case, False, eager=True))),
        Named("torch", repeated(with_torch(case, False))),
        seconds=2.0,
        goal_ratio=GOAL,
    )


def measure() -> list[Row]:
    """Return the rows of all layers: under jit, then eager."""
    warnings.filterwarnings("ignore")
    brainlite.random.seed(0)
    rows: list[Row] = []
    late: list[Row] = []
    for case in cases():
        check(case)
        for backward in (False, True):
            rows.append(layer_row(case, backward, "torch", with_torch))
            # The running averages of flax refuse to be written while `jax.grad` traces.
            if not (is_quick() or (backward and isinstance(case.flax, flax.nnx.BatchNorm))):
                rows.append(layer_row(case, backward, "flax nnx", with_flax))
        late.append(eager_row(case))
    return [*rows, *late]


if __name__ == "__main__":
    main(measure)
