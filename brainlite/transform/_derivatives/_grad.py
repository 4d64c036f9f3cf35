"""Gradients: ``grad`` and ``value_and_grad``."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, overload

import jax
import jax.numpy as jnp
from typing_extensions import ParamSpec, TypeVar

from brainlite._given import is_quantity, without_unit
from brainlite.transform._derivatives._gradient import (
    Kinds,
    Outcome,
    Pure,
    Targets,
    check_scalar,
    differentiate,
    gradient_function,
)
from brainlite.transform._derivatives._signatures import A, Derivative, SameArguments, StateGroup
from brainlite.transform._engine._nonfinite import raise_if_not_finite
from brainlite.transform._engine._transformed import Transformed
from brainlite.typing import Array, GradTarget, PyTree

P = ParamSpec("P")
B = TypeVar("B", bound=Any)
G = TypeVar("G")
Aux = TypeVar("Aux")
R = TypeVar("R")


# The overloads give the exact result of each combination of (states, argnums 0, 1, (0, 1), both)
# with has_aux and return_value; the last of each group takes what is left, without precision.
@overload
def grad(
    fun: Callable[P, Array],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[P, G]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, P], A]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[1],
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, B, P], B]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], Array],
    grad_states: None = None,
    *,
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, B, P], tuple[A, B]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: GradTarget[G],
    *,
    argnums: Literal[0],
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, P], tuple[G, A]]: ...
@overload
def grad(
    fun: Callable[..., Array],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Callable[..., Any]: ...
@overload
def grad(
    fun: Callable[P, Array],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[P, tuple[G, Array]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[Concatenate[A, P], tuple[A, Array]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[1],
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[Concatenate[A, B, P], tuple[B, Array]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], Array],
    grad_states: None = None,
    *,
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[Concatenate[A, B, P], tuple[tuple[A, B], Array]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: GradTarget[G],
    *,
    argnums: Literal[0],
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[Concatenate[A, P], tuple[tuple[G, A], Array]]: ...
@overload
def grad(
    fun: Callable[..., Array],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Callable[..., tuple[Any, Array]]: ...
@overload
def grad(
    fun: Callable[P, tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Derivative[P, tuple[G, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, P], tuple[A, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: Literal[1],
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, B, P], tuple[B, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, B, P], tuple[tuple[A, B], Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: Literal[0],
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[A, P], tuple[tuple[G, A], Aux]]: ...
@overload
def grad(
    fun: Callable[..., tuple[Array, Aux]],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
    has_aux: Literal[True],
    return_value: Literal[False] = False,
) -> Callable[..., tuple[Any, Aux]]: ...
@overload
def grad(
    fun: Callable[P, tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Derivative[P, tuple[G, Array, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Derivative[Concatenate[A, P], tuple[A, Array, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: Literal[1],
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Derivative[Concatenate[A, B, P], tuple[B, Array, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, B, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Derivative[Concatenate[A, B, P], tuple[tuple[A, B], Array, Aux]]: ...
@overload
def grad(
    fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: Literal[0],
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Derivative[Concatenate[A, P], tuple[tuple[G, A], Array, Aux]]: ...
@overload
def grad(
    fun: Callable[..., tuple[Array, Aux]],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
    has_aux: Literal[True],
    return_value: Literal[True],
) -> Callable[..., tuple[Any, Array, Aux]]: ...
@overload
def grad(
    fun: None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
) -> SameArguments: ...
def grad(
    fun: object = None,
    grad_states: object = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    unit_aware: bool = False,
    check_states: bool = False,
    debug_nan: bool = False,
) -> object:
    """Return a function that computes the gradient of ``fun``.

    Parameters
    ----------
    fun : callable
        A function with one number as its result (or ``(number, aux)``). Without it, ``grad``
        is a decorator.
    grad_states : State, or StateDict, list or dict of states, optional
        The states to differentiate with respect to, such as ``model.states(ParamState)``.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate with respect to. The first one, where neither
        ``grad_states`` nor ``argnums`` is given. A module stands for its parameters: its gradient
        is a dict by path; a state stands for its value.
    has_aux : bool
        Whether ``fun`` returns ``(value, aux)``.
    return_value : bool
        Whether to return the value of ``fun``, too.
    holomorphic, allow_int : bool
        As in :func:`jax.grad`.
    unit_aware : bool
        Whether the number may be a quantity, and gradients get the unit of the number over that of
        the target. A gradient by a quantity has the unit of that quantity otherwise.
    check_states : bool
        Whether to raise where ``fun`` does not read one of ``grad_states``, whose gradient is 0.
    debug_nan : bool
        Whether to raise where the gradients, the number or what ``fun`` writes to states are not
        finite, as :func:`debug_nan` does; the function runs a second time for it.

    Returns
    -------
    callable
        It takes the arguments of ``fun`` and returns ``gradients``, ``(gradients, value)``,
        ``(gradients, aux)`` or ``(gradients, value, aux)``. Gradients have the structure of
        ``grad_states`` (paths for a ``StateDict``), or of the arguments; of both, as a pair,
        where both are given. States that ``fun`` writes get their new values once.

    Raises
    ------
    GradError
        The value is not one number, a target is not made of floats, or one that is to be read is
        not.
    NonFiniteError
        With ``debug_nan``: something is not finite.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> def loss(x):
    ...     return (model(x) ** 2).mean()
    >>> params = model.states(brainlite.ParamState)
    >>> gradient = brainlite.transform.grad(loss, params, return_value=True)
    >>> gradients, value = gradient(jnp.ones((4, 2)))
    >>> gradients["weight",]["weight"].shape
    (2, 1)
    """
    given = dict(locals())
    targets = Targets.of(grad_states, argnums)

    def transform(pure: Pure) -> Pure:
        return jax.grad(
            _of_numbers(pure) if unit_aware else pure,
            argnums=(0, 1),
            has_aux=True,
            holomorphic=holomorphic,
            allow_int=allow_int,
        )

    def derive(
        fun: Callable[..., object], args: Sequence[PyTree], kwargs: Mapping[str, object]
    ) -> tuple[PyTree, PyTree, PyTree]:
        if debug_nan:
            raise_if_not_finite(
                functools.partial(named, fun), args, kwargs, label="grad", phase="grad"
            )
        return found(fun, *args, **kwargs)

    def found(
        fun: Callable[..., object], /, *args: object, **kwargs: object
    ) -> tuple[PyTree, PyTree, PyTree]:
        gradients, value, aux = differentiate(
            transform,
            fun,
            targets,
            args,
            kwargs,
            label="grad",
            has_aux=bool(has_aux),
            scalar=not unit_aware,
            kinds=None if holomorphic or allow_int else Kinds(jnp.inexact, jnp.floating),
            all_read=check_states,
        )
        return in_units(gradients, value) if unit_aware else gradients, value, aux

    def named(fun: Callable[..., object], /, *args: object, **kwargs: object) -> dict[str, object]:
        gradients, value, _ = found(fun, *args, **kwargs)
        return {"gradient": gradients, "value": value}

    return gradient_function(grad, given, derive)


def _of_numbers(pure: Pure) -> Pure:
    """Return a function of the numbers of what another returns, which may be a quantity."""

    def numbers(*point: object) -> tuple[PyTree, Outcome]:
        value, outcome = pure(*point)
        number = without_unit(value)
        check_scalar(number, "grad")
        return number, outcome

    return numbers


def in_units(gradients: object, value: object) -> object:
    """Give gradients the unit of the value over that of what it was differentiated by.

    Parameters
    ----------
    gradients : pytree
        With the units of what it was differentiated by.
    value : array or quantity
        What was differentiated.
    """
    one = jax.tree.map(lambda _: 1.0, value)

    def convert(gradient: object) -> object:
        own = jax.tree.map(lambda _: 1.0, gradient)
        return without_unit(gradient) * (one / own)

    return jax.tree.map(convert, gradients, is_leaf=is_quantity)


@overload
def value_and_grad(
    fun: Callable[P, Array],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
) -> Derivative[P, tuple[Array, G]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
) -> Derivative[Concatenate[A, P], tuple[Array, A]]: ...
@overload
def value_and_grad(
    fun: Callable[P, tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[True],
) -> Derivative[P, tuple[tuple[Array, Aux], G]]: ...
@overload
def value_and_grad(
    fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[True],
) -> Derivative[Concatenate[A, P], tuple[tuple[Array, Aux], A]]: ...
@overload
def value_and_grad(
    fun: Callable[P, R],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
) -> Derivative[P, tuple[R, Any]]: ...
def value_and_grad(
    fun: Callable[..., object],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
) -> object:
    """Return a function that computes the value of ``fun`` and its gradient, in this order.

    Parameters
    ----------
    fun, grad_states, argnums, has_aux
        As in :func:`grad`.

    Returns
    -------
    callable
        With result ``(value, gradients)``, or ``((value, aux), gradients)``.

    Examples
    --------
    >>> value, gradient = brainlite.transform.value_and_grad(lambda x: x**2)(3.0)
    >>> float(value), float(gradient)
    (9.0, 6.0)
    """
    given = dict(locals())
    untyped: Any = grad
    gradient = untyped(fun, grad_states, argnums=argnums, has_aux=has_aux, return_value=True)

    def value_and_gradient(*args: object, **kwargs: object) -> tuple[PyTree, PyTree]:
        if has_aux:
            gradients, value, aux = gradient(*args, **kwargs)
            return (value, aux), gradients
        gradients, value = gradient(*args, **kwargs)
        return value, gradients

    return Transformed(value_and_grad, fun, value_and_gradient, given)
