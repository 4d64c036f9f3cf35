"""A recurrent layer over any cell, the user's own included."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from brainlite.errors import OptionError
from brainlite.graph import StateDict
from brainlite.nn._layers.batch_norm import BatchNorm
from brainlite.nn._layers.layer import check_features
from brainlite.nn._modules.collective import init_all_states
from brainlite.nn._modules.module import Module
from brainlite.nn._recurrent.lengths import check_marks, to_lengths
from brainlite.nn._recurrent.recurrence import Marks, borders, choose
from brainlite.nn._recurrent.sequence import Given, Inputs, Lengths, arrange, check_rank
from brainlite.state import HiddenState
from brainlite.state._face import refused
from brainlite.transform import checkpointed_for_loop, for_loop
from brainlite.typing import Array, Path


class Recurrent(Module):
    """A cell run over a whole sequence.

    Parameters
    ----------
    cell : Module
        Takes a step, (B, features) -> (B, features), and keeps what it remembers in states of the
        kind ``HiddenState`` with the batch as their first axis, which its ``init_state`` makes.
    batch_first : bool
        Whether input and output are (B, T, features) rather than (T, B, features).
    reverse : bool
        Whether to run from the last step to the first; the outputs stay in the order of the input.
    stateful, tbptt, remat, name
        As in :class:`RNN`.

    Raises
    ------
    OptionError
        ``cell`` is no module, ``tbptt`` is below 1, or a stateful layer would run backward.

    Examples
    --------
    >>> layer = brainlite.nn.Recurrent(brainlite.nn.MGUCell(10, 20))
    >>> output, last = layer(jnp.ones((7, 3, 10)), lengths=jnp.array([7, 4, 0]))
    >>> output.shape, last[("h",)].shape
    ((7, 3, 20), (3, 20))
    """

    def __init__(
        self,
        cell: Callable[[Array], Array],
        batch_first: bool = False,
        *,
        reverse: bool = False,
        stateful: bool = False,
        tbptt: int | None = None,
        remat: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = name
        self.cell: Any = cell
        self.batch_first: bool = batch_first
        self.reverse: bool = reverse
        self.stateful: bool = stateful
        self.tbptt: int | None = tbptt
        self.remat: bool = remat
        checks = (
            (isinstance(cell, Module), "cell", "a module with an update for one step", cell),
            (tbptt is None or tbptt > 0, "tbptt", "1 or more, or None", tbptt),
            (not (stateful and reverse), "stateful", "False where reverse=True", stateful),
        )
        for good, option, expected, got in checks:
            if not good:
                raise OptionError(
                    f"{option} has a value that cannot be",
                    where="Recurrent",
                    expected=expected,
                    got=f"{option}={got!r}",
                    fix=f"change {option}, or leave it out",
                )

    def update(
        self,
        x: Array,
        hx: Mapping[Path, Any] | None = None,
        *,
        lengths: Lengths = None,
        mask: Given = None,
        reset: Given = None,
    ) -> tuple[Array, dict[Path, Any]]:
        """Run over a sequence.

        Parameters
        ----------
        x : array, shape (T, B, features), (B, T, features) if batch_first, or (T, features)
        hx : mapping of path to array, optional
            The initial hidden states, as a call returns them. By default what ``init_all_states``
            makes, or if stateful what the last call ended with.
        lengths, mask, reset
            As in :meth:`RNN.update`.

        Returns
        -------
        output : array, shape (T, B, features)
            What the cell returned at every step; the axes are those of ``x``.
        last : dict of path to array
            The hidden states after the last step, by their paths in the cell.

        Raises
        ------
        InputError
            An argument does not fit the others or the cell; or there are lengths or a mask, and
            the cell takes moments of a batch, with a BatchNorm in training.
        StateMissingError
            The layer is stateful, and ``init_all_states`` was not called.
        """
        check_rank(self, x)
        if (size := self.cell._in_size) is not None:  # before any state is made
            check_features(self, x, size[-1])
        counts = to_lengths(lengths)
        check_marks(self, x.shape[:-1], counts, mask, reset, self.batch_first)
        if counts is not None or mask is not None:
            _check_no_batch_norm(self.cell)
        given: Any = hx
        if given is not None and not isinstance(given, Mapping):
            raise refused(
                self,
                "the hidden states have no names",
                expected="hx: a mapping of their paths in the cell to arrays",
                got=f"a {type(given).__name__}",
                fix="pass what a call returned beside the output, or leave hx out",
            )
        xs, marks = self._arranged(Inputs(x, None, None, counts, mask, reset))
        initial = self._start(hx, xs, marks.reset is not None)
        ys = self._loop(xs, marks, initial)
        last: dict[Path, Any] = self._hidden().to_values()
        swap = self.batch_first and x.ndim == 3
        return ys.swapaxes(0, 1) if swap else ys, last

    def _arranged(self, call: Inputs) -> tuple[Array, Marks]:
        xs, marks = arrange(call, self.batch_first)
        if call.x.ndim == 2:
            xs, marks = jax.tree.map(lambda each: each[:, 0], (xs, marks))
        if self.tbptt is not None:
            steps = jnp.arange(len(xs))
            marks = marks._replace(cut=(steps % self.tbptt == 0) & (steps > 0))
        return xs, borders(marks) if self.reverse else marks

    def _hidden(self) -> StateDict[HiddenState[Any]]:
        found: StateDict[HiddenState[Any]] = self.cell.states(HiddenState)
        return found

    def _start(self, hx: Mapping[Path, Any] | None, xs: Array, reset: bool) -> dict[Path, Any]:
        """Put the hidden states to where the sequence starts; return what a reset sets them to."""
        kept = self._hidden().to_values() if self.stateful else None
        if kept is None or hx is not None or reset:
            batch: dict[str, Any] = {"batch_size": xs.shape[1]} if xs.ndim == 3 else {}
            init_all_states(self.cell, **batch)
        states = self._hidden()
        if hx is not None:
            states.assign(hx)
        initial: dict[Path, Any] = states.to_values()
        if kept and hx is None:
            states.assign(kept)
        return initial

    def _loop(self, xs: Array, marks: Marks, initial: dict[Path, Any]) -> Array:
        """Run the cell over the steps, doing at each what the marks ask for."""

        def body(x: Array, mark: Marks) -> Array:
            states = self._hidden()
            old: dict[Path, Any] = states.to_values()
            if mark.cut is not None:
                old = choose(mark.cut, jax.lax.stop_gradient(old), old)
            if mark.reset is not None:
                old = choose(mark.reset, initial, old)
            states.assign(old)
            y: Array = self.cell(x)
            if mark.valid is None:
                return y
            states.assign(choose(mark.valid, states.to_values(), old))
            kept: Array = choose(mark.valid, y, jnp.zeros_like(y))
            return kept

        if self.remat:
            base = max(2, math.isqrt(len(xs)) + 1)
            flip = slice(None, None, -1 if self.reverse else 1)
            given = jax.tree.map(lambda each: each[flip], (xs, marks))
            return checkpointed_for_loop(body, *given, base=base)[flip]
        if any(mark is not None for mark in marks):
            return for_loop(body, xs, marks, reverse=self.reverse)
        ys: Array = for_loop(self.cell, xs, reverse=self.reverse)
        return ys


def _check_no_batch_norm(cell: Module) -> None:
    """Raise if a layer of the cell takes moments of a batch, where some lanes are padding."""
    for layer in cell.nodes(BatchNorm).values():
        if layer.running_mean is None or layer.training:
            raise refused(
                layer,
                "batch normalisation in a cell would count the padding",
                expected="sequences of one length, without lengths= and mask=",
                got=f"lengths or a mask, and a {type(layer).__name__} that takes the moments of "
                "the batch",
                fix="use LayerNorm in the cell, or call `eval()` on this layer",
            )
