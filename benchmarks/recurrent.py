"""Recurrent layers over whole sequences, beside torch and beside a ``lax.scan`` written by hand.

The layer is an LSTM with torch's equations; every library runs the same numbers. A gradient is the
one with respect to the input and all parameters, of a sum of squares.
"""

import warnings
from collections.abc import Callable
from typing import Any

import brainstate
import flax.nnx
import jax
import jax.numpy as jnp
import torch

import brainlite
from benchmarks._measure import Named, Row, compare, repeated
from benchmarks._report import main
from brainlite.nn import LSTM

SIZES = ((100, 32, 128, 128), (200, 1, 32, 64), (50, 64, 256, 512))

Size = tuple[int, int, int, int]  # steps, batch, features, hidden units
Call = Callable[[], Any]


def make_layer(size: Size) -> tuple[LSTM, jax.Array]:
    """Return the layer of brainlite and its input."""
    steps, batch, features, hidden = size
    brainlite.random.seed(0)
    return LSTM(features, hidden), jax.random.normal(jax.random.key(0), (steps, batch, features))


def own(size: Size, backward: bool) -> Call:
    """Return a call of brainlite's layer under jit."""
    layer, xs = make_layer(size)
    if not backward:
        run = brainlite.transform.jit(layer)
        return lambda: run(xs)
    params = layer.states(brainlite.ParamState)
    loss = brainlite.transform.grad(lambda xs: (layer(xs)[0] ** 2).sum(), params, argnums=0)
    run_back = brainlite.transform.jit(loss)
    return lambda: run_back(xs)


def eager(size: Size, backward: bool) -> Call:
    """Return a call of brainlite's layer without jit."""
    layer, xs = make_layer(size)
    if not backward:
        return lambda: layer(xs)
    params = layer.states(brainlite.ParamState)
    loss = brainlite.transform.grad(lambda xs: (layer(xs)[0] ** 2).sum(), params, argnums=0)
    return lambda: loss(xs)


def scan_by_hand(params: dict[str, jax.Array], xs: jax.Array) -> Any:
    """Run the LSTM as one writes it in plain JAX; autodiff makes its gradient."""

    def step(carry: tuple[jax.Array, jax.Array], x: jax.Array) -> Any:
        h, c = carry
        gates = x @ params["weight_ih_l0"].T + h @ params["weight_hh_l0"].T
        gates = gates + params["bias_ih_l0"] + params["bias_hh_l0"]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((xs.shape[1], params["weight_hh_l0"].shape[1]))
    return jax.lax.scan(step, (zeros, zeros), xs)


def by_hand(size: Size, backward: bool) -> Call:
    """Return a call of the hand-written loop."""
    layer, xs = make_layer(size)
    params = {name: jnp.asarray(each) for name, each in layer.to_torch_state_dict().items()}
    loss = jax.grad(lambda params, xs: (scan_by_hand(params, xs)[1] ** 2).sum(), argnums=(0, 1))
    run = jax.jit(loss if backward else scan_by_hand)
    return lambda: run(params, xs)


def with_torch(size: Size, backward: bool) -> Call:
    """Return a call of torch's layer."""
    steps, batch, features, hidden = size
    layer = torch.nn.LSTM(features, hidden)
    xs = torch.randn(steps, batch, features, requires_grad=True)

    def forward() -> None:
        with torch.no_grad():
            layer(xs)

    def gradient() -> None:
        layer.zero_grad()
        xs.grad = None
        (layer(xs)[0] ** 2).sum().backward()

    return gradient if backward else forward


def with_nnx(size: Size, backward: bool) -> Call:
    """Return a call of flax's layer under jit; its cell has one bias fewer."""
    _, batch, features, hidden = size
    xs, zeros = make_layer(size)[1], jnp.zeros((batch, hidden))
    layer = flax.nnx.RNN(
        flax.nnx.OptimizedLSTMCell(features, hidden, rngs=flax.nnx.Rngs(0)), time_major=True
    )
    graph, params, rest = flax.nnx.split(layer, flax.nnx.Param, ...)

    def forward(params: Any, xs: jax.Array) -> Any:
        return flax.nnx.merge(graph, params, rest)(xs, initial_carry=(zeros, zeros))

    loss = jax.grad(lambda params, xs: (forward(params, xs) ** 2).sum(), argnums=(0, 1))
    run = jax.jit(loss if backward else forward)
    return lambda: run(params, xs)


def with_brainstate(size: Size, backward: bool) -> Call:
    """Return a call of brainstate's loop over its cell under jit."""
    _, batch, features, hidden = size
    xs = make_layer(size)[1]
    cell = brainstate.nn.LSTMCell(features, hidden)

    def forward(xs: jax.Array) -> Any:
        brainstate.nn.init_all_states(cell, batch_size=batch)
        return brainstate.transform.for_loop(cell, xs)

    params = cell.states(brainstate.ParamState)
    loss = brainstate.transform.grad(lambda xs: (forward(xs) ** 2).sum(), params, argnums=0)
    run = brainstate.transform.jit(loss if backward else forward)
    return lambda: run(xs)


def check() -> None:
    """Check that the loop written by hand computes what the layer does."""
    size = SIZES[1]
    for mine, theirs in (
        (own(size, False)()[0], by_hand(size, False)()[1]),
        (own(size, True)()[1], by_hand(size, True)()[1]),
    ):
        assert jnp.allclose(mine, theirs, atol=1e-5)


def measure() -> list[Row]:
    """Return rows for each size: against torch, a loop by hand, and at the first size the peers."""
    warnings.filterwarnings("ignore")
    check()
    rows: list[Row] = []
    for size in SIZES:
        references = {"torch": with_torch, "lax.scan": by_hand}
        if size == SIZES[0]:
            references |= {"flax nnx.RNN": with_nnx, "brainstate for_loop": with_brainstate}
        for backward in (False, True):
            case = f"LSTM {' x '.join(map(str, size))}, {'gradient' if backward else 'forward'}"
            pairs = [(own, "brainlite", make, name) for name, make in references.items()]
            pairs.append((eager, "brainlite, eager", own, "brainlite, jit"))
            for subject, title, make, name in pairs:
                rows.append(
                    compare(
                        "recurrent layer",
                        case,
                        Named(title, repeated(subject(size, backward))),
                        Named(name, repeated(make(size, backward))),
                        seconds=4.0,
                        goal_ratio=1.0 if name in ("torch", "lax.scan") else None,
                    )
                )
    return rows


if __name__ == "__main__":
    main(measure)
