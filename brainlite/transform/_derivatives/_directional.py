"""Gradients from one direction at a time: ``vector_grad`` and ``fwd_grad``."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, overload

import jax
import jax.numpy as jnp
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import PyTreeDef
from brainlite.errors import OptionError
from brainlite.random import DEFAULT
from brainlite.random._face import advance, to_key
from brainlite.transform._derivatives._gradient import (
    Kinds,
    Outcome,
    Pure,
    Targets,
    differentiate,
    gradient_function,
)
from brainlite.transform._derivatives._signatures import (
    A,
    Derivative,
    SameArguments,
    StateGroup,
    differentiator,
)
from brainlite.transform._engine._lift import fetch
from brainlite.typing import Array, GradTarget, Key, PyTree, SeedOrKey

P = ParamSpec("P")
G = TypeVar("G")
Aux = TypeVar("Aux")


@differentiator
def vector_grad(
    fun: Callable[..., object] | None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
) -> object:
    """Return a function that computes the gradient of the sum of all that ``fun`` returns.

    For a function that works on each element of an array by itself this is the derivative of each
    element. It is the pullback (:func:`~brainlite.transform.vjp`) of a result of ones.

    Parameters
    ----------
    fun : callable
        A function with an array, or a pytree of arrays, as its result (or ``(result, aux)``).
        Without it, ``vector_grad`` is a decorator.
    grad_states, argnums, has_aux, return_value
        As in :func:`~brainlite.transform.grad`.

    Returns
    -------
    callable
        As in :func:`~brainlite.transform.grad`; the value is the result of ``fun``, not its sum.

    Raises
    ------
    GradError
        A target, or the result, is not made of floats.

    Examples
    --------
    >>> from brainlite.transform import vector_grad
    >>> print(vector_grad(lambda x: x**2)(jnp.array([1.0, 2.0, 3.0])))
    [2. 4. 6.]
    """
    given = dict(locals())
    targets = Targets.of(grad_states, argnums)

    def transform(pure: Pure) -> Pure:
        def gradient(*point: object) -> tuple[PyTree, Outcome]:
            value, pullback, outcome = jax.vjp(pure, *point, has_aux=True)
            return pullback(jax.tree.map(jnp.ones_like, value)), outcome

        return gradient

    def derive(
        fun: Callable[..., object], args: Sequence[PyTree], kwargs: Mapping[str, object]
    ) -> tuple[PyTree, PyTree, PyTree]:
        return differentiate(
            transform,
            fun,
            targets,
            args,
            kwargs,
            label="vector_grad",
            has_aux=bool(has_aux),
            scalar=False,
            kinds=Kinds(jnp.inexact, jnp.inexact),
        )

    return gradient_function(vector_grad, given, derive)


@overload
def fwd_grad(
    fun: Callable[P, Array],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[P, G]: ...
@overload
def fwd_grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[False] = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[Concatenate[A, P], A]: ...
@overload
def fwd_grad(
    fun: Callable[P, Array],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[P, tuple[G, Array]]: ...
@overload
def fwd_grad(
    fun: Callable[Concatenate[A, P], Array],
    grad_states: None = None,
    *,
    argnums: Literal[0] | None = None,
    has_aux: Literal[False] = False,
    return_value: Literal[True],
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[Concatenate[A, P], tuple[A, Array]]: ...
@overload
def fwd_grad(
    fun: Callable[P, tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[True],
    return_value: Literal[False] = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[P, tuple[G, Aux]]: ...
@overload
def fwd_grad(
    fun: Callable[P, tuple[Array, Aux]],
    grad_states: GradTarget[G],
    *,
    argnums: None = None,
    has_aux: Literal[True],
    return_value: Literal[True],
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[P, tuple[G, Array, Aux]]: ...
@overload
def fwd_grad(
    fun: Callable[P, object],
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> Derivative[P, Any]: ...
@overload
def fwd_grad(
    fun: None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    return_value: bool = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> SameArguments: ...
def fwd_grad(
    fun: Callable[..., object] | None = None,
    grad_states: GradTarget[object] | StateGroup | None = None,
    *,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool | None = False,
    return_value: bool = False,
    tangent_size: int | None = None,
    drct_der_clip: float | None = None,
    key: SeedOrKey | None = None,
) -> object:
    """Return a function that estimates the gradient of ``fun`` without going backwards.

    The derivative of ``fun`` along a random direction, times that direction, is the gradient on
    average; its variance grows with the number of values to differentiate. Going forwards only,
    it needs no memory for what a backward pass would.

    Parameters
    ----------
    fun : callable
        A function with one number as its result (or ``(number, aux)``). Without it, ``fwd_grad``
        is a decorator.
    grad_states, argnums, has_aux, return_value
        As in :func:`~brainlite.transform.grad`.
    tangent_size : int, optional
        The number of random directions to average over. By default one.
    drct_der_clip : float, optional
        The largest size of a directional derivative; larger ones are clipped, which makes for a
        bias.
    key : int or key, optional
        A seed or key for the directions, which are then the same at every call. By default each
        call takes a key from the shared generator, before ``fun`` runs.

    Returns
    -------
    callable
        As in :func:`~brainlite.transform.grad`.

    Raises
    ------
    GradError
        The value is not one number, or it or a target is not made of floats.
    OptionError
        ``tangent_size`` or ``drct_der_clip`` is not positive, or ``key`` is no key.

    Examples
    --------
    >>> from brainlite.transform import fwd_grad
    >>> estimate = fwd_grad(lambda x: (x**2).sum(), tangent_size=10_000, key=0)
    >>> bool(jnp.allclose(estimate(jnp.array([2.0, 3.0])), jnp.array([4.0, 6.0]), rtol=0.1))
    True

    References
    ----------
    Baydin et al., "Gradients without backpropagation", arXiv:2202.08587, 2022.
    Silver et al., "Learning by directional gradient descent", ICLR 2022.
    """
    given = dict(locals())
    targets = Targets.of(grad_states, argnums)
    _check_positive("tangent_size", tangent_size)
    _check_positive("drct_der_clip", drct_der_clip)
    fixed = None if key is None else to_key(key)

    def derive(
        fun: Callable[..., object], args: Sequence[PyTree], kwargs: Mapping[str, object]
    ) -> tuple[PyTree, PyTree, PyTree]:
        used, fun = _take_key(fun) if fixed is None else (fixed, fun)
        return differentiate(
            functools.partial(_estimator, used, tangent_size, drct_der_clip),
            fun,
            targets,
            args,
            kwargs,
            label="fwd_grad",
            has_aux=bool(has_aux),
            kinds=Kinds(jnp.floating, jnp.floating),
        )

    return gradient_function(fwd_grad, given, derive)


def _check_positive(name: str, value: float | None) -> None:
    """Raise for an option that must be a positive number."""
    whole = name == "tangent_size"
    if value is None or (value > 0 and not (whole and value != int(value))):
        return
    raise OptionError(
        f"this {name} is no option of fwd_grad",
        expected=f"a positive {'whole ' if whole else ''}number, or None",
        got=repr(value),
        fix=f"pass {name}=None to do without it, or a number above 0",
    )


def _take_key(fun: Callable[..., object]) -> tuple[Key, Callable[..., object]]:
    """Take a key from the shared generator, as the first thing that ``fun`` does.

    So the generator goes on together with the states that ``fun`` writes, or not at all.
    """
    kept, used = advance(fetch(DEFAULT))

    def after_draw(*args: object, **kwargs: object) -> object:
        DEFAULT.value = kept
        return fun(*args, **kwargs)

    return used, after_draw


def _estimator(key: Key, size: int | None, clip: float | None, pure: Pure) -> Pure:
    """Return a function that estimates the gradient of ``pure`` from ``size`` directions."""

    def gradient(*point: object) -> tuple[PyTree, Outcome]:
        leaves: list[PyTree] = jax.tree.leaves(point)
        structure: PyTreeDef = jax.tree.structure(point)
        shape = () if size is None else (size,)

        def along(directions: list[Array]) -> tuple[list[Array], Outcome]:
            tangents = structure.unflatten(directions)
            _, slope, outcome = jax.jvp(pure, point, tangents, has_aux=True)
            slope = slope if clip is None else jnp.clip(slope, -clip, clip)
            return [(slope * each).astype(each.dtype) for each in directions], outcome

        directions = [
            jax.random.normal(each, (*shape, *jnp.shape(leaf)), jnp.result_type(leaf))
            for each, leaf in zip(jax.random.split(key, len(leaves)), leaves, strict=True)
        ]
        if size is None or not leaves:
            estimate, outcome = along(directions)
        else:
            estimates, outcome = jax.vmap(along, out_axes=(0, None))(directions)
            estimate = [each.mean(axis=0) for each in estimates]
        return structure.unflatten(estimate), outcome

    return gradient
