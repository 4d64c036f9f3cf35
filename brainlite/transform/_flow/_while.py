"""Loops whose length is known only while they run: ``while_loop``."""

from collections.abc import Callable, Sequence

import jax
from jax.typing import ArrayLike
from typing_extensions import TypeVar

from brainlite._jax_compat import NEEDS_VALUES
from brainlite.errors import LoopStateError
from brainlite.graph._face import describe
from brainlite.state._face import (
    AnyState,
    Frame,
    differing_spec,
    locate,
    same_structure,
    same_types,
    type_text,
)
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._effects import Effects, called, commit
from brainlite.transform._engine._lift import (
    Body,
    fetch,
    lift,
    name_of,
    strengthen,
    value_if_left_out,
)
from brainlite.transform._engine._plain import runs_plainly, while_plainly
from brainlite.transform._engine._transformed import check_callable
from brainlite.transform._engine._values import check_arguments, check_condition
from brainlite.typing import PyTree

C = TypeVar("C")


def while_loop(cond_fun: Callable[[C], ArrayLike], body_fun: Callable[[C], C], init_val: C) -> C:
    """Call ``body_fun`` as long as ``cond_fun`` holds, carrying a value and the states along.

    Parameters
    ----------
    cond_fun : callable
        ``carry -> bool``. It may read states, not write them.
    body_fun : callable
        ``carry -> carry``. It may read and write states.
    init_val : pytree of arrays
        The first carry.

    Returns
    -------
    The last carry.

    Raises
    ------
    LoopStateError
        The condition writes a state, or the body changes the type of the carry or of a state.
    ArgumentError
        A function cannot be called, ``init_val`` is not made of arrays, or the condition is not one
        truth value.
    ResultError
        The body returns what is no array.
    BranchError
        The body makes a state that would not be there after no step.

    Examples
    --------
    >>> steps = brainlite.State(jnp.zeros((), "int32"))
    >>> def body(x):
    ...     steps.value += 1
    ...     return x * 2
    >>> float(brainlite.transform.while_loop(lambda x: x < 100, body, 1.0)), int(steps.value)
    (128.0, 7)
    """
    check_callable(cond_fun, "cond_fun of while_loop")
    check_callable(body_fun, "body_fun of while_loop")
    check_arguments({"init_val": init_val}, "while_loop")
    init: PyTree = strengthen(init_val)
    if runs_plainly():
        try:
            plain: C = _run_plainly(cond_fun, body_fun, init)
        except NEEDS_VALUES:  # in a lane of a vmap, say
            pass
        else:
            return plain
    condition = lift(cond_fun, (init,), label="the condition of while_loop")
    _check_condition(condition.effects)
    check_condition(condition.out_types, "while_loop")
    body = lift(body_fun, (init,), label="while_loop", conditional=True)
    _check_same_type("the carry of a while_loop", None, init, body.out_types)

    _check_places(body.effects)
    states = body.effects.states
    position = {state: number for number, state in enumerate(states)}
    # The loop may end before its first step, so even a state that is only written needs a value.
    with exclusive(states):
        first = [value_if_left_out(body.effects, state, "while_loop") for state in states]
        for state, value, kind in zip(states, first, body.types, strict=True):
            _check_same_type(f"this {type(state).__name__}", state, value, kind)
        asks, does = (
            tuple(position.get(state) for state in lifted.reads) for lifted in (condition, body)
        )
        constant = [
            [None if state in position else fetch(state) for state in lifted.reads]
            for lifted in (condition, body)
        ]
        first = [strengthen(value) for value in first]
        final, new = execute(_run, [condition, body], (asks, does), init, first, constant)
        commit(body.effects, new)
    result: C = final
    return result


def _run(
    bodies: Sequence[Body],
    carried: tuple[tuple[int | None, ...], ...],
    init: object,
    first: list[PyTree],
    constant: list[list[PyTree]],
) -> PyTree:
    """Run the loop on values alone."""

    def read(which: int, states: list[PyTree]) -> list[PyTree]:
        return [
            kept if number is None else states[number]
            for number, kept in zip(carried[which], constant[which], strict=True)
        ]

    def holds(carry: tuple[PyTree, list[PyTree]]) -> PyTree:
        value, states = carry
        return bodies[0](read(0, states), ((value,), {}))[0]

    def step(carry: tuple[PyTree, list[PyTree]]) -> tuple[PyTree, list[PyTree]]:
        value, states = carry
        value, states = bodies[1](read(1, states), ((value,), {}))
        return strengthen(value), [strengthen(each) for each in states]

    return jax.lax.while_loop(holds, step, (init, first))


def _run_plainly(
    cond_fun: Callable[[PyTree], ArrayLike], body_fun: Callable[[PyTree], PyTree], init: object
) -> PyTree:
    """Run the loop in Python, step by step, with the checks of the traced one."""

    def holds(carry: object) -> PyTree:
        out, effects, _ = Frame("the condition of while_loop", hoist=False).run(
            called, cond_fun, (carry,), {}
        )
        _check_condition(effects)
        check_condition(out, "while_loop")
        return out

    def body(carry: object) -> PyTree:
        after = body_fun(carry)
        _check_same_type("the carry of a while_loop", None, carry, after)
        return strengthen(after)

    return while_plainly(holds, body, init, label="while_loop")


def _check_condition(effects: Effects) -> None:
    if effects.states or effects.places:
        raise LoopStateError(
            "the condition of a while_loop writes states",
            expected="a condition that only reads",
            got=f"writes to {', '.join(map(name_of, effects.states)) or 'attributes'}",
            fix="write the states in the body (drawing a random number writes one, too)",
        )


def _check_places(effects: Effects) -> None:
    """Raise for an attribute that the body sets to what is there already."""
    for place in effects.places:
        if not any(state in effects.made for state in describe(place.value).states):
            raise LoopStateError(
                f"the body of a while_loop, which may not run, sets attribute {place.name!r}",
                where=locate(place.owner) or type(place.owner).__name__,
                expected="states and modules that stay where they are",
                got=f"a {type(place.value).__name__} that is put there",
                fix="set the attribute before the loop, and write values of states in the body",
            )


def _check_same_type(what: str, state: AnyState | None, before: object, after: object) -> None:
    """Raise for a carry that comes out of the body as another type."""
    if same_structure(before, after) and same_types(before, after):
        specs = differing_spec(before, after)
        if specs is None:
            return
        raise LoopStateError(
            f"{what} is laid out anew in the body of a loop",
            where=None if state is None else name_of(state),
            expected=f"{specs[0]}, as before the loop",
            got=specs[1],
            fix="lay it out so before the loop: `jax.sharding.reshard(value, ...)`",
        )
    raise LoopStateError(
        f"{what} changes in the body of a loop",
        where=None if state is None else name_of(state),
        expected=f"what it was before the loop: {type_text(before)}",
        got=type_text(after),
        fix="keep structure, shape and dtype in the body",
    )
