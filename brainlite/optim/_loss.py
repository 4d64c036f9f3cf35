"""A loss that is looked at while it is differentiated, and can be computed again elsewhere."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from brainlite.errors import OptionError, StateLostError
from brainlite.optim._slots import fitted
from brainlite.random import RandomState
from brainlite.state import State
from brainlite.state._face import AnyState, current_frame, type_text
from brainlite.transform._face import lift_call
from brainlite.typing import Array, Path


class Loss:
    """The function that an optimizer differentiates.

    Parameters
    ----------
    fun : callable
        The user's: no arguments, one number, or a pair of it and something else.
    has_aux : bool
        Whether it is a pair.
    scale : array, optional
        What the number is multiplied by.

    Attributes
    ----------
    read : set of State
        What it has read.
    before : dict
        What it has written, with the values from before.
    """

    def __init__(self, fun: Callable[[], Any], has_aux: bool, scale: Array | None) -> None:
        self._fun: Callable[[], Any] = fun
        self._has_aux: bool = has_aux
        self._scale: Array | None = scale
        self.read: set[AnyState] = set()
        self.before: dict[AnyState, Any] = {}

    def __call__(self) -> tuple[Any, tuple[Any, Any]]:
        """Return what is differentiated, and with it the number as it is and what is beside it."""
        out = self._fun()
        self._look()
        value, aux = _split(out) if self._has_aux else (out, None)
        scaled = value
        if self._scale is not None and isinstance(value, jax.Array) and value.shape == ():
            scaled = value.astype(self._scale.dtype) * self._scale
        return scaled, (value, aux)

    def _look(self) -> None:
        """Note which states the loss has read, and what those held that it has written."""
        frame = current_frame.get()
        assert frame is not None, "a loss is called by grad, which opens a frame"
        self.read = {read.slot for read in frame.reads if isinstance(read.slot, State)}
        for state in frame.written:
            if isinstance(state, State) and state not in frame.born:
                try:
                    self.before[state] = frame.outside(state)
                except StateLostError:  # it has had no value
                    continue

    def undoable(self) -> dict[AnyState, Any]:
        """Return what a step that is skipped takes back: all that was written but random keys."""
        return {s: v for s, v in self.before.items() if not isinstance(s, RandomState)}

    def at(self, params: Mapping[Path, AnyState]) -> Callable[[Mapping[Path, Any]], Any]:
        """Return the loss as a function of parameters: what it writes is dropped.

        Random numbers are those that were drawn before.
        """

        def run(values: Mapping[Path, Any]) -> Any:
            for state, value in self.before.items():
                state.value = value
            for path, value in values.items():
                if jax.tree.leaves(value):  # else it takes no part
                    state = params[path]
                    state.value = jax.tree.map(fitted, value, state.value)
            out = self._fun()
            return _split(out)[0] if self._has_aux else out

        def loss(values: Mapping[Path, Any]) -> Any:
            call = lift_call(run, (values,), {}, label="a line search")
            return call.lifted(call.values(), call.arguments)[0]

        return loss


def _split(out: Any) -> tuple[Any, Any]:
    """Take the result of a loss with has_aux apart."""
    if isinstance(out, tuple) and len(out) == 2:
        return out
    raise OptionError(
        "a loss with has_aux=True returns a pair",
        where="minimize",
        expected="(loss, aux)",
        got=type_text(out),
        fix="return `loss, aux`, or drop has_aux",
    )


def no_loss(_: object) -> Any:
    """Stand for the loss where it is only one of several whose gradients are summed."""
    raise OptionError(
        "a line search needs the loss itself, not one of several whose gradients make an update",
        where="accumulate",
        expected="accumulate=1",
        got="more steps for each update",
        fix="leave accumulate out, or the line search",
    )
