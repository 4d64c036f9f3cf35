"""What the layers over whole sequences share: layout, checks, and a state for streaming."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite.errors import InputError
from brainlite.nn._layers.layer import check_array, check_features
from brainlite.nn._modules.module import Module
from brainlite.nn._recurrent.lengths import are_lengths, check_marks, to_lengths, valid_steps
from brainlite.nn._recurrent.recurrence import Hidden, Marks
from brainlite.nn._recurrent.step import is_untraced
from brainlite.state import HiddenState, ParamState
from brainlite.state._face import locate
from brainlite.typing import Array, ArrayLike, Shape

Given: TypeAlias = ArrayLike | None
Lengths: TypeAlias = ArrayLike | Sequence[int] | None


class Inputs(NamedTuple):
    """What a layer is called with, as arrays; None for what was not given."""

    x: Array
    start: Hidden | None  # what the hidden states start from: zeros for None
    initial: Hidden | None  # what a reset sets them to: zeros for None
    lengths: Given
    mask: Given
    reset: Given


class SequenceLayer(Module):
    """The base of layers that run over a whole sequence.

    A subclass calls ``_set_up``, names its hidden states in ``hidden_names`` and gives their shapes
    in ``_shapes``; its ``update`` runs between ``_begin`` and ``_end``.
    """

    __display_compact__ = True

    hidden_names: ClassVar[tuple[str, ...]] = ("h",)
    h: HiddenState[Array]

    def _set_up(
        self, input_size: int, out_size: int, batch_first: bool, stateful: bool, name: str | None
    ) -> None:
        self.name = name
        self.in_size = input_size
        self.out_size = out_size
        self.batch_first: bool = batch_first
        self.stateful: bool = stateful

    def _shapes(self, batch: Shape) -> list[Shape]:
        """Return the shapes of the hidden states for a batch, (B,) or ()."""
        raise NotImplementedError

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the hidden states of a stateful layer anew: zeros."""
        del kwargs
        if not self.stateful:
            return
        for name, zeros in zip(self.hidden_names, self._zeros(batch_size), strict=True):
            # As in the cells: a state that is there already is written, so no attribute changes.
            state = getattr(self, name, None) if is_untraced() else None
            if type(state) is HiddenState:
                state.value = zeros
            else:
                setattr(self, name, HiddenState(zeros))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the hidden states of a stateful layer back to zeros."""
        del kwargs
        if self.stateful:
            self._end(self._zeros(batch_size))

    def _zeros(self, batch_size: int | None) -> Hidden:
        batch = () if batch_size is None else (batch_size,)
        dtype = dtype_of_parameters(self)
        return tuple([jnp.zeros(shape, dtype) for shape in self._shapes(batch)])

    def _begin(
        self, x: Array, hx: Sequence[Array] | None, lengths: Lengths, mask: Given, reset: Given
    ) -> Inputs:
        """Check what the layer is called with."""
        check_rank(self, x)
        check_features(self, x, self.in_size[-1])
        counts = to_lengths(lengths)
        check_marks(self, x.shape[:-1], counts, mask, reset, self.batch_first)
        batch = x.shape[:1] if self.batch_first else x.shape[1:2]
        shapes = self._shapes(batch if x.ndim == 3 else ())
        if hx is not None:
            self._check_hidden(x, hx, shapes, "pass states for the batch of the input")
            return Inputs(x, tuple(hx), tuple(hx), counts, mask, reset)
        if not self.stateful:
            return Inputs(x, None, None, counts, mask, reset)
        states: list[HiddenState[Array]] = [getattr(self, name) for name in self.hidden_names]
        values = tuple([state.value for state in states])
        argument = f", batch_size={batch[0]}" if x.ndim == 3 else ""
        self._check_hidden(x, values, shapes, f"call `init_all_states(model{argument})` first")
        return Inputs(x, values, None, counts, mask, reset)

    def _end(self, last: Hidden) -> None:
        """Keep the last hidden states, if they are to be kept."""
        if self.stateful:
            for name, value in zip(self.hidden_names, last, strict=True):
                getattr(self, name).value = value

    def _check_hidden(
        self, x: Array, hidden: Sequence[Array], shapes: list[Shape], fix: str
    ) -> None:
        """Raise for hidden states of other shapes than the input asks for."""
        # An array can be iterated over, too: a state of several arrays is a tuple of them.
        several = isinstance(hidden, tuple | list)
        for name, each in zip(self.hidden_names, hidden if several else (), strict=False):
            check_array(self, each, f"hidden state {name}", scalar=True)
        found = [np.shape(each) for each in hidden] if several else None
        if found == shapes:
            return
        kind = "array" if hasattr(hidden, "shape") else type(hidden).__name__
        raise InputError(
            "the hidden state does not fit the input",
            where=where_is(self),
            expected=f"{' and '.join(self.hidden_names)} of shapes {shapes}, for an input of shape "
            f"{x.shape}",
            got=f"shapes {found}" if several else f"no tuple, but a single {kind}",
            fix=fix,
        )


def dtype_of_parameters(layer: Module) -> Any:
    """Return the type of floats that a layer computes in, which its hidden states have, too."""
    leaves = jax.tree.leaves(dict(layer.states(ParamState).to_values()))
    kinds = [leaf.dtype for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.result_type(*kinds) if kinds else environ.dftype()


def arrange(call: Inputs, batch_first: bool) -> tuple[Array, Marks]:
    """Return the sequence as (T, B, I), and its marks; steps that are left out become zeros.

    Whatever pads a sequence, NaN too, must not meet the weights: 0 times it would be in their
    gradients.
    """
    xs = layout(call.x, call.x.ndim, batch_first)
    mask, reset = [
        None if each is None else layout(jnp.asarray(each), call.x.ndim, batch_first)
        for each in (call.mask, call.reset)
    ]
    lengths = None if call.lengths is None else jnp.atleast_1d(jnp.asarray(call.lengths))
    valid = valid_steps(len(xs), lengths, mask)
    if valid is not None:
        xs = jnp.where(valid[..., None], xs, 0)
    if lengths is not None and jnp.issubdtype(xs.dtype, jnp.inexact):
        xs = jnp.where(are_lengths(len(xs), lengths)[None, :, None], xs, jnp.nan)
    if reset is not None and valid is not None:
        reset = reset & valid  # a step that is left out does not reset anything
    return xs, Marks(valid, reset, None)


def unpadded(call: Inputs, batch_first: bool) -> Array:
    """Return the sequence as it came, with zeros for steps that are left out."""
    if call.lengths is None and call.mask is None:
        return call.x
    return put_back(call, batch_first, arrange(call, batch_first)[0], ())[0]


def layout(x: Array, rank: int, batch_first: bool) -> Array:
    """Return what belongs to the steps with the axes (T, B, ...), given the rank of the input."""
    return x[:, None] if rank == 2 else x.swapaxes(0, 1) if batch_first else x


def put_back(call: Inputs, batch_first: bool, ys: Array, last: Hidden) -> tuple[Array, Hidden]:
    """Undo ``arrange`` for outputs (T, B, H) and states (..., B, H)."""
    if call.x.ndim == 2:
        return ys[:, 0], tuple([each[..., 0, :] for each in last])
    return ys.swapaxes(0, 1) if batch_first else ys, last


def check_rank(layer: Module, x: Array) -> None:
    """Raise unless ``x`` is a sequence of vectors, with a batch or without."""
    check_array(layer, x)
    if len(np.shape(x)) in (2, 3):
        return
    raise InputError(
        "the input is no sequence",
        where=where_is(layer),
        expected="an array with the axes time, batch and features, or time and features",
        got=f"an array of shape {np.shape(x)}",
        fix="add the missing axis with x[:, None], or call a cell for a single step",
    )


def where_is(layer: Module) -> str:
    """Return the path of a layer, for error messages."""
    return locate(layer) or type(layer).__name__
