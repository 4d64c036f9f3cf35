"""A function over the leading axis, one slice at a time or some at once: ``map``."""

import operator
from collections.abc import Callable
from typing import SupportsIndex

import jax
import jax.numpy as jnp
from typing_extensions import TypeVar, TypeVarTuple, Unpack

from brainlite.errors import MapStateError, OptionError
from brainlite.random import RandomState
from brainlite.state._face import current_frame, type_text
from brainlite.transform._engine._effects import collect
from brainlite.transform._engine._lift import name_of
from brainlite.transform._engine._values import check_arguments
from brainlite.transform._flow._loops import for_loop
from brainlite.transform._lanes._vmap import vmap
from brainlite.typing import Array, PyTree

Y = TypeVar("Y")
Xs = TypeVarTuple("Xs")


# The name is that of brainstate and of jax.lax.
def map(f: Callable[[Unpack[Xs]], Y], *xs: *Xs, batch_size: int | None = None) -> Y:  # noqa: A001
    """Call ``f`` for each slice of ``xs`` along the leading axis.

    Without ``batch_size`` it is a :func:`for_loop`, and needs the memory of one call. With it,
    so many slices are computed at once, as by :func:`vmap`.

    Parameters
    ----------
    f : callable
        ``(*x) -> y``. It may read states and, one slice at a time, write them.
    *xs : pytrees of arrays, shape (length, ...)
        What to map over; all of one length.
    batch_size : int, optional
        How many slices to compute at once. The last ones may be fewer.

    Returns
    -------
    pytree of arrays, shape (length, ...)
        The result for each slice, stacked.

    Raises
    ------
    MapStateError
        With ``batch_size``, ``f`` writes a state: the slices of a batch do not follow one another.
        Drawing random numbers is no such write.
    OptionError
        ``batch_size`` is no positive whole number, or the ``xs`` differ in length.
    ArgumentError
        An argument is not made of arrays.

    Examples
    --------
    >>> from brainlite.transform._flow._map import map  # not the built-in one
    >>> xs = jnp.arange(10.0).reshape(5, 2)
    >>> map(lambda x: x / x.sum(), xs, batch_size=2).shape
    (5, 2)
    """
    if batch_size is None:
        return for_loop(f, *xs)
    check_arguments({"xs": xs}, "map")
    size, length = _check_size(batch_size), _length(xs)
    whole = length - length % size
    batch = vmap(_readonly(f))
    parts: list[PyTree] = []
    if whole or not length:
        blocks = _each(xs, lambda x: _cut(x, 0, whole).reshape(whole // size, size, *x.shape[1:]))
        stacked = for_loop(batch, *blocks)
        parts.append(_each(stacked, lambda y: y.reshape(whole, *y.shape[2:])))
    if length > whole:
        parts.append(batch(*_each(xs, lambda x: _cut(x, whole, length))))
    result: Y = parts[0] if len(parts) == 1 else jax.tree.map(_join, *parts)
    return result


def _each(tree: object, change: Callable[[Array], Array]) -> PyTree:
    def to_array(leaf: object) -> Array:
        return change(jnp.asarray(leaf))

    return jax.tree.map(to_array, tree)


def _cut(x: Array, start: int, end: int) -> Array:
    # An index of Python's would be moved to the device, which jax can be told to forbid.
    return jax.lax.slice_in_dim(x, start, end)


def _join(first: PyTree, rest: PyTree) -> PyTree:
    return jnp.concatenate([first, rest])


def _readonly(f: Callable[..., object]) -> Callable[..., object]:
    """Return ``f`` with a look at what it has written, for use in a lane."""

    def checked(*x: object) -> PyTree:
        y = f(*x)
        frame = current_frame.get()
        assert frame is not None
        effects, values = collect(frame)
        for state, value in zip(effects.states, values, strict=True):
            if not isinstance(state, RandomState) or state in effects.merged.values():
                raise MapStateError(
                    f"this {type(state).__name__} is written in a map with batch_size",
                    where=name_of(state),
                    expected="a function that writes no state",
                    got=f"a write of {type_text(value)}",
                    fix="leave batch_size out to write it slice by slice, or use vmap with "
                    "`out_states=`",
                )
        return y

    return checked


def _check_size(batch_size: SupportsIndex) -> int:
    """Return the size of a batch, or raise."""
    try:
        size = operator.index(batch_size)
    except TypeError:
        size = 0
    if size > 0 and not isinstance(batch_size, bool):
        return size
    raise OptionError(
        "map cannot work on batches of this size",
        expected="batch_size: a whole number, 1 or more",
        got=f"{batch_size!r}",
        fix="leave batch_size out to compute one slice at a time",
    )


def _length(xs: object) -> int:
    """Return the length that all arrays have, or raise."""
    shapes = [jnp.shape(x) for x in jax.tree.leaves(xs)]
    lengths = {shape[:1] for shape in shapes}
    if len(lengths) == 1 and lengths != {()}:
        return int(lengths.pop()[0])
    raise OptionError(
        "map needs arrays of one length",
        expected="at least one array, and a leading axis of the same length in each",
        got=f"arrays of shapes {shapes}",
        fix="cut the arrays to equal length; close over what is the same for each slice",
    )
