"""Products with the Jacobian: ``vjp`` (backwards) and ``jvp`` (forwards)."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVarTuple, overload

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypeVar

from brainlite._jax_compat import PyTreeDef, shape_struct
from brainlite.errors import GradError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.state._face import type_text
from brainlite.transform._derivatives._gradient import Outcome, Pure, Targets, evaluate
from brainlite.transform._derivatives._signatures import StateGroup
from brainlite.typing import ArrayLike, GradTarget, PyTree

A = TypeVar("A")
Aux = TypeVar("Aux")
G = TypeVar("G")
R = TypeVar("R")
Xs = TypeVarTuple("Xs")


@overload
def vjp(
    fun: Callable[[A, *Xs], R],
    primal: A,
    /,
    *primals: *Xs,
    grad_states: None = None,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
) -> tuple[R, Callable[[R | ArrayLike], A]]: ...
@overload
def vjp(
    fun: Callable[[A, *Xs], tuple[R, Aux]],
    primal: A,
    /,
    *primals: *Xs,
    grad_states: None = None,
    argnums: Literal[0] = 0,
    has_aux: Literal[True],
) -> tuple[R, Callable[[R | ArrayLike], A], Aux]: ...
@overload
def vjp(
    fun: Callable[[], R],
    /,
    *,
    grad_states: GradTarget[G],
    argnums: Literal[0] | None = 0,
    has_aux: Literal[False] = False,
) -> tuple[R, Callable[[R | ArrayLike], G]]: ...
@overload
def vjp(
    fun: Callable[[], tuple[R, Aux]],
    /,
    *,
    grad_states: GradTarget[G],
    argnums: Literal[0] | None = 0,
    has_aux: Literal[True],
) -> tuple[R, Callable[[R | ArrayLike], G], Aux]: ...
@overload
def vjp(
    fun: Callable[[A, *Xs], R],
    primal: A,
    /,
    *primals: *Xs,
    grad_states: GradTarget[G],
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
) -> tuple[R, Callable[[R | ArrayLike], tuple[G, A]]]: ...
@overload
def vjp(
    fun: Callable[[A, *Xs], tuple[R, Aux]],
    primal: A,
    /,
    *primals: *Xs,
    grad_states: GradTarget[G],
    argnums: Literal[0] = 0,
    has_aux: Literal[True],
) -> tuple[R, Callable[[R | ArrayLike], tuple[G, A]], Aux]: ...
@overload
def vjp(
    fun: Callable[[*Xs], R],
    /,
    *primals: *Xs,
    grad_states: GradTarget[G],
    argnums: None,
    has_aux: Literal[False] = False,
) -> tuple[R, Callable[[R | ArrayLike], G]]: ...
@overload
def vjp(
    fun: Callable[[*Xs], tuple[R, Aux]],
    /,
    *primals: *Xs,
    grad_states: GradTarget[G],
    argnums: None,
    has_aux: Literal[True],
) -> tuple[R, Callable[[R | ArrayLike], G], Aux]: ...
@overload
def vjp(
    fun: Callable[[*Xs], R],
    /,
    *primals: *Xs,
    grad_states: GradTarget[object] | StateGroup | None = None,
    argnums: int | Sequence[int] | None = 0,
    has_aux: Literal[False] = False,
) -> tuple[R, Callable[[R | ArrayLike], Any]]: ...
@overload
def vjp(
    fun: Callable[[*Xs], tuple[R, Aux]],
    /,
    *primals: *Xs,
    grad_states: GradTarget[object] | StateGroup | None = None,
    argnums: int | Sequence[int] | None = 0,
    has_aux: Literal[True],
) -> tuple[R, Callable[[R | ArrayLike], Any], Aux]: ...
# Neither checker accepts an implementation with `*primals: Any` for overloads with `*primals: *Xs`.
def vjp(  # type: ignore[misc]  # pyright: ignore[reportInconsistentOverload]
    fun: Callable[..., object],
    /,
    *primals: PyTree,
    grad_states: GradTarget[object] | StateGroup | None = None,
    argnums: int | Sequence[int] | None = 0,
    has_aux: bool = False,
) -> object:
    """Compute ``fun(*primals)``, and return a function that takes derivatives back through it.

    Parameters
    ----------
    fun : callable
        The function. It runs once, and states that it writes get their new values once.
    *primals
        Its arguments.
    grad_states : State, or StateDict, list or dict of states, optional
        The states to differentiate with respect to, such as ``model.states(ParamState)``.
    argnums : int, sequence of int, or None
        The arguments to differentiate with respect to; None for none, which is also what counts
        where there are no arguments.
    has_aux : bool
        Whether ``fun`` returns ``(result, aux)``.

    Returns
    -------
    result
        What ``fun`` returns (the first of the pair, with ``has_aux``).
    pullback : callable
        It takes a cotangent, which has the structure, shapes and dtypes of the result, and returns
        its product with the Jacobian: for the states, for the arguments, or both as a pair,
        structured as in :func:`~brainlite.transform.grad`. It may be called any number of times.
    aux
        Only with ``has_aux``.

    Raises
    ------
    GradError
        There is nothing to differentiate, a target has no derivative, or the cotangent does not
        fit the result.

    See Also
    --------
    jvp : the product from the other side.

    Examples
    --------
    >>> from brainlite import ParamState
    >>> from brainlite.transform import vjp
    >>> weight = ParamState(jnp.array([2.0, 3.0]))
    >>> x = jnp.array([5.0, 7.0])
    >>> result, pullback = vjp(lambda x: weight.value * x, x, grad_states=weight)
    >>> by_weight, by_x = pullback(jnp.array([1.0, 10.0]))
    >>> print(by_weight, by_x)
    [ 5. 70.] [ 2. 30.]
    """
    if grad_states is None and (argnums is None or not primals):
        raise GradError(
            "vjp has nothing to differentiate",
            expected="arguments and argnums, or grad_states",
            got=f"{len(primals)} positional arguments, argnums={argnums} and grad_states=None",
            fix="pass `grad_states=model.states(brainlite.ParamState)`, or arguments",
        )
    targets = Targets.of(grad_states, argnums if primals else None)

    def transform(pure: Pure) -> Pure:
        def pull(*point: object) -> tuple[PyTree, Outcome]:
            _, pullback, outcome = jax.vjp(pure, *point, has_aux=True)
            return pullback, outcome

        return pull

    found = evaluate(transform, fun, targets, primals, {}, label="vjp", has_aux=has_aux)
    like = jax.tree.map(_tangent, found.value)
    # A pytree, as the pullback of jax is: it may leave a compiled function.
    partial: Any = jax.tree_util.Partial  # its constructor has no types
    pullback = partial(functools.partial(_pull, found.targets, like), found.result)
    return (found.value, pullback, found.aux) if has_aux else (found.value, pullback)


def _pull(
    targets: Targets,
    like: object,
    pullback: Callable[..., tuple[Sequence[object], Sequence[object]]],
    cotangent: object,
) -> object:
    fitted = _fitted(cotangent, like, "the cotangent of vjp does not fit the result")
    return targets.arrange(*pullback(fitted))


@overload
def jvp(
    fun: Callable[[*Xs], R],
    primals: tuple[*Xs],
    tangents: Sequence[PyTree],
    *,
    has_aux: Literal[False] = False,
) -> tuple[R, R]: ...
@overload
def jvp(
    fun: Callable[[*Xs], tuple[R, Aux]],
    primals: tuple[*Xs],
    tangents: Sequence[PyTree],
    *,
    has_aux: Literal[True],
) -> tuple[R, R, Aux]: ...
@overload
def jvp(
    fun: Callable[..., R],
    primals: Sequence[PyTree],
    tangents: Sequence[PyTree],
    *,
    has_aux: Literal[False] = False,
) -> tuple[R, R]: ...
@overload
def jvp(
    fun: Callable[..., tuple[R, Aux]],
    primals: Sequence[PyTree],
    tangents: Sequence[PyTree],
    *,
    has_aux: Literal[True],
) -> tuple[R, R, Aux]: ...
def jvp(
    fun: Callable[..., object],
    primals: Sequence[PyTree],
    tangents: Sequence[PyTree],
    *,
    has_aux: bool = False,
) -> object:
    """Compute ``fun(*primals)`` and its derivative along ``tangents``.

    Parameters
    ----------
    fun : callable
        The function. States that it reads are constants; those that it writes get their new values
        once.
    primals : tuple or list
        Its arguments.
    tangents : tuple or list
        A direction, with the structure, shapes and dtypes of ``primals``.
    has_aux : bool
        Whether ``fun`` returns ``(result, aux)``.

    Returns
    -------
    result
        What ``fun`` returns (the first of the pair, with ``has_aux``).
    tangent
        The derivative of the result, which has its structure and shapes.
    aux
        Only with ``has_aux``.

    Raises
    ------
    GradError
        ``primals`` is no tuple or list, or ``tangents`` does not fit it.

    See Also
    --------
    vjp : the product from the other side.

    Examples
    --------
    >>> from brainlite.transform import jvp
    >>> result, tangent = jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 10.0))
    >>> float(result), float(tangent)
    (6.0, 32.0)
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise GradError(
                f"the {name} of jvp are no list of arguments",
                expected="a tuple or a list, with one item for each argument",
                got=type_text(given),
                fix=f"pass `({name},)` if there is one argument",
            )
    if any(isinstance(leaf, Node | State) for leaf in jax.tree.leaves(tuple(primals))):
        raise GradError(
            "jvp cannot take a module or a state among the primals",
            expected="arrays",
            got=", ".join(sorted({type(x).__name__ for x in jax.tree.leaves(tuple(primals))})),
            fix="let the function close over it, and pass the values to move as arrays",
        )
    like = jax.tree.map(_tangent, tuple(primals))
    fitted = _fitted(tuple(tangents), like, "the tangents of jvp do not fit the primals")
    targets = Targets.of(None, range(len(primals)))

    def transform(pure: Pure) -> Pure:
        def push(*point: object) -> tuple[PyTree, Outcome]:
            _, tangent, outcome = jax.jvp(pure, point, ([], fitted), has_aux=True)
            return tangent, outcome

        return push

    found = evaluate(transform, fun, targets, primals, {}, label="jvp", has_aux=has_aux)
    return (found.value, found.result, found.aux) if has_aux else (found.value, found.result)


def _fitted(vector: object, like: object, problem: str) -> object:
    """Check that a tangent or cotangent has a type; give Python numbers the dtype they need."""
    leaves, expected = jax.tree.leaves(vector), jax.tree.leaves(like)
    structure: PyTreeDef = jax.tree.structure(like)
    if structure == jax.tree.structure(vector):
        fitted = [_as_array(leaf, wanted) for leaf, wanted in zip(leaves, expected, strict=True)]
        if all(map(_fits, fitted, expected)):
            return structure.unflatten(fitted)
    whole = any(each.dtype == _FLOAT0 for each in expected)
    hint = "; for whole numbers pass `np.zeros(shape, jax.dtypes.float0)`" if whole else ""
    raise GradError(
        problem,
        expected=type_text(like).replace("void", "float0"),
        got=type_text(vector),
        fix=f"pass arrays of the same structure, shapes and dtypes{hint}",
    )


def _tangent(leaf: ArrayLike) -> jax.ShapeDtypeStruct:
    """Return the type of the tangents of a value."""
    dtype = jnp.result_type(leaf)
    exact = not jnp.issubdtype(dtype, jnp.inexact)
    return shape_struct(jnp.shape(leaf), _FLOAT0 if exact else dtype)


def _as_array(leaf: object, wanted: jax.ShapeDtypeStruct) -> object:
    number = isinstance(leaf, bool | int | float | complex) and not wanted.shape
    return jnp.asarray(leaf, wanted.dtype) if number and wanted.dtype != _FLOAT0 else leaf


def _fits(leaf: object, wanted: jax.ShapeDtypeStruct) -> bool:
    return (
        isinstance(leaf, jax.Array | np.ndarray | np.generic)
        and leaf.shape == wanted.shape
        and leaf.dtype == wanted.dtype
    )


_FLOAT0 = jax.dtypes.float0
