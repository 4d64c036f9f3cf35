"""Recurrences that are linear in the hidden state: their steps can be taken in parallel."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from brainlite._given import to_size
from brainlite.errors import SizeError
from brainlite.nn._functional.kernel import compiled_for
from brainlite.nn._layers.linear import Linear
from brainlite.nn._recurrent.recurrence import Marks
from brainlite.nn._recurrent.sequence import (
    Given,
    Inputs,
    Lengths,
    SequenceLayer,
    arrange,
    layout,
    put_back,
    unpadded,
)
from brainlite.state._face import refused
from brainlite.typing import Array, Shape


def linear_recurrence(
    a: Array, b: Array, start: Array, sequential: bool = False, parts: int = 1
) -> Array:
    """Return every :math:`h_t = a_t h_{t-1} + b_t`, element by element.

    Parameters
    ----------
    a, b : array, shape (T, ...)
    start : array, shape (...)
        The state before the first step.
    sequential : bool
        Whether to take one step after the other rather than all by a tree of some log(T) levels.
    parts : int
        In how many equal parts, each from zero, the steps are taken first; the state that each one
        should have started from comes to it afterwards. Over devices that hold a part each, this is
        all that they tell each other; of the tree, which interleaves steps, it is each level.

    Returns
    -------
    array, shape (T, ...)

    References
    ----------
    .. [1] Blelloch, "Prefix Sums and Their Applications", 1990: section 1.4, for the parts.
    """
    run = _one_by_one if sequential or not len(a) else _all_at_once
    if parts == 1 or not len(a):
        return run(a, b, start)
    a, b = [x.reshape(parts, len(x) // parts, *x.shape[1:]) for x in (a, b)]
    decays = jax.lax.associative_scan(jnp.multiply, a, axis=1)
    hs = jax.vmap(run, (0, 0, None))(a, b, jnp.zeros_like(start))
    ends = _one_by_one(decays[:, -1], hs[:, -1], start)
    starts = jnp.concatenate([start[None], ends[:-1]])
    hs = hs + decays * starts[:, None]
    joined: Array = hs.reshape(hs.shape[0] * hs.shape[1], *hs.shape[2:])
    return joined


def _one_by_one(a: Array, b: Array, start: Array) -> Array:
    def step(h: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        h = inputs[0] * h + inputs[1]
        return h, h

    hs: Array = jax.lax.scan(step, start, (a, b))[1]
    return hs


def _all_at_once(a: Array, b: Array, start: Array) -> Array:
    def join(first: tuple[Array, Array], then: tuple[Array, Array]) -> tuple[Array, Array]:
        return then[0] * first[0], then[0] * first[1] + then[1]

    b = b.at[0].add(a[0] * start)
    joined: Array = jax.lax.associative_scan(join, (a, b))[1]
    return joined


def to_parts(parts: int, where: str) -> int:
    """Return a number of parts, or raise a SizeError."""
    [number] = to_size(parts, "parts", where)
    if number > 0:
        return number
    raise SizeError(
        "a sequence cannot be taken in no parts",
        where=where,
        expected="parts: a whole number, 1 or more",
        got="parts=0",
        fix="leave it out, or pass the number of devices over which the sequence is cut",
    )


def check_parts(layer: SequenceLayer, parts: int, x: Array) -> None:
    """Raise unless a sequence (T, B, I), (B, T, I) or (T, I) has so many equal parts."""
    steps = x.shape[1 if layer.batch_first and x.ndim == 3 else 0]
    if steps % parts:
        raise refused(
            layer,
            "the sequence cannot be taken in so many equal parts",
            expected=f"a multiple of {parts} steps, for parts={parts}",
            got=f"{steps} steps, in an input of shape {x.shape}",
            fix="pad the sequence, and pass its `lengths`; or set `layer.parts = 1`",
        )


def marked_recurrence(
    call: Inputs, marks: Marks, a: Array, b: Array, sequential: bool, parts: int
) -> tuple[Array, Array]:
    """Return every state (T, B, H) from where a call starts, heeding its marks, and the last one.

    ``a`` may lack the batch, (T, 1, H).
    """
    zeros = jnp.zeros(b.shape[1:], b.dtype)
    start, initial = [
        zeros if each is None else jnp.reshape(each[0], zeros.shape).astype(b.dtype)
        for each in (call.start, call.initial)
    ]
    if marks.reset is not None:
        lanes = marks.reset[..., None]
        a, b = jnp.where(lanes, 0, a), jnp.where(lanes, b + a * initial, b)
    if marks.valid is not None:
        lanes = marks.valid[..., None]
        a, b = jnp.where(lanes, a, 1), jnp.where(lanes, b, 0)
    hs = linear_recurrence(a, b, start, sequential, parts)
    return hs, hs[-1] if len(hs) else start


class MinGRU(SequenceLayer):
    r"""The minimal gated recurrent layer, whose steps are taken in parallel.

    :math:`z_t = \sigma(W_z x_t + b_z)` and
    :math:`h_t = (1 - z_t) h_{t-1} + z_t (W_h x_t + b_h)`.

    Parameters
    ----------
    input_size, hidden_size : int
        The numbers of input features and of hidden units.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are (B, T, features) rather than (T, B, features).
    sequential : bool
        Whether to take one step after the other, which needs less memory and, on few cores, time.
    parts : int
        In how many equal parts to take the steps, each by itself, and then to correct them by what
        the parts before have come to: the number of devices over which the sequence is cut.
    stateful, name
        As in :class:`RNN`.

    Raises
    ------
    SizeError
        A size is negative or not whole, or there are no parts.
    InputError
        At the call: the sequence does not divide into the parts.

    References
    ----------
    .. [1] Feng et al., "Were RNNs All We Needed?", arXiv:2410.01201, 2024, section 3.1.

    Examples
    --------
    >>> output, h_n = brainlite.nn.MinGRU(10, 20)(jnp.ones((7, 3, 10)))
    >>> output.shape, h_n.shape
    ((7, 3, 20), (3, 20))
    """

    input_size: int
    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        batch_first: bool = False,
        *,
        sequential: bool = False,
        parts: int = 1,
        stateful: bool = False,
        name: str | None = None,
    ) -> None:
        [self.input_size] = to_size(input_size, "input_size", "MinGRU")
        [self.hidden_size] = to_size(hidden_size, "hidden_size", "MinGRU")
        self.sequential: bool = sequential
        self.parts: int = to_parts(parts, "MinGRU")
        self._set_up(self.input_size, self.hidden_size, batch_first, stateful, name)
        options: dict[str, Any] = {} if bias else {"b_init": None}
        self.gate: Linear = Linear(input_size, hidden_size, **options)
        self.candidate: Linear = Linear(input_size, hidden_size, **options)

    def _shapes(self, batch: Shape) -> list[Shape]:
        return [(*batch, self.hidden_size)]

    def update(
        self,
        x: Array,
        hx: Array | None = None,
        *,
        lengths: Lengths = None,
        mask: Given = None,
        reset: Given = None,
    ) -> tuple[Array, Array]:
        """Run over a sequence, as :meth:`RNN.update` does.

        Parameters
        ----------
        x, lengths, mask, reset
            As in :meth:`RNN.update`.
        hx : array, shape ([B,] hidden_size), optional
            The initial state.

        Returns
        -------
        output : array, shape (T, B, hidden_size)
        h_n : array, shape ([B,] hidden_size)
        """
        call = self._begin(x, None if hx is None else (hx,), lengths, mask, reset)
        check_parts(self, self.parts, x)
        run = _kernel(self.batch_first, self.sequential, self.parts)
        xs = unpadded(call, self.batch_first)
        ys, last = run(call, self.gate(xs), self.candidate(xs))
        self._end(last)
        return ys, last[0]


@compiled_for
def _kernel(batch_first: bool, sequential: bool, parts: int) -> Callable[..., Any]:
    """Return the layer behind its affine maps, compiled."""

    def run(call: Inputs, gates: Array, candidates: Array) -> Any:
        _, marks = arrange(call, batch_first)
        z = jax.nn.sigmoid(layout(gates, call.x.ndim, batch_first))
        b = z * layout(candidates, call.x.ndim, batch_first)
        hs, last = marked_recurrence(call, marks, 1 - z, b, sequential, parts)
        ys = hs if marks.valid is None else jnp.where(marks.valid[..., None], hs, 0)
        return put_back(call, batch_first, ys, (last,))

    return run
