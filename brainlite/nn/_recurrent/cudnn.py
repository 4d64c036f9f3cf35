"""The LSTM by cuDNN, NVIDIA's library, which takes all layers and steps in one call.

``jax.experimental.rnn`` calls it, with all parameters in one flat array, and gives it a gradient.
What it has no rule for (a vmap, a second derivative) is computed by the layers in plain JAX.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.experimental import rnn

from brainlite._jax_compat import has_cudnn_rnn
from brainlite.nn._recurrent.recurrence import Hidden, Weights
from brainlite.typing import Array

# (T, B, I), the states (layers, B, H), parameters, lengths (B,) -> (T, B, H), the last states
Layers: TypeAlias = Callable[[Array, Hidden, Sequence[Weights], Array | None], tuple[Array, Hidden]]
_PRECISIONS = (None, "high", "highest", "tensorfloat32", "float32")


def obstacle(x: Array, dtype: Any, special: Sequence[str]) -> str | None:
    """Return why cuDNN cannot take this call, if it cannot; ``special`` is what is asked of it."""
    config: Any = jax.config  # which has no types
    precision = config.jax_default_matmul_precision
    checks = (
        (has_cudnn_rnn(), f"jax.default_backend() is {jax.default_backend()!r}, without cuDNN"),
        (not special, f"it has no {' and no '.join(special)}"),
        (dtype == jnp.float32, f"the parameters and the input are {dtype} together"),
        (x.size > 0, f"the input is empty, of shape {x.shape}"),
        (precision in _PRECISIONS, f"jax_default_matmul_precision is {precision!r}"),
    )
    return next((text for good, text in checks if not good), None)


def pack(weights: Sequence[Weights]) -> Array:
    """Return the parameters as one array: the matrices of all layers, then their biases."""
    matrices = [part.ravel() for each in weights for part in (each.ih, each.hh)]
    zeros = jnp.zeros_like(weights[0].hh[:, 0])
    biases = [zeros if b is None else b for each in weights for b in (each.b_ih, each.b_hh)]
    return jnp.concatenate([*matrices, *biases])


def run(
    layers: Layers,
    directions: int,
    xs: Array,
    start: Hidden,
    weights: Sequence[Weights],
    lengths: Array | None,
) -> tuple[Array, Hidden]:
    """Return what ``layers`` do, by cuDNN where the code is compiled for CUDA."""
    found: tuple[Array, Hidden] = jax.lax.platform_dependent(
        xs,
        start,
        list(weights),
        lengths,
        cuda=functools.partial(by_cudnn, layers, directions),
        default=layers,
    )
    return found


def by_cudnn(
    layers: Layers,
    directions: int,
    xs: Array,
    start: Hidden,
    weights: Sequence[Weights],
    lengths: Array | None,
) -> tuple[Array, Hidden]:
    """Return what ``layers`` do, by cuDNN."""
    steps, batch, features = xs.shape
    sizes = (features, start[0].shape[-1], len(weights) // directions, directions == 2)
    # Whether cuDNN takes a length of zero differs between versions: a step of those is thrown away.
    counted = jnp.full(batch, steps) if lengths is None else jnp.maximum(lengths, 1)
    lstm = _lstm(layers, *sizes)
    inputs = (xs.swapaxes(0, 1), *start, pack(weights), counted.astype(jnp.int32))
    ys, *last = lstm(*inputs)
    ys = ys.swapaxes(0, 1)
    if lengths is None:
        return ys, tuple(last)
    some = (lengths > 0)[:, None]
    kept = [jnp.where(some, new, old) for new, old in zip(last, start, strict=True)]
    return jnp.where(some, ys, 0), tuple(kept)


def _lstm(layers: Layers, features: int, hidden: int, number: int, both: bool) -> Any:
    """Return ``jax.experimental.rnn.lstm`` for these sizes, with the rules that it lacks."""
    dropout, precision = 0.0, None
    options = (features, hidden, number, dropout, both, precision)

    def unpack(flat: Array) -> list[Weights]:
        ih, hh, b_ih, b_hh = rnn.unpack_lstm_weights(flat, features, hidden, number, both)
        return [Weights(ih[i], hh[i], b_ih[i], b_hh[i], None) for i in ih]

    def plain(x: Array, h: Array, c: Array, flat: Array, lengths: Array) -> Any:
        ys, last = layers(x.swapaxes(0, 1), (h, c), unpack(flat), lengths)
        return ys.swapaxes(0, 1), *last

    def forward(x: Array, h: Array, c: Array, flat: Array, lengths: Array) -> Any:
        return rnn.lstm_fwd(x, h, c, flat, lengths, *options)

    def plain_forward(x: Array, h: Array, c: Array, flat: Array, lengths: Array) -> Any:
        inputs = (x, h, c, flat, lengths)
        out = plain(*inputs)
        reserve: Any = jax.eval_shape(forward, *inputs)[1][-1]  # which only cuDNN reads
        return out, (*inputs, out[0], jnp.zeros(reserve.shape, reserve.dtype))

    def backward(kept: Any, slopes: Any) -> Any:
        return rnn.lstm_bwd(*options, kept, slopes)[:4]

    def plain_backward(kept: Any, slopes: Any) -> Any:
        x, h, c, flat, lengths, *_ = kept
        return jax.vjp(functools.partial(plain, lengths=lengths), x, h, c, flat)[1](slopes)

    first, then = _backed(forward, plain_forward), _backed(backward, plain_backward)
    lstm: Any = jax.custom_vjp(lambda *inputs: first(*inputs)[0])
    lstm.defvjp(first, lambda kept, slopes: (*then(kept, slopes), None))
    return lstm


def _backed(fast: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``fast``, with ``plain`` in its place under vmap and for its derivative."""

    def rule(_: int, is_batched: Any, *inputs: Any) -> Any:
        axes = jax.tree.map(lambda each: 0 if each else None, tuple(is_batched))
        out = jax.vmap(plain, in_axes=axes)(*inputs)
        return out, jax.tree.map(lambda _: True, out)

    batched: Any = jax.custom_batching.custom_vmap(fast)
    batched.def_vmap(rule)
    run: Any = jax.custom_jvp(lambda *inputs: batched(*inputs))
    run.defjvp(lambda primals, tangents: jax.jvp(plain, primals, tangents))
    backed: Callable[..., Any] = run
    return backed
