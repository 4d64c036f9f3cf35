"""What transforms do under ``jax.disable_jit()``: they run the Python code, one step after another.

Values can be printed, branched on and stepped through then. The code runs in a frame all the same,
so that an exception on the way leaves every state as it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from brainlite._jax_compat import NEEDS_VALUES, jit_switch
from brainlite.state._face import Frame
from brainlite.transform._engine._effects import Effects, called, commit, itself
from brainlite.transform._engine._lift import strengthen
from brainlite.transform._engine._returned import Returned, fasten, homes, loosen, take_out
from brainlite.typing import PyTree

Step: TypeAlias = Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]
"""The body of a scan: from the carry and a slice to the next carry, and what is stacked."""

R = TypeVar("R")


def runs_plainly() -> bool:
    """Say whether ``jax.disable_jit()`` holds here."""
    return bool(jit_switch.value)


def run_plainly(
    fun: Callable[..., R],
    args: Sequence[object],
    kwargs: Mapping[str, object] | None = None,
    *,
    label: str,
) -> R:
    """Call ``fun``, and put what it writes in place when it returns."""
    frame = Frame(label, hoist=False)

    def called_apart(frame: Frame) -> tuple[PyTree, Returned | None, Effects, list[object]]:
        out, effects, values = called(frame, fun, args, kwargs or {})
        return *take_out(out, frame.is_new), effects, values

    out, returned, effects, values = frame.run(called_apart)
    commit(effects, values)
    result: R = out if returned is None else returned.put_back(out, homes(effects, itself), itself)
    return result


def known_number(number: Any) -> int | None:
    """Return a whole number or a truth value that is known here; None where it is traced."""
    try:
        return int(number)
    except NEEDS_VALUES:
        return None


def scan_plainly(
    f: Step,
    init: object,
    xs: object,
    length: int,
    reverse: bool,
    check: Callable[[object], None],
) -> tuple[object, object]:
    """Run a loop of at least one step; ``check`` gets what the body returns."""

    def run() -> tuple[object, object]:
        carry, ys = init, list[object]([None] * length)
        for n in reversed(range(length)) if reverse else range(length):
            out: PyTree = f(carry, jax.tree.map(lambda x, n=n: jnp.asarray(x)[n], xs))
            check(out)
            carry, ys[n] = strengthen(out[0]), loosen(out[1])  # the values of this step
        return carry, fasten(jax.tree.map(_stacked, *ys))

    return run_plainly(run, (), label="scan")


def _stacked(*steps: PyTree) -> object:
    return jnp.stack(steps)


def while_plainly(
    holds: Callable[[object], object], body: Callable[[object], object], init: object, *, label: str
) -> object:
    """Run a loop of unknown length; it raises, and writes nothing, if the condition is traced."""

    def run() -> object:
        carry = init
        while bool(holds(carry)):
            carry = body(carry)
        return carry

    return run_plainly(run, (), label=label)
