"""Dense derivatives: ``jacrev``, ``jacfwd`` and ``hessian``."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, overload

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import PyTreeDef
from brainlite.transform._derivatives._gradient import (
    Evaluated,
    Kinds,
    Outcome,
    Pure,
    Targets,
    evaluate,
    gradient_function,
)
from brainlite.transform._derivatives._signatures import (
    Derivative,
    SameArguments,
    StateGroup,
    differentiator,
)
from brainlite.typing import Array, GradTarget, PyTree

P = ParamSpec("P")
K = TypeVar("K")


@differentiator
def jacrev(
    fun: Callable[..., object] | None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
) -> object:
    """Return a function that computes the Jacobian of ``fun``, row by row in reverse mode.

    This is the mode for few outputs and many inputs.

    Parameters
    ----------
    fun : callable
        A function with an array, or a pytree of arrays, as its result (or ``(result, aux)``).
        Without it, ``jacrev`` is a decorator.
    grad_states : State, or StateDict, list or dict of states, optional
        The states to differentiate with respect to, such as ``model.states(ParamState)``.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate with respect to. The first one, where neither
        ``grad_states`` nor ``argnums`` is given.
    has_aux : bool
        Whether ``fun`` returns ``(result, aux)``.
    return_value : bool
        Whether to return the result of ``fun``, too.
    holomorphic, allow_int : bool
        As in :func:`jax.jacrev`.

    Returns
    -------
    callable
        It takes the arguments of ``fun`` and returns ``jacobian``, ``(jacobian, value)``,
        ``(jacobian, aux)`` or ``(jacobian, value, aux)``. The Jacobian is structured like the
        gradient of :func:`~brainlite.transform.grad`; each array in it has the shape of the
        result followed by that of the state or argument. Where the result is a pytree, there is
        one such structure for each of its arrays. States that ``fun`` writes get their new
        values once.

    Raises
    ------
    GradError
        A target, or the result, is not made of floats.

    Examples
    --------
    >>> from brainlite.transform import jacrev
    >>> jacrev(lambda x: x**2)(jnp.array([1.0, 2.0, 3.0])).shape
    (3, 3)
    >>> model = brainlite.nn.Linear(2, 3)
    >>> jacobian = jacrev(model, model.states(brainlite.ParamState))(jnp.ones(2))
    >>> jacobian["weight",]["weight"].shape
    (3, 2, 3)
    """
    given = dict(locals())
    inputs = jnp.complexfloating if holomorphic else np.generic if allow_int else jnp.inexact
    return _dense(
        jacrev,
        given,
        functools.partial(jax.jacrev, holomorphic=holomorphic, allow_int=allow_int),
        kinds=Kinds(inputs, jnp.complexfloating if holomorphic else jnp.floating),
    )


jacobian = jacrev


@differentiator
def jacfwd(
    fun: Callable[..., object] | None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> object:
    """Return a function that computes the Jacobian of ``fun``, column by column in forward mode.

    This is the mode for many outputs and few inputs.

    Parameters
    ----------
    fun, grad_states, argnums, has_aux, return_value, holomorphic
        As in :func:`jacrev`.

    Returns
    -------
    callable
        As in :func:`jacrev`.

    Raises
    ------
    GradError
        A target, or the result, is not made of floats.

    Examples
    --------
    >>> from brainlite.transform import jacfwd
    >>> jacobian, value = jacfwd(jnp.cumsum, return_value=True)(jnp.array([1.0, 2.0]))
    >>> print(jacobian)
    [[1. 0.]
     [1. 1.]]
    """
    given = dict(locals())
    real, complex_ = (
        Kinds(jnp.floating, jnp.inexact),
        Kinds(jnp.complexfloating, jnp.complexfloating),
    )
    return _dense(
        jacfwd,
        given,
        functools.partial(jax.jacfwd, holomorphic=holomorphic),
        kinds=complex_ if holomorphic else real,
    )


# The second derivative by a dict of states is a dict of dicts.
@overload
def hessian(
    fun: Callable[P, Array],
    grad_states: GradTarget[Array],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[P, Array]: ...
@overload
def hessian(
    fun: Callable[P, Array],
    grad_states: GradTarget[dict[K, Array]],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[P, dict[K, dict[K, Array]]]: ...
@overload
def hessian(
    fun: Callable[Concatenate[Array, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
) -> Derivative[Concatenate[Array, P], Array]: ...
@overload
def hessian(
    fun: Callable[P, Array],
    grad_states: GradTarget[Array],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[P, tuple[Array, Array]]: ...
@overload
def hessian(
    fun: Callable[P, Array],
    grad_states: GradTarget[dict[K, Array]],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[P, tuple[dict[K, dict[K, Array]], Array]]: ...
@overload
def hessian(
    fun: Callable[Concatenate[Array, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
) -> Derivative[Concatenate[Array, P], tuple[Array, Array]]: ...
@overload
def hessian(
    fun: Callable[P, object],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> Derivative[P, Any]: ...
@overload
def hessian(
    fun: None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> SameArguments: ...
def hessian(
    fun: Callable[..., object] | None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
    holomorphic: bool = False,
) -> object:
    """Return a function that computes the Hessian of ``fun``, forward over reverse.

    Parameters
    ----------
    fun, grad_states, argnums, has_aux, return_value, holomorphic
        As in :func:`jacrev`; the result of ``fun`` is one number as a rule.

    Returns
    -------
    callable
        It takes the arguments of ``fun`` and returns ``hessian``, ``(hessian, value)``,
        ``(hessian, aux)`` or ``(hessian, value, aux)``. The Hessian has the structure of the
        gradient twice, one inside the other: for a ``StateDict``, ``hessian[path][other]`` has the
        shape of the result of ``fun``, then that of the state at ``path``, then that of the
        one at ``other``. With ``grad_states`` and ``argnums`` the four blocks are
        ``((states_states, states_arguments), (arguments_states, arguments_arguments))``.

    Raises
    ------
    GradError
        A target, or the result, is not made of floats.

    Examples
    --------
    >>> from brainlite import ParamState
    >>> from brainlite.transform import hessian
    >>> print(hessian(lambda x: x[0] ** 2 * x[1])(jnp.array([1.0, 2.0])))
    [[4. 2.]
     [2. 0.]]
    >>> states = {"a": ParamState(jnp.ones(2)), "b": ParamState(jnp.ones(3))}
    >>> def loss():
    ...     return states["a"].value.sum() * states["b"].value.sum()
    >>> hessian(loss, states)()["a"]["b"].shape
    (2, 3)
    """
    given = dict(locals())
    kind = jnp.complexfloating if holomorphic else jnp.floating
    return _dense(
        hessian,
        given,
        functools.partial(jax.hessian, holomorphic=holomorphic),
        kinds=Kinds(kind, kind),
        order=2,
    )


def _dense(
    ours: Callable[..., object],
    given: dict[str, Any],
    transform: Callable[..., Pure],
    *,
    kinds: Kinds,
    order: int = 1,
) -> object:
    """Return what a transform of ours for dense derivatives of some order returns."""
    targets = Targets.of(given["grad_states"], given["argnums"])

    def apply(pure: Pure) -> Pure:
        # jax cannot do without anything to differentiate, as with a model without parameters.
        def derivative(*point: object) -> tuple[PyTree, Outcome]:
            if not jax.tree.leaves(point):
                return (), pure(*point)[1]
            return transform(pure, argnums=(0, 1), has_aux=True)(*point)

        return derivative

    def derive(
        fun: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[object, object, object]:
        found = evaluate(
            apply,
            fun,
            targets,
            args,
            kwargs,
            label=ours.__name__,
            has_aux=bool(given["has_aux"]),
            kinds=kinds,
        )
        return _arranged(found, order), found.value, found.aux

    return gradient_function(ours, given, derive)


def _arranged(found: Evaluated, order: int) -> object:
    """Put derivatives into the structure of the result, then ``order`` times into the user's.

    jax nests them in this order as well; as a list, what is innermost comes first.
    """
    outer: PyTreeDef = jax.tree.structure(found.value)
    inner: PyTreeDef = jax.tree.structure(found.point)
    parts: list[PyTree] = jax.tree.leaves(found.result)
    size: int = inner.num_leaves
    for level in reversed(range(order)):
        starts = [number * size for number in range(outer.num_leaves * size**level)]
        parts = [found.targets.arrange(*inner.unflatten(parts[n : n + size])) for n in starts]
    return outer.unflatten(parts)
