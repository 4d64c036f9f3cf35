"""What the layers with torch's equations share: parameters, options, and the run of all layers."""

import functools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from brainlite import random
from brainlite._given import check_option, explicit_spec, to_size
from brainlite.nn._functional.kernel import compiled_for
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.nn._recurrent import cudnn
from brainlite.nn._recurrent.lengths import valid_steps
from brainlite.nn._recurrent.recurrence import (
    Cell,
    Hidden,
    Marks,
    Weights,
    borders,
    hidden_over_time,
    recur,
)
from brainlite.nn._recurrent.sequence import (
    Given,
    Inputs,
    Lengths,
    SequenceLayer,
    arrange,
    put_back,
)
from brainlite.state import ParamState
from brainlite.transform._face import watchers
from brainlite.typing import Array, Key, Shape


class _Setup(NamedTuple):
    """All that a compiled run depends on beside its arrays."""

    cell: Cell
    widths: tuple[int, ...]  # of the hidden states
    directions: int
    dropout: float
    batch_first: bool
    tbptt: int | None
    remat: bool
    on_cudnn: bool
    seen: bool  # whether somebody looks at the hidden states of each step


def _run(plan: _Setup, call: Inputs, weights: Sequence[Weights], key: Key | None) -> Any:
    """Run all layers; return the outputs, and the last hidden states (layers, B, H).

    Where they are seen, also those of each layer and direction after each step, (T, B, H).
    """
    xs, marks = arrange(call, plan.batch_first)
    steps = jnp.arange(len(xs))
    if plan.tbptt is not None:
        marks = marks._replace(cut=(steps % plan.tbptt == 0) & (steps > 0))
    dtype = jnp.result_type(xs, weights[0].ih)
    xs = xs.astype(dtype)
    zeros = tuple([jnp.zeros((len(weights), xs.shape[1], n), dtype) for n in plan.widths])
    start, initial = [_cut_like(_batched(each, zeros), xs) for each in (call.start, call.initial)]
    if plan.on_cudnn:
        lengths = None if call.lengths is None else jnp.atleast_1d(jnp.asarray(call.lengths))
        layers = functools.partial(run_counted, plan)
        ys, lasts = cudnn.run(layers, plan.directions, xs, start, weights, lengths)
        seen: list[Hidden] = []
    else:
        ys, lasts, seen = run_layers(plan, xs, start, initial, weights, marks, key)
    if call.x.ndim == 2:
        seen = [tuple([each[:, 0] for each in hidden]) for hidden in seen]
    return *put_back(call, plan.batch_first, ys, lasts), seen


def run_counted(
    plan: _Setup, xs: Array, start: Hidden, weights: Sequence[Weights], lengths: Array | None
) -> tuple[Array, Hidden]:
    """Run all layers over sequences of these lengths; nothing else is special about them."""
    marks = Marks(valid_steps(len(xs), lengths, None), None, None)
    return run_layers(plan, xs, start, start, weights, marks, None)[:2]


def run_layers(
    plan: _Setup,
    xs: Array,
    start: Hidden,
    initial: Hidden,
    weights: Sequence[Weights],
    marks: Marks,
    key: Key | None,
) -> tuple[Array, Hidden, list[Hidden]]:
    """Run all layers over a sequence (T, B, I) from states (layers, B, H)."""
    sides = (marks, borders(marks))
    ends: list[Hidden] = []
    seen: list[Hidden] = []
    while len(ends) < len(weights):
        if ends and key is not None:
            key, used = jax.random.split(key)
            xs = _dropped(xs, plan.dropout, used)
        outs: list[Array] = []
        for side in range(plan.directions):
            here = len(ends)
            first, base = [tuple([s[here] for s in each]) for each in (start, initial)]
            ys, last = recur(
                plan.cell, side == 1, plan.remat, xs, first, base, weights[here], sides[side]
            )
            if plan.seen:
                seen.append(
                    hidden_over_time(
                        plan.cell, side == 1, xs, first, base, weights[here], sides[side]
                    )
                )
            outs.append(ys)
            ends.append(last)
        xs = jnp.concatenate(outs, -1) if len(outs) > 1 else outs[0]
    return xs, tuple([jnp.stack(each) for each in zip(*ends, strict=True)]), seen


def _batched(hidden: Hidden | None, zeros: Hidden) -> Hidden:
    """Return hidden states with a batch axis, also for unbatched input."""
    if hidden is None:
        return zeros
    pairs = zip(hidden, zeros, strict=True)
    return tuple([jnp.reshape(each, zero.shape).astype(zero.dtype) for each, zero in pairs])


def _cut_like(hidden: Hidden, xs: Array) -> Hidden:
    """Return hidden states with a batch that is cut as that of the input, where types say so."""
    spec = explicit_spec(xs)
    if spec is None:
        return hidden
    make_spec: Any = PartitionSpec  # which has no types
    where: Any = jax.typeof(xs).sharding
    cut = NamedSharding(where.mesh, make_spec(None, spec[1], None))
    reshard: Any = jax.sharding.reshard
    return tuple([reshard(each, cut) for each in hidden])


def _dropped(xs: Array, rate: float, key: Key) -> Array:
    kept = random.bernoulli(1 - rate, xs.shape, key)
    return jnp.where(kept, xs / (1 - rate if rate < 1 else 1), 0)


@compiled_for
def layers_kernel(setup: _Setup) -> Callable[..., Any]:
    """Return all layers as one kernel."""
    return functools.partial(_run, setup)


class TorchRecurrent(SequenceLayer):
    """The base of RNN, GRU and LSTM: layers of one cell above each other, in one or two directions.

    A subclass says how many gates its weights hold, and gives its cell.
    """

    weight_ih_l0: ParamState[Array]
    weight_hh_l0: ParamState[Array]
    input_size: int
    hidden_size: int
    num_layers: int
    gates: ClassVar[int]
    proj_size: int = 0

    def _cell(self) -> Cell:
        raise NotImplementedError

    def _build(
        self,
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        stateful: bool,
        tbptt: int | None,
        remat: bool,
        name: str | None,
    ) -> None:
        """Check and keep the options, and draw the parameters in torch's order."""
        kind = type(self).__name__
        [self.input_size] = to_size(input_size, "input_size", kind)
        [self.hidden_size] = to_size(hidden_size, "hidden_size", kind)
        [self.num_layers] = to_size(num_layers, "num_layers", kind)
        self.bias: bool = bias
        self.dropout: float = dropout
        self.bidirectional: bool = bidirectional
        self.tbptt: int | None = tbptt
        self.remat: bool = remat
        self._set_up(self.input_size, self._widths()[0], batch_first, stateful, name)
        self.out_size = self._widths()[0] * self._directions
        self._check_options()
        bound = 1 / math.sqrt(self.hidden_size)
        for each, shape in self._parameters():
            setattr(self, each, ParamState(random.uniform(-bound, bound, shape)))

    def _check_options(self) -> None:
        """Raise for an option out of its range; warn of a dropout without effect."""
        checks = (
            ("hidden_size", self.hidden_size > 0, "1 or more"),
            ("num_layers", self.num_layers > 0, "1 or more"),
            ("dropout", 0 <= self.dropout <= 1, "a probability, 0 to 1"),
            ("tbptt", self.tbptt is None or self.tbptt > 0, "1 or more, or None"),
            (
                "proj_size",
                0 <= self.proj_size < self.hidden_size,
                f"0 for no projection, or a number below hidden_size={self.hidden_size}",
            ),
            (
                "stateful",
                not (self.stateful and self.bidirectional),
                "False where bidirectional=True: the backward direction starts at the last step, "
                "which a stream does not have yet",
            ),
        )
        for option, fits, expected in checks:
            check_option(type(self).__name__, option, getattr(self, option), fits, expected)
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"{type(self).__name__}: dropout={self.dropout} has no effect with one layer, as "
                "it acts between layers",
                stacklevel=4,
            )

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _widths(self) -> tuple[int, ...]:
        return (self.hidden_size,)

    def _shapes(self, batch: Shape) -> list[Shape]:
        return [(self.num_layers * self._directions, *batch, width) for width in self._widths()]

    def _names(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the layer and the names in ``Weights``, for each layer and direction."""
        for layer in range(self.num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                yield layer, [f"{each}_l{layer}{suffix}" for each in names]

    def _parameters(self) -> Iterator[tuple[str, Shape]]:
        """Yield name and shape of each parameter, in torch's order."""
        out, rows = self._widths()[0], self.gates * self.hidden_size
        for layer, (ih, hh, b_ih, b_hh, hr) in self._names():
            yield ih, (rows, out * self._directions if layer else self.input_size)
            yield hh, (rows, out)
            if self.bias:
                yield b_ih, (rows,)
                yield b_hh, (rows,)
            if self.proj_size:
                yield hr, (out, self.hidden_size)

    def _weights(self) -> list[Weights]:
        there = {name: getattr(self, name).value for name, _ in self._parameters()}
        return [Weights(*map(there.get, names)) for _, names in self._names()]  # type: ignore[arg-type]  # only what may be None is missing

    def _apply(
        self, x: Array, hx: Any, lengths: Lengths, mask: Given, reset: Given
    ) -> tuple[Array, Hidden]:
        """Check, run and keep the state."""
        call = self._begin(x, hx, lengths, mask, reset)
        # Only where it matters: whether it is training need not be said otherwise.
        fit = self.dropout > 0 and self.num_layers > 1 and self.training
        looking = [each for each in watchers() if each.looks_into(self)]
        plan = self._plan(fit, not looking and self._on_cudnn(call, fit), bool(looking))
        key = random.split_key() if fit else None
        ys, last, seen = layers_kernel(plan)(call, self._weights(), key)
        for each in looking:
            each.after_sequence(self, self._by_name(seen))
        self._end(last)
        return ys, last

    def _by_name(self, seen: Sequence[Hidden]) -> dict[str, Array]:
        """Return hidden states by names such as ``h_l0``, those of layers and directions."""
        suffixes = [names[1].removeprefix("weight_hh") for _, names in self._names()]
        return {
            f"{name}{suffix}": each
            for suffix, hidden in zip(suffixes, seen, strict=True)
            for name, each in zip(self.hidden_names, hidden, strict=True)
        }

    def _on_cudnn(self, call: Inputs, fit: bool) -> bool:
        """Say whether cuDNN may take the call, where it is compiled for CUDA."""
        del call, fit
        return False

    def _plan(self, fit: bool, on_cudnn: bool, seen: bool = False) -> _Setup:
        """Return all that the kernel depends on beside arrays."""
        return _Setup(
            self._cell(),
            self._widths(),
            self._directions,
            self.dropout if fit else 0.0,
            self.batch_first,
            self.tbptt,
            self.remat,
            on_cudnn,
            seen,
        )

    def _torch_views(self) -> list[TorchView]:
        names = [name for name, _ in self._parameters()]
        return [view_of(getattr(self, name), {name: TorchLayout()}) for name in names]
