"""Branches: ``cond``, ``switch`` and ``ifelse``."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from typing_extensions import TypeVar, TypeVarTuple, Unpack

from brainlite._given import whole
from brainlite._jax_compat import is_eager
from brainlite.errors import BranchError
from brainlite.state._face import AnyState, locate, same_structure, same_types, type_text
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._effects import Effects, commit
from brainlite.transform._engine._lift import (
    Body,
    Lifted,
    anything,
    fetch,
    lift,
    may_not_come,
    name_of,
    strengthen,
)
from brainlite.transform._engine._plain import known_number, run_plainly, runs_plainly
from brainlite.transform._engine._transformed import check_callable
from brainlite.transform._engine._values import check_number
from brainlite.typing import PyTree

R = TypeVar("R")
Xs = TypeVarTuple("Xs")


def cond(
    pred: ArrayLike,
    true_fun: Callable[[Unpack[Xs]], R],
    false_fun: Callable[[Unpack[Xs]], R],
    *operands: *Xs,
) -> R:
    """Call ``true_fun`` or ``false_fun``, whichever ``pred`` selects at run time.

    Parameters
    ----------
    pred : bool, or array of shape ()
        Which branch.
    true_fun, false_fun : callable
        The branches, ``(*operands) -> result``. Both are traced; the states that the one taken
        writes get their new values, all others keep theirs.
    *operands : pytrees of arrays
        What the branch is called with.

    Returns
    -------
    The result of the branch. Both must return the same structure, shapes and dtypes.

    Raises
    ------
    BranchError
        The branches disagree in the type of the result or of a state.
    ArgumentError
        A branch cannot be called, or ``pred`` is not one truth value.

    Examples
    --------
    >>> hits = brainlite.State(jnp.zeros((), "int32"))
    >>> def hit(x):
    ...     hits.value += 1
    ...     return x
    >>> float(brainlite.transform.cond(True, hit, lambda x: -x, 3.0)), int(hits.value)
    (3.0, 1)
    """
    check_number(pred, "argument pred", "cond")
    result: R = _branch(jnp.asarray(pred, bool).astype("int32"), (false_fun, true_fun), operands)
    return result


def switch(index: ArrayLike, branches: Sequence[Callable[[Unpack[Xs]], R]], *operands: *Xs) -> R:
    """Call the branch of number ``index``, chosen at run time.

    Parameters
    ----------
    index : int, or array of shape ()
        Which branch; clamped to the range of ``branches``.
    branches : sequence of callables
        As in :func:`cond`.
    *operands : pytrees of arrays
        What the branch is called with.

    Returns
    -------
    The result of the branch.

    Raises
    ------
    BranchError
        There is no branch, or the branches disagree.
    ArgumentError
        A branch cannot be called, or ``index`` is not one whole number.

    Examples
    --------
    >>> float(brainlite.transform.switch(1, [lambda x: x, lambda x: x * 10], 2.0))
    20.0
    """
    given: Any = branches
    if not isinstance(given, Sequence) or not given:
        raise BranchError(
            "switch was given no branch",
            expected="a list or tuple of at least one callable",
            got="an empty sequence" if isinstance(given, Sequence) else f"{given!r}",
            fix="pass the branches as a list of functions",
        )
    check_number(index, "argument index", "switch", whole=True)
    number = whole(index)
    if number.dtype != jnp.int32:  # jax clamps to the branches what has 32 bits
        number = jnp.clip(number, 0, len(branches) - 1)
    result: R = _branch(number.astype("int32"), branches, operands)
    return result


def ifelse(
    conditions: Sequence[ArrayLike],
    branches: Sequence[Callable[[Unpack[Xs]], R]],
    *operands: *Xs,
) -> R:
    """Call the branch of the first condition that holds; the last one where none does.

    Parameters
    ----------
    conditions : sequence of bool, or of arrays of shape ()
        One for each branch, or one less: then the last branch is the ``else``.
    branches : sequence of callables
        As in :func:`cond`.
    *operands : pytrees of arrays
        What the branch is called with.

    Returns
    -------
    The result of the branch.

    Raises
    ------
    BranchError
        The numbers of conditions and branches do not fit, or the branches disagree.
    ArgumentError
        A branch cannot be called, or a condition is not one truth value.

    Examples
    --------
    >>> float(brainlite.transform.ifelse([False, True], [lambda: 1.0, lambda: 2.0, lambda: 3.0]))
    2.0
    """
    if len(branches) - len(conditions) not in (0, 1) or not branches:
        raise BranchError(
            "the conditions do not fit the branches",
            expected="as many conditions as branches, or one less",
            got=f"{len(conditions)} conditions and {len(branches)} branches",
            fix="let the last branch be the one for 'otherwise'",
        )
    for number, condition in enumerate(conditions):
        check_number(condition, f"conditions[{number}]", "ifelse")
    held = [jnp.asarray(condition, bool) for condition in conditions]
    first = jax.jit(_first_of) if is_eager() else _first_of
    return switch(first(held), branches, *operands)


def _first_of(held: Sequence[PyTree]) -> PyTree:
    """Return the number of the first condition that holds; how many there are if none does."""
    return jnp.argmax(jnp.stack([*held, jnp.asarray(True)]))


def _branch(
    index: object, branches: Sequence[Callable[..., object]], operands: Sequence[PyTree]
) -> PyTree:
    """Run the branch of a number, and put in place what any of them may write."""
    for branch in branches:
        check_callable(branch, "a branch")
    known = known_number(index) if runs_plainly() else None
    if known is not None:
        known = min(max(known, 0), len(branches) - 1)
        return run_plainly(branches[known], operands, label="a branch of cond")
    lifted = [
        lift(branch, operands, label="a branch of cond", conditional=True) for branch in branches
    ]
    _check_results(lifted)
    effects, columns = _union([each.effects for each in lifted])
    static = tuple(tuple(sorted(column.items())) for column in columns)
    with exclusive(effects.states):
        before = [fetch(state) for state in effects.written]
        before += map(anything, lifted[0].types[len(lifted[0].effects.written) :])
        _check_types(effects.states, before, lifted, columns)
        values = [[fetch(state) for state in each.reads] for each in lifted]
        out, after = execute(_run, lifted, static, index, tuple(operands), values, before)
        commit(effects, after)
    return out


def _run(
    bodies: Sequence[Body],
    columns: Sequence[Sequence[tuple[int, int]]],
    index: object,
    operands: tuple[PyTree, ...],
    values: list[list[PyTree]],
    before: list[PyTree],
) -> PyTree:
    """Take the branch on values alone."""

    def branch(body: Body, column: dict[int, int], read: list[PyTree]) -> Callable[..., object]:
        def run(operands: tuple[PyTree, ...], before: list[PyTree]) -> PyTree:
            out, new = body(read, (operands, {}))
            after = [
                new[column[number]] if number in column else old
                for number, old in enumerate(before)
            ]
            return strengthen(out), [strengthen(value) for value in after]

        return run

    runs = [
        branch(body, dict(column), read)
        for body, column, read in zip(bodies, columns, values, strict=True)
    ]
    return jax.lax.switch(index, runs, operands, before)


def _union(all_effects: Sequence[Effects]) -> tuple[Effects, list[dict[int, int]]]:
    """Join what the branches do; for each branch, also say where its values go."""
    first = all_effects[0]
    for number, each in enumerate(all_effects[1:], 1):
        if not each.same_places(first):
            one = each if each.places else first
            if one.made:
                raise may_not_come(one, one.made[0], "a branch of cond")
            raise _unlike(number, one)
    written = list(dict.fromkeys(s for each in all_effects for s in each.written))
    count = len(written)
    order = {state: number for number, state in enumerate(written)}
    columns = [
        {order[state]: n for n, state in enumerate(each.written)}
        | {count + n: len(each.written) + n for n in range(len(each.made))}
        for each in all_effects
    ]
    return first._replace(written=written), columns


def _unlike(number: int, effects: Effects) -> BranchError:
    """Return the error for branches that do different things to an attribute."""
    place = effects.places[0]
    return BranchError(
        f"branch {number} does not do to attribute {place.name!r} what branch 0 does (of cond: the "
        "one for False), and which of them runs is known too late",
        where=locate(place.owner) or type(place.owner).__name__,
        expected="states and modules that stay where they are, or the same change in each branch",
        got=f"a {type(place.value).__name__} that one branch sets",
        fix="make states before (`init_all_states`), and write their values in the branches",
    )


def _check_results(lifted: Sequence[Lifted]) -> None:
    """Raise for branches that return different types."""
    first = lifted[0].out_types
    for number, each in enumerate(lifted[1:], 1):
        other = each.out_types
        if not same_structure(first, other) or not same_types(first, other):
            raise BranchError(
                f"branch {number} returns another type than branch 0 (of cond: the one for False)",
                expected="the same structure, shapes and dtypes from each branch",
                got=f"{type_text(first)} from branch 0, {type_text(other)} from branch {number}",
                fix="return the same from each: `.astype`, `.reshape`, `jnp.zeros` for what is not "
                "there",
            )


def _check_types(
    states: Sequence[AnyState],
    before: Sequence[PyTree],
    lifted: Sequence[Lifted],
    columns: Sequence[dict[int, int]],
) -> None:
    """Check that each state has the type that it had before, whichever branch is taken."""
    for number, (state, old) in enumerate(zip(states, before, strict=True)):
        for each, column in zip(lifted, columns, strict=True):
            new = each.types[column[number]] if number in column else old
            if not same_structure(old, new) or not same_types(old, new):
                raise BranchError(
                    f"this {type(state).__name__} has different types after the branches",
                    where=name_of(state),
                    expected=f"in each branch what it was before: {type_text(old)}",
                    got=type_text(new),
                    fix="keep structure, shape and dtype in each branch",
                )
