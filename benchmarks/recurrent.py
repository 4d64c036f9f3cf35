"""Recurrent layers over whole sequences, beside torch, a ``lax.scan`` written by hand, and peers.

RNN, GRU and LSTM have torch's equations here, and the loop by hand has them, too; the cells of flax
and brainstate are their own, of the same sizes. A gradient is the one with respect to the input and
all parameters, of a sum of squares.
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
from brainlite.nn import GRU, LSTM, RNN

SIZES = ((100, 32, 128, 128), (200, 1, 32, 64), (50, 64, 256, 512))
LONG = (10_000, 4, 16, 32)
KINDS: dict[str, Any] = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}

Size = tuple[int, int, int, int]  # steps, batch, features, hidden units
Call = Callable[[], Any]


def make_layer(kind: str, size: Size, **options: Any) -> tuple[Any, jax.Array]:
    """Return the layer of brainlite and its input."""
    steps, batch, features, hidden = size
    brainlite.random.seed(0)
    xs = jax.random.normal(jax.random.key(0), (steps, batch, features))
    return KINDS[kind](features, hidden, **options), xs


def own(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of brainlite's layer under jit."""
    layer, xs = make_layer(kind, size)
    if not backward:
        run = brainlite.transform.jit(layer)
        return lambda: run(xs)
    params = layer.states(brainlite.ParamState)
    loss = brainlite.transform.grad(lambda xs: (layer(xs)[0] ** 2).sum(), params, argnums=0)
    run_back = brainlite.transform.jit(loss)
    return lambda: run_back(xs)


def eager(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of brainlite's layer without jit."""
    layer, xs = make_layer(kind, size)
    if not backward:
        return lambda: layer(xs)
    params = layer.states(brainlite.ParamState)
    loss = brainlite.transform.grad(lambda xs: (layer(xs)[0] ** 2).sum(), params, argnums=0)
    return lambda: loss(xs)


def step_lstm(from_x: jax.Array, from_h: jax.Array, h: jax.Array, c: jax.Array) -> Any:
    """Take a step of an LSTM."""
    i, f, g, o = jnp.split(from_x + from_h, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def step_gru(from_x: jax.Array, from_h: jax.Array, h: jax.Array, c: jax.Array) -> Any:
    """Take a step of a GRU."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = [jnp.split(each, 3, axis=-1) for each in (from_x, from_h)]
    z = jax.nn.sigmoid(z_x + z_h)
    return (1 - z) * jnp.tanh(n_x + jax.nn.sigmoid(r_x + r_h) * n_h) + z * h, c


def step_rnn(from_x: jax.Array, from_h: jax.Array, h: jax.Array, c: jax.Array) -> Any:
    """Take a step of a plain recurrent layer."""
    return jnp.tanh(from_x + from_h), c


STEPS = {"LSTM": step_lstm, "GRU": step_gru, "RNN": step_rnn}


def by_hand(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of the loop as one writes it in plain JAX; autodiff makes its gradient."""
    layer, xs = make_layer(kind, size)
    params = {name: jnp.asarray(each) for name, each in layer.to_torch_state_dict().items()}

    def forward(params: dict[str, jax.Array], xs: jax.Array) -> jax.Array:
        def step(carry: tuple[jax.Array, jax.Array], x: jax.Array) -> Any:
            from_x = x @ params["weight_ih_l0"].T + params["bias_ih_l0"]
            from_h = carry[0] @ params["weight_hh_l0"].T + params["bias_hh_l0"]
            h, c = STEPS[kind](from_x, from_h, *carry)
            return (h, c), h

        zeros = jnp.zeros((xs.shape[1], params["weight_hh_l0"].shape[1]))
        ys: jax.Array = jax.lax.scan(step, (zeros, zeros), xs)[1]
        return ys

    loss = jax.grad(lambda params, xs: (forward(params, xs) ** 2).sum(), argnums=(0, 1))
    run: Any = jax.jit(loss if backward else forward)
    return lambda: run(params, xs)


def with_torch(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of torch's layer."""
    steps, batch, features, hidden = size
    layer = getattr(torch.nn, kind)(features, hidden)
    xs = torch.randn(steps, batch, features, requires_grad=True)

    def forward() -> None:
        with torch.no_grad():
            layer(xs)

    def gradient() -> None:
        layer.zero_grad()
        xs.grad = None
        (layer(xs)[0] ** 2).sum().backward()

    return gradient if backward else forward


def with_nnx(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of flax's layer under jit; its cells have a bias fewer."""
    _, batch, features, hidden = size
    xs, zeros = make_layer(kind, size)[1], jnp.zeros((batch, hidden))
    carry = (zeros, zeros) if kind == "LSTM" else zeros
    cells = {"LSTM": "OptimizedLSTMCell", "GRU": "GRUCell", "RNN": "SimpleCell"}
    cell = getattr(flax.nnx, cells[kind])(features, hidden, rngs=flax.nnx.Rngs(0))
    layer = flax.nnx.RNN(cell, time_major=True)
    graph, params, rest = flax.nnx.split(layer, flax.nnx.Param, ...)

    def forward(params: Any, xs: jax.Array) -> Any:
        return flax.nnx.merge(graph, params, rest)(xs, initial_carry=carry)

    loss = jax.grad(lambda params, xs: (forward(params, xs) ** 2).sum(), argnums=(0, 1))
    run = jax.jit(loss if backward else forward)
    return lambda: run(params, xs)


def with_brainstate(kind: str, size: Size, backward: bool) -> Call:
    """Return a call of brainstate's loop over its cell under jit."""
    _, batch, features, hidden = size
    xs = make_layer(kind, size)[1]
    cells = {"LSTM": "LSTMCell", "GRU": "GRUCell", "RNN": "ValinaRNNCell"}
    options = {"activation": "tanh"} if kind == "RNN" else {}
    cell = getattr(brainstate.nn, cells[kind])(features, hidden, **options)

    def forward(xs: jax.Array) -> Any:
        brainstate.nn.init_all_states(cell, batch_size=batch)
        return brainstate.transform.for_loop(cell, xs)

    params = cell.states(brainstate.ParamState)
    loss = brainstate.transform.grad(lambda xs: (forward(xs) ** 2).sum(), params, argnums=0)
    run = brainstate.transform.jit(loss if backward else forward)
    return lambda: run(xs)


def check() -> None:
    """Check that the loops written by hand compute what the layers do."""
    for kind in KINDS:
        mine, theirs = own(kind, SIZES[1], False)()[0], by_hand(kind, SIZES[1], False)()
        assert jnp.allclose(mine, theirs, atol=1e-5)
        mine, theirs = own(kind, SIZES[1], True)()[1], by_hand(kind, SIZES[1], True)()[1]
        assert jnp.allclose(mine, theirs, atol=1e-4)


def long_sequence(remat: bool) -> tuple[Call, int]:
    """Return the gradient of a loss at the end of a long sequence, and the bytes it works in."""
    layer, xs = make_layer("LSTM", LONG, remat=remat)
    params = layer.states(brainlite.ParamState)
    run = brainlite.transform.jit(
        brainlite.transform.grad(lambda xs: (layer(xs)[1][0] ** 2).sum(), params)
    )
    memory = run.lower(xs).compile().memory_analysis()
    return lambda: run(xs), int(memory.temp_size_in_bytes)


REFERENCES = {
    "torch": with_torch,
    "lax.scan": by_hand,
    "flax nnx.RNN": with_nnx,
    "brainstate for_loop": with_brainstate,
}


def goal(name: str, kind: str, backward: bool) -> float:
    """Return the ratio that is good enough: what autodiff of a loop costs is to be saved.

    torch has a kernel of its own for the LSTM on a CPU, and none for the others.
    """
    if name == "torch":
        return (1.1 if backward else 0.95) if kind == "LSTM" else 0.5
    return 0.8 if backward else 1.0


def layer_row(kind: str, size: Size, backward: bool, name: str) -> Row:
    """Return brainlite's layer against a reference."""
    return compare(
        "recurrent layer",
        f"{kind} {' x '.join(map(str, size))}, {'gradient' if backward else 'forward'}",
        Named("brainlite", repeated(own(kind, size, backward))),
        Named(name, repeated(REFERENCES[name](kind, size, backward))),
        seconds=2.0,
        goal_ratio=goal(name, kind, backward),
    )


def eager_row(size: Size, backward: bool) -> Row:
    """Return a call without jit against one with it."""
    return compare(
        "recurrent layer, eager",
        f"LSTM {' x '.join(map(str, size))}, {'gradient' if backward else 'forward'}",
        Named("brainlite, eager", repeated(eager("LSTM", size, backward))),
        Named("brainlite, jit", repeated(own("LSTM", size, backward))),
        seconds=2.0,
    )


def memory_row() -> Row:
    """Return what it costs to keep a few of the hidden states only."""
    (thrifty, small), (plain, large) = long_sequence(True), long_sequence(False)
    return compare(
        "long sequence",
        f"LSTM {' x '.join(map(str, LONG))}, gradient; memory {small / large:.3f} of the plain",
        Named("remat=True", repeated(thrifty)),
        Named("remat=False", repeated(plain)),
        seconds=4.0,
        goal_ratio=1.5,
    )


def measure() -> list[Row]:
    """Return the rows of all layers and sizes, then those of eager calls and of memory."""
    warnings.filterwarnings("ignore")
    check()
    ways = (False, True)
    rows = [
        layer_row(kind, size, backward, name)
        for kind in KINDS
        for size in SIZES
        for backward in ways
        for name in REFERENCES
    ]
    rows += [eager_row(size, backward) for size in SIZES for backward in ways]
    return [*rows, memory_row()]


if __name__ == "__main__":
    main(measure)
