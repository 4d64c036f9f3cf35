"""Calls from compiled code back to Python, where something is wrong."""

from collections.abc import Callable

import jax
from typing_extensions import TypeVarTuple

from brainlite._jax_compat import Tracer
from brainlite.typing import Array

Xs = TypeVarTuple("Xs")


def report_where(failed: Array, report: Callable[[Array, *Xs], None], *operands: *Xs) -> None:
    """Call ``report(failed, *operands)`` where ``failed`` holds: now, or whenever the code runs.

    Parameters
    ----------
    failed : Array of shape ()
        The condition.
    report : callable
        Raises what there is to say if its first argument holds. It is to be equal to another one
        for the same report, so that a loop that was compiled is found again.
    *operands : pytrees
        What it needs to know. In compiled code their arrays come as those of numpy or jax.
    """
    if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((failed, operands))):
        report(failed, *operands)
        return

    def call_back() -> None:
        # With the condition: under vmap both branches run, and it alone knows which lane failed.
        jax.debug.callback(report, failed, *operands)

    jax.lax.cond(failed, call_back, _nothing)


def _nothing() -> None:
    pass
