"""One eager step of a cell as one dispatch, with next to nothing around it.

A kernel for one step takes some ten microseconds, and looking up attributes, checking shapes and
writing states through their properties takes as long again. What was looked up stays true as long
as no attribute of any module is set, which the epoch tells; so it is kept with the cell.
"""

from collections.abc import Callable, Sequence

from brainlite._jax_compat import is_eager
from brainlite.graph import Node
from brainlite.state._face import AnyState, current_frame, epoch, hold, hold_placed
from brainlite.typing import Array

_KEY = object()  # under which a cell keeps its step
_frame = current_frame.get


class CompiledStep:
    """What an eager step of a cell needs, found once.

    Parameters
    ----------
    kernel : callable
        Takes input, hidden states, weights and extras; returns the new hidden states.
    hidden : sequence of State
        The hidden states.
    weights, extras : sequence of State
        The parameters.
    x : array
        An input that was found to be good.
    """

    __slots__ = ("_epoch", "_extras", "_hidden", "_hold", "_kernel", "_shapes", "_weights")

    def __init__(
        self,
        kernel: Callable[..., tuple[Array, ...]],
        hidden: Sequence[AnyState],
        weights: Sequence[AnyState],
        extras: Sequence[AnyState],
        x: Array,
    ) -> None:
        self._kernel = kernel
        self._hidden = hidden
        self._weights = weights
        self._extras = extras
        self._shapes = (x.shape, hidden[0].__held__.shape)
        self._epoch = epoch.value
        declared = any(state.sharding is not None for state in hidden)
        self._hold: Callable[..., None] = hold_placed if declared else hold

    def keep(self, cell: Node) -> None:
        """Let later calls of the cell find this."""
        cell.__compiled__[_KEY] = self

    def fits(self, x: Array) -> bool:
        """Say whether all that was looked up and checked is still so."""
        return self._epoch == epoch.value and self._shapes == (
            x.shape,
            self._hidden[0].__held__.shape,
        )

    def run(self, x: Array) -> Array:
        """Take the step."""
        new = self._kernel(
            x,
            tuple([state.__held__ for state in self._hidden]),
            tuple([state.__held__ for state in self._weights]),
            tuple([state.__held__ for state in self._extras]),
        )
        self._hold(self._hidden, new)
        return new[-1]


def is_untraced() -> bool:
    """Say whether a step runs here and now, on the values in the states themselves."""
    return _frame() is None and is_eager()


def prepared(cell: Node, x: Array) -> CompiledStep | None:
    """Return the step that was kept with a cell, if nothing is traced and it fits."""
    step: CompiledStep | None = cell.__compiled__.get(_KEY)
    return step if step is not None and is_untraced() and step.fits(x) else None
