"""Looking for NaN and infinity in what a function gives, and for where the first one came from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from brainlite.errors import NonFiniteError
from brainlite.transform._engine._call import lift_call
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._lift import Body, name_of
from brainlite.transform._engine._reports import report_where
from brainlite.typing import Array


def raise_if_not_finite(
    fun: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    label: str,
    phase: str,
    when: object = True,
) -> None:
    """Run a function beside, and raise if what it returns or writes to states is not finite.

    No state is written, and no random number is used up.

    Parameters
    ----------
    fun, args, kwargs
        What to run.
    label : str
        The name of the transform, for messages.
    phase : str
        What the user calls this part of a program.
    when : bool or array of shape ()
        Whether to raise at all.
    """
    call = lift_call(fun, args, kwargs, label=label)
    effects = call.lifted.effects
    with exclusive(effects.states):
        error, (out, new) = execute(
            _run, [call.lifted], checkify.float_checks, call.values(), call.arguments
        )
    found = [
        (f"the result{jax.tree_util.keystr(path)}", leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(out)
    ]
    for state, value in zip(effects.states, new, strict=True):
        found += [(f"the state {name_of(state)}", leaf) for leaf in jax.tree.leaves(value)]
    found = [(name, leaf) for name, leaf in found if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    if not found:
        return
    names, leaves = zip(*found, strict=True)
    counts = jnp.stack([_count(leaf) for leaf in leaves])
    failed = jnp.any(counts > 0) & jnp.asarray(when, bool)
    shapes = tuple(map(jnp.shape, leaves))
    report_where(failed, _NonFinite(phase, names, shapes), counts, error)


def _run(
    bodies: Sequence[Body], errors: frozenset[type[Any]], values: list[object], arguments: object
) -> object:
    """Run the function on values alone."""

    def pure(values: list[object], arguments: object) -> object:
        return bodies[0](values, arguments)

    return checkify.checkify(pure, errors)(values, arguments)


def _count(leaf: Array) -> Array:
    """Return how many elements are NaN, and how many are infinite."""
    return jnp.stack([jnp.isnan(leaf).sum(), jnp.isinf(leaf).sum()])


@dataclass(frozen=True)
class _NonFinite:
    """Raises; equal to another for the same results, so that a compiled loop is found again."""

    phase: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    def __call__(self, failed: Array, counts: Array, error: checkify.Error, /) -> None:
        if not failed:
            return
        counted = zip(self.names, self.shapes, np.asarray(counts).tolist(), strict=True)
        got = [
            f"{name} of shape {shape} with {nans} NaN, {infinite} infinite"
            for name, shape, (nans, infinite) in counted
            if nans or infinite
        ]
        first = str(error.get() or "").partition("\n")[0]
        raise NonFiniteError(
            "a result or a state is not finite",
            where=self.phase or None,
            expected="finite numbers",
            got="; ".join(got),
            fix=f"look at the first operation that went wrong: {first}"
            if first
            else "look for an overflow: no operation made a NaN or divided by zero",
        )
