"""Loops with a bound on their length, which can be differentiated: ``bounded_while_loop``."""

import operator
from collections.abc import Callable
from typing import NamedTuple, SupportsIndex

import jax.numpy as jnp
from jax.typing import ArrayLike
from typing_extensions import TypeVar

from brainlite.errors import LoopStateError, OptionError
from brainlite.state._face import Frame, same_structure, same_types, type_text
from brainlite.transform._engine._effects import called
from brainlite.transform._engine._lift import name_of, strengthen
from brainlite.transform._engine._transformed import check_callable
from brainlite.transform._engine._values import check_arguments, check_condition
from brainlite.transform._flow._branches import cond
from brainlite.transform._flow._checkpoint import checkpoint
from brainlite.transform._flow._checkpointed import check_base, depth_of
from brainlite.transform._flow._loops import scan
from brainlite.typing import Array, PyTree

C = TypeVar("C")


class _Progress(NamedTuple):
    """What is carried along."""

    value: PyTree
    going: Array  # whether there is another step to make
    made: Array  # how many steps so far


def bounded_while_loop(
    cond_fun: Callable[[C], ArrayLike],
    body_fun: Callable[[C], C],
    init_val: C,
    *,
    max_steps: int,
    base: int = 16,
) -> C:
    """Loop as :func:`while_loop` does, for ``max_steps`` steps at most.

    As the number of steps is bounded, the loop has a gradient. It is cut into blocks of blocks:
    the gradient needs memory as in :func:`checkpointed_scan`, and blocks that lie behind the
    last step are skipped.

    Parameters
    ----------
    cond_fun : callable
        ``carry -> bool``. It may read states, not write them. It is traced twice.
    body_fun : callable
        ``carry -> carry``. It may read and write states.
    init_val : pytree of arrays
        The first carry.
    max_steps : int
        After so many steps the loop ends, whatever ``cond_fun`` says.
    base : int
        The length of the innermost loop, at most. A larger base means fewer levels and a shorter
        compilation; a smaller one less memory.

    Returns
    -------
    The last carry.

    Raises
    ------
    LoopStateError
        The condition writes a state, or the body changes the type of the carry.
    BranchError
        The body changes the type of a state.
    OptionError
        ``max_steps`` is negative, or ``base`` less than 2.
    ArgumentError
        A function cannot be called, ``init_val`` is not made of arrays, or the condition is not one
        truth value.

    Examples
    --------
    >>> import jax
    >>> def doubled(x):
    ...     return bounded_while_loop(lambda x: x < 100, lambda x: x * 2, x, max_steps=20)
    >>> float(doubled(3.0)), float(jax.grad(doubled)(3.0))
    (192.0, 64.0)

    References
    ----------
    Kidger, "On neural differential equations", arXiv:2202.02435, 2022: such a loop is what
    Equinox and Diffrax use.
    """
    check_callable(cond_fun, "cond_fun of bounded_while_loop")
    check_callable(body_fun, "body_fun of bounded_while_loop")
    check_base(base)
    _check_steps(max_steps)
    check_arguments({"init_val": init_val}, "bounded_while_loop")
    init: PyTree = strengthen(init_val)
    going = jnp.asarray(_first_answer(cond_fun, init), bool)
    start = _Progress(init, going & (max_steps > 0), jnp.zeros((), "int32"))

    def step(now: _Progress) -> _Progress:
        value: PyTree = body_fun(now.value)
        _check_carry(now.value, value)
        made = now.made + 1
        going = jnp.asarray(cond_fun(value), bool) & (made < max_steps)
        return _Progress(strengthen(value), going, made)

    depth = depth_of(max_steps, base)
    length = _root(max_steps, depth)
    run: Callable[[_Progress], _Progress] = step
    for level in range(depth):
        # A block of one level is a step of the next, computed again in the backward pass.
        run = _repeat(run if level == 0 else checkpoint(run, prevent_cse=False), length)
    result: C = run(start).value
    return result


def _repeat(step: Callable[[_Progress], _Progress], times: int) -> Callable[[_Progress], _Progress]:
    def maybe(now: _Progress, _: None) -> tuple[_Progress, None]:
        return cond(now.going, step, _stay, now), None

    def block(now: _Progress) -> _Progress:
        return scan(maybe, now, None, length=times)[0]

    return block


def _stay(now: _Progress) -> _Progress:
    return now


def _root(steps: int, depth: int) -> int:
    """Return the length of each of ``depth`` nested loops that make at least ``steps`` steps."""
    length = 1
    while length**depth < steps:
        length += 1
    return length


def _first_answer(cond_fun: Callable[[PyTree], ArrayLike], init: object) -> PyTree:
    """Return what the condition says of the first carry, after a look at what it does."""
    frame = Frame("the condition of bounded_while_loop", hoist=False)
    answer, effects, _ = frame.run(called, cond_fun, (init,), {})
    if effects.states or effects.places:
        raise LoopStateError(
            "the condition of a bounded_while_loop writes states",
            expected="a condition that only reads",
            got=f"writes to {', '.join(map(name_of, effects.states)) or 'attributes'}",
            fix="write the states in the body (drawing a random number writes one, too)",
        )
    check_condition(answer, "bounded_while_loop")
    return answer


def _check_carry(before: object, after: object) -> None:
    if not same_structure(before, after) or not same_types(before, after):
        raise LoopStateError(
            "the carry of a bounded_while_loop changes in the body of a loop",
            expected=f"what it was before the loop: {type_text(before)}",
            got=type_text(after),
            fix="keep structure, shape and dtype in the body",
        )


def _check_steps(max_steps: SupportsIndex) -> None:
    """Raise for a bound that is no whole number."""
    try:
        good = operator.index(max_steps) >= 0
    except TypeError:
        good = False
    if not good:
        raise OptionError(
            "bounded_while_loop needs a bound",
            expected="max_steps: a whole number, 0 or more",
            got=f"{max_steps!r}",
            fix="pass the largest number of steps that may be needed",
        )
