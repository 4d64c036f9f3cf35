"""Loops of a known length: ``scan`` and ``for_loop``."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple, SupportsIndex, overload

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypeVar, TypeVarTuple, Unpack

from brainlite import environ
from brainlite._jax_compat import is_eager
from brainlite.errors import LoopStateError
from brainlite.state._face import (
    AnyState,
    differing_spec,
    has_explicit_spec,
    locate,
    same_structure,
    same_types,
    type_text,
)
from brainlite.transform._compile._known import UNKNOWN, run_known
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute, run_lifted
from brainlite.transform._engine._effects import commit
from brainlite.transform._engine._lift import (
    Body,
    Lifted,
    anything,
    fetch,
    lift,
    name_of,
    one_step,
    strengthen,
)
from brainlite.transform._engine._origin import Each, Origin, origin_of
from brainlite.transform._engine._plain import Step, runs_plainly, scan_plainly
from brainlite.transform._engine._transformed import check_callable
from brainlite.transform._engine._values import check_arguments
from brainlite.transform._engine._watch import KEY, watch_steps
from brainlite.transform._flow._progress import ProgressBar, scan_with_progress
from brainlite.typing import PyTree

C = TypeVar("C")
X = TypeVar("X")
Y = TypeVar("Y")
Xs = TypeVarTuple("Xs")


@overload
def scan(
    f: Callable[[C, X], tuple[C, Y]],
    init: C,
    xs: X,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    pbar: ProgressBar | int | None = None,
) -> tuple[C, Y]: ...
@overload
def scan(
    f: Callable[[C, None], tuple[C, Y]],
    init: C,
    xs: None = None,
    *,
    length: int,
    reverse: bool = False,
    unroll: int | bool = 1,
    pbar: ProgressBar | int | None = None,
) -> tuple[C, Y]: ...
def scan(
    f: Step,
    init: object,
    xs: object = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    pbar: ProgressBar | int | None = None,
) -> tuple[PyTree, PyTree]:
    """Loop over the leading axis of ``xs``, carrying a value and the states along.

    Parameters
    ----------
    f : callable
        The body, ``(carry, x) -> (carry, y)``. States may be read and written in it; what is
        written at one step is read at the next.
    init : pytree of arrays
        The first carry.
    xs : pytree of arrays, shape (length, ...)
        What to loop over; None to loop ``length`` times over nothing.
    length : int, optional
        The number of steps, where ``xs`` does not tell.
    reverse : bool
        Run from the last step to the first. ``ys`` stay in the order of ``xs``.
    unroll : int or bool
        How many steps to put into one iteration of the compiled loop.
    pbar : ProgressBar or int, optional
        A progress bar, or the number of steps between its updates.

    Returns
    -------
    carry, ys
        The last carry, and the ``y`` of each step stacked along a new leading axis.

    Raises
    ------
    LoopStateError
        The carry, or a state that the body reads and writes, changes structure, shape or dtype.
    ArgumentError
        ``f`` cannot be called, or ``init`` or ``xs`` is not made of arrays.
    OptionError
        ``pbar`` is no positive whole number.

    Examples
    --------
    >>> total = brainlite.State(jnp.zeros(()))
    >>> def body(carry, x):
    ...     total.value += x
    ...     return carry + x, carry
    >>> carry, ys = brainlite.transform.scan(body, 0.0, jnp.arange(4.0))
    >>> float(carry), float(total.value), ys.shape
    (6.0, 6.0, (4,))
    """
    if pbar is None:
        known: tuple[PyTree, PyTree] = run_known(scan, f, (init, xs), length, reverse, unroll)
        if known is not UNKNOWN:
            return known
    check_callable(f, "the body of a loop")
    label = "for_loop" if isinstance(f, Each) else "scan"
    check_arguments({"init": init, "xs": xs}, label)
    length = _length(xs, length, label)
    _check_unroll(unroll)
    _check_reverse(reverse)
    user = f
    f, own, end = watch_steps(f, init, xs, length, reverse)
    if pbar is not None and length:
        with environ.context(**{KEY: ()}):  # the loops that make up this one are none to the user
            carry, ys = scan_with_progress(
                scan, pbar, f, init, xs, length, reverse, unroll, shown=own
            )
        return carry, end(ys)
    init = strengthen(init)
    if runs_plainly() and length:
        return _scan_plainly(f, init, xs, length, reverse, end)
    if runs_plainly():  # of what type the results are, a trace has to say
        with jax.disable_jit(False):
            return scan(user, init, xs, length)
    carry, ys = _scan(f, init, xs, _Loop((), length, reverse, unroll), user)
    return carry, end(ys)


def _scan(
    f: Step, init: object, xs: object, loop: "_Loop", user: object, first_step: bool = True
) -> PyTree:
    """Run a loop, of which an equal step was done before if ``first_step`` is false."""
    step = one_step(xs)
    body = lift(f, (init, step), label="scan", origin=origin_of(user, init, step))
    _check_carry(body.out_types, init)
    moving = _moving(body)
    if loop.length and (moving or not body.effects.settled):
        if not first_step:
            raise _moved(*moving) if moving else _unsettled(body)
        if is_eager():  # as one program, so that an error in a later step undoes the first
            whole = functools.partial(_scan, f, loop=loop, user=user)
            origin = Origin(f, (init, xs), {})
            return run_lifted(lift(whole, (init, xs), label="scan", origin=origin), (init, xs))
        return _peeled(f, body, init, xs, loop, user)
    states = body.effects.states
    position = {state: number for number, state in enumerate(states)}
    with exclusive(states):
        first = [
            _first_value(state, kind, state in body.reads)
            for state, kind in zip(states, body.types, strict=True)
        ]
        constant = [None if state in position else fetch(state) for state in body.reads]
        loop = loop._replace(carried=tuple(position.get(s) for s in body.reads))
        (carry, final), ys = execute(_run, [body], loop, init, first, constant, xs)
        if loop.length:  # a loop of no steps writes nothing
            commit(body.effects, final)
    return carry, ys


def _peeled(f: Step, body: Lifted, init: PyTree, xs: PyTree, loop: "_Loop", user: object) -> PyTree:
    """Run the first step by itself: it makes what the others find, and so does another thing."""
    last = loop.reverse
    carry, y = run_lifted(body, (init, _each(xs, lambda x: x[-1 if last else 0])))
    rest = _each(xs, lambda x: x[:-1] if last else x[1:])
    loop = loop._replace(length=loop.length - 1)
    carry, ys = _scan(f, strengthen(carry), rest, loop, user, False)

    def join(one: jax.Array, others: jax.Array) -> PyTree:
        parts = [jnp.asarray(one)[None], others]
        return jnp.concatenate(parts[::-1] if last else parts)

    return carry, jax.tree.map(join, y, ys)


def _moving(body: Lifted) -> tuple[AnyState, str, str] | None:
    """Return a state that a step lays out anew on explicit axes, with both specs, if there is any.

    Its type would change in the loop. After the first step it stays, as a rule: a hidden state of
    zeros takes over how the input is cut.
    """
    read = set(body.reads)
    for state, kind in zip(body.effects.states, body.types, strict=True):
        if state in read and has_explicit_spec(kind):
            value = fetch(state)
            same = same_structure(value, kind) and same_types(value, kind)
            specs = differing_spec(value, kind) if same else None
            if specs is not None:
                return state, *specs
    return None


def _moved(state: AnyState, before: str, after: str) -> LoopStateError:
    return LoopStateError(
        f"the body of a loop lays this {type(state).__name__} out anew at each step",
        where=name_of(state),
        expected=f"{before}, as before the step",
        got=after,
        fix="lay its new value out as the old one: `jax.sharding.reshard(value, ...)`",
    )


def _each(xs: object, cut: Callable[[PyTree], PyTree]) -> PyTree:
    return jax.tree.map(lambda x: cut(jnp.asarray(x)), xs)


def _unsettled(body: Lifted) -> LoopStateError:
    place = body.effects.places[0]
    return LoopStateError(
        f"the body of a loop puts something else into attribute {place.name!r} at each step",
        where=locate(place.owner) or type(place.owner).__name__,
        expected="states and modules that stay where they are after the first step",
        got=f"a {type(place.value).__name__} that is set again after the first step",
        fix="exchange the values of the states instead of the states",
    )


def _scan_plainly(
    f: Step,
    init: object,
    xs: object,
    length: int,
    reverse: bool,
    end: Callable[[PyTree], PyTree],
) -> tuple[object, object]:
    def check(out: object) -> None:
        _check_carry(out, init)

    carry, ys = scan_plainly(f, init, xs, length, reverse, check)
    return carry, end(ys)


class _Loop(NamedTuple):
    """A loop, apart from its body and its arrays."""

    carried: tuple[int | None, ...]  # for each state that is read: which of those carried it is
    length: int
    reverse: bool
    unroll: int | bool


def _run(
    bodies: Sequence[Body],
    loop: _Loop,
    init: object,
    first: list[PyTree],
    constant: list[PyTree],
    xs: object,
) -> PyTree:
    """Run the loop on values alone."""
    [body] = bodies

    def step(
        carry: tuple[PyTree, list[PyTree]], x: object
    ) -> tuple[tuple[PyTree, list[PyTree]], PyTree]:
        value, states = carry
        read = [
            kept if number is None else states[number]
            for number, kept in zip(loop.carried, constant, strict=True)
        ]
        (value, y), states = body(read, ((value, x), {}))
        return (value, [strengthen(each) for each in states]), y

    return jax.lax.scan(
        step, (init, first), xs, length=loop.length, reverse=loop.reverse, unroll=loop.unroll
    )


def for_loop(
    f: Callable[[Unpack[Xs]], Y],
    *xs: *Xs,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    pbar: ProgressBar | int | None = None,
) -> Y:
    """Call ``f`` for each slice of ``xs`` along the leading axis, carrying the states along.

    Parameters
    ----------
    f : callable
        The body, ``(*x) -> y``. States may be read and written in it; a module is a body too.
    *xs : pytrees of arrays, shape (length, ...)
        What to loop over; all of one length.
    length : int, optional
        The number of steps, where there are no ``xs``.
    reverse : bool
        Run from the last step to the first. The results stay in the order of ``xs``.
    unroll : int or bool
        How many steps to put into one iteration of the compiled loop.
    pbar : ProgressBar or int, optional
        A progress bar, or the number of steps between its updates.

    Returns
    -------
    pytree of arrays, shape (length, ...)
        The result of each step, stacked.

    Raises
    ------
    LoopStateError
        A state that the body reads and writes changes structure, shape or dtype.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> brainlite.transform.for_loop(cell, jnp.ones((7, 2))).shape
    (7, 3)
    """
    if pbar is None:
        known: Y = run_known(_for_loop, f, (xs,), length, reverse, unroll)
        if known is not UNKNOWN:
            return known
    return _for_loop(f, xs, length, reverse, unroll, pbar)


def _for_loop(
    f: Callable[..., Y],
    xs: PyTree,
    length: int | None,
    reverse: bool,
    unroll: int | bool,
    pbar: ProgressBar | int | None = None,
) -> Y:
    ys: PyTree = scan(Each(f), None, xs, length, reverse, unroll, pbar)[1]
    return ys  # type: ignore[no-any-return]  # of the type that the body returns


def _length(xs: object, length: int | None, label: str) -> int:
    """Return the number of steps, checked against every array."""
    shapes = [jnp.shape(x) for x in jax.tree.leaves(xs)]
    lengths = {shape[0] for shape in shapes if shape}
    if length is not None:
        lengths.add(_checked_length(length))
    if len(lengths) == 1 and () not in shapes:
        return lengths.pop()
    leaves = f"arrays of shapes {shapes}" if shapes else "no array to loop over"
    raise LoopStateError(
        f"{label} has no single length",
        expected="arrays with a leading axis of one length, or `length=`",
        got=f"{leaves}, and {f'length={length}' if length is not None else 'no length'}",
        fix="pass `length=` where there are no arrays, and arrays of equal length otherwise",
    )


def _checked_length(length: SupportsIndex) -> int:
    """Return a number of steps, or raise."""
    try:
        number = operator.index(length)
    except TypeError:
        number = -1
    if number >= 0:
        return number
    raise LoopStateError(
        "a loop cannot make so many steps",
        expected="length: a whole number, 0 or more",
        got=f"length={length!r}",
        fix="pass the number of steps, or leave it out where the arrays tell",
    )


def _check_unroll(unroll: object) -> None:
    if isinstance(unroll, bool) or (isinstance(unroll, int | np.integer) and unroll > 0):
        return
    raise LoopStateError(
        "a loop cannot be unrolled like this",
        expected="unroll: True, False, or a whole number, 1 or more",
        got=f"unroll={unroll!r}",
        fix="pass how many steps are to stand in one pass of the compiled loop, or leave it out",
    )


def _check_reverse(reverse: object) -> None:
    if not isinstance(reverse, bool | np.bool_):
        raise LoopStateError(
            "a loop runs forwards or backwards",
            expected="reverse: True or False",
            got=f"reverse={reverse!r}",
            fix="pass reverse=True to start with the last step",
        )


def _check_carry(out: object, init: object) -> None:
    """Check that the body returns (carry, y) with a carry like ``init``."""
    if not isinstance(out, tuple) or len(out) != 2:
        raise LoopStateError(
            "the body of a scan did not return a pair",
            expected="(carry, y)",
            got=type_text(out),
            fix="return `carry, y`; None will do for either",
        )
    carry = out[0]
    if not same_structure(init, carry) or not same_types(init, carry):
        raise LoopStateError(
            "the carry of a scan changes in the body",
            expected=f"a carry like init: {type_text(init)}",
            got=type_text(carry),
            fix="return a carry of the same structure, shapes and dtypes as `init`",
        )


def _first_value(state: AnyState, kind: object, read: bool) -> PyTree:
    """Return the value that a state has when the loop begins."""
    if not read:  # written before it is read: what it was does not matter
        return anything(kind)
    value = fetch(state)
    if not same_structure(value, kind) or not same_types(value, kind):
        raise LoopStateError(
            f"this {type(state).__name__} changes in the body of a loop",
            where=name_of(state),
            expected=f"what it was before the loop: {type_text(value)}",
            got=type_text(kind),
            fix=_wider(value, kind)
            or "keep structure, shape and dtype in the body; `reset_state` before the loop gives "
            "it another shape",
        )
    return strengthen(value)


def _wider(value: object, kind: object) -> str | None:
    """Return what to do where floats of a state only become wider, as those of the input are."""
    if not same_structure(value, kind):
        return None
    for old, new in zip(jax.tree.leaves(value), jax.tree.leaves(kind), strict=True):
        was, now = jnp.result_type(old), jnp.result_type(new)
        floats = jnp.issubdtype(was, jnp.floating) and jnp.issubdtype(now, jnp.floating)
        if floats and jnp.shape(old) == jnp.shape(new) and was != now:
            return (
                f"the model computes in {was}, what it was given is {now}: cast the input, "
                f"`x.astype('{was}')`, or the model, `model.to('{now}')`"
            )
    return None
