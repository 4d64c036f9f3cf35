"""Loops that keep little for the backward pass: ``checkpointed_scan`` and ``_for_loop``."""

import operator
from collections.abc import Callable
from typing import Any, SupportsIndex, overload

import jax
import jax.numpy as jnp
from typing_extensions import TypeVar, TypeVarTuple, Unpack

from brainlite import environ
from brainlite.errors import OptionError
from brainlite.transform._engine._origin import Each
from brainlite.transform._engine._plain import Step
from brainlite.transform._engine._transformed import check_callable
from brainlite.transform._engine._values import check_arguments
from brainlite.transform._engine._watch import KEY, watch_steps
from brainlite.transform._flow._checkpoint import checkpoint
from brainlite.transform._flow._loops import scan
from brainlite.transform._flow._progress import ProgressBar, scan_with_progress
from brainlite.typing import PyTree

C = TypeVar("C")
X = TypeVar("X")
Y = TypeVar("Y")
Xs = TypeVarTuple("Xs")


@overload
def checkpointed_scan(
    f: Callable[[C, X], tuple[C, Y]],
    init: C,
    xs: X,
    length: int | None = None,
    base: int = 16,
    pbar: ProgressBar | int | None = None,
) -> tuple[C, Y]: ...
@overload
def checkpointed_scan(
    f: Callable[[C, None], tuple[C, Y]],
    init: C,
    xs: None = None,
    *,
    length: int,
    base: int = 16,
    pbar: ProgressBar | int | None = None,
) -> tuple[C, Y]: ...
def checkpointed_scan(
    f: Step,
    init: object,
    xs: object = None,
    length: int | None = None,
    base: int = 16,
    pbar: ProgressBar | int | None = None,
) -> tuple[PyTree, PyTree]:
    """Loop as :func:`scan` does, with much less memory for the gradient.

    The steps are cut into blocks of blocks. The backward pass starts from what was kept at the
    start of a block and computes the inside again: with ``d`` levels, some
    ``d * length ** (1 / d)`` carries are kept in place of ``length``, for at most ``d`` more
    forward passes. Results, states and gradients are those of :func:`scan`.

    Parameters
    ----------
    f, init, xs, length
        As in :func:`scan`. Where the length cannot be cut evenly, ``f`` is traced and compiled
        once more for the steps that remain.
    base : int
        The largest loop that is left in one piece. A smaller base means less memory, more levels
        and a longer compilation.
    pbar : ProgressBar or int, optional
        A progress bar, or the number of steps between its updates. It moves in the forward pass;
        the carry of each update is kept for the backward one.

    Returns
    -------
    carry, ys
        As :func:`scan` returns them.

    Raises
    ------
    LoopStateError
        As in :func:`scan`.
    OptionError
        ``base`` is less than 2.
    ArgumentError
        ``f`` cannot be called, or ``init`` or ``xs`` is not made of arrays.

    Examples
    --------
    >>> total = brainlite.State(jnp.zeros(()))
    >>> def body(carry, x):
    ...     total.value += x
    ...     return carry + x, carry
    >>> carry, ys = checkpointed_scan(body, 0.0, jnp.arange(100.0), base=4)
    >>> float(carry), float(total.value), ys.shape
    (4950.0, 4950.0, (100,))

    References
    ----------
    Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174, 2016, for
    blocks and for blocks in blocks.
    """
    check_base(base)
    check_callable(f, "the body of a loop")
    check_arguments({"init": init, "xs": xs}, "checkpointed_scan")
    lengths: set[tuple[int, ...]] = {jnp.shape(x)[:1] for x in jax.tree.leaves(xs)}
    if length is not None:
        lengths.add((length,))
    if len(lengths) != 1 or () in lengths:
        return scan(f, init, xs, length)  # which says what is wrong
    [steps] = lengths.pop()
    step, own, end = watch_steps(f, init, xs, steps)

    def piece(f: Step, carry: object, x: object, steps: int, *_options: object) -> PyTree:
        return _checkpointed(f, steps, base)(carry, x)

    with environ.context(**{KEY: ()}):  # the loops that make up this one are none to the user
        if pbar is None or not steps:
            carry, ys = _nested(step, init, xs, steps, base)
        else:
            carry, ys = scan_with_progress(
                scan, pbar, step, init, xs, steps, False, 1, shown=own, piece=piece
            )
    return carry, end(ys)


def checkpointed_for_loop(
    f: Callable[[Unpack[Xs]], Y],
    *xs: *Xs,
    length: int | None = None,
    base: int = 16,
    pbar: ProgressBar | int | None = None,
) -> Y:
    """Loop as :func:`for_loop` does, with much less memory for the gradient.

    Parameters
    ----------
    f, *xs, length
        As in :func:`for_loop`.
    base, pbar
        As in :func:`checkpointed_scan`.

    Returns
    -------
    pytree of arrays, shape (length, ...)
        The result of each step, stacked.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> checkpointed_for_loop(cell, jnp.ones((70, 2))).shape
    (70, 3)
    """
    return _for_loop(f, xs, length=length, base=base, pbar=pbar)


def _for_loop(f: Callable[..., Y], xs: object, **options: object) -> Y:
    untyped: Any = checkpointed_scan
    stacked: Y = untyped(Each(f), None, xs, **options)[1]
    return stacked


def _nested(f: Step, init: object, xs: object, length: int, base: int) -> tuple[PyTree, PyTree]:
    """Run a loop as one over blocks, and then the steps that do not fill a block."""
    if length <= base:
        return scan(f, init, xs, length)
    block = _block(length, base)
    count = length // block
    carry, ys = scan(
        _checkpointed(f, block, base),
        init,
        _reshaped(xs, count * block, (count, block)),
        count,
    )
    ys = _joined(ys)
    if count * block == length:
        return carry, ys
    carry, rest = _nested(f, carry, _rest(xs, count * block), length - count * block, base)
    return carry, jax.tree.map(_concatenate, ys, rest)


def _checkpointed(f: Step, length: int, base: int) -> Step:
    """Return a step that is a loop of so many steps, of which nothing is kept."""

    def run(carry: object, x: object) -> tuple[PyTree, PyTree]:
        return _nested(f, carry, x, length, base)

    # Inside a loop nothing can be merged with the forward pass, so prevent_cse has no use.
    return checkpoint(run, prevent_cse=False)


def _block(length: int, base: int) -> int:
    """Return the length of the blocks to cut a loop into: an even cut, if there is a good one."""
    depth = depth_of(length, base)
    root = int(length ** (1 / depth) + 1e-9)
    for count in range(root, max(root // 2, 1), -1):
        if length % count == 0:
            return length // count
    return int(root ** (depth - 1))


def depth_of(length: int, base: int) -> int:
    """Return how many levels of loops of at most ``base`` steps make ``length`` steps."""
    depth = 1
    while base**depth < length:
        depth += 1
    return depth


def check_base(base: SupportsIndex) -> None:
    """Raise unless ``base`` is a whole number, 2 or more."""
    try:
        good = operator.index(base) >= 2
    except TypeError:
        good = False
    if not good:
        raise OptionError(
            "a checkpointed loop cannot be cut into blocks of this size",
            expected="base: a whole number, 2 or more",
            got=f"{base!r}",
            fix="leave base out, for 16",
        )


def _reshaped(xs: object, end: int, shape: tuple[int, int]) -> PyTree:
    def cut(x: object) -> PyTree:
        array = jnp.asarray(x)
        return array[:end].reshape(*shape, *array.shape[1:])

    return jax.tree.map(cut, xs)


def _joined(ys: PyTree) -> PyTree:
    def join(y: PyTree) -> PyTree:
        return y.reshape(y.shape[0] * y.shape[1], *y.shape[2:])

    return jax.tree.map(join, ys)


def _rest(xs: object, start: int) -> PyTree:
    def take(x: object) -> PyTree:
        return jnp.asarray(x)[start:]

    return jax.tree.map(take, xs)


def _concatenate(first: PyTree, rest: PyTree) -> PyTree:
    return jnp.concatenate([first, rest])
