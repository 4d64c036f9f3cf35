"""Gradients cut down to a norm."""

import math
from typing import Any, Literal, TypeVar, overload

import jax
import jax.numpy as jnp

from brainlite._given import no_array
from brainlite._jax_compat import Tracer
from brainlite.errors import InputError, OptionError
from brainlite.typing import Array

Gradients = TypeVar("Gradients")


@overload
def clip_grad_norm(
    grad: Gradients,
    max_norm: float | Array,
    norm_type: float | str | None = 2.0,
    return_norm: Literal[False] = False,
) -> Gradients: ...
@overload
def clip_grad_norm(
    grad: Gradients,
    max_norm: float | Array,
    norm_type: float | str | None = 2.0,
    *,
    return_norm: Literal[True],
) -> tuple[Gradients, Array]: ...
def clip_grad_norm(
    grad: object,
    max_norm: float | Array,
    norm_type: float | str | None = 2.0,
    return_norm: bool = False,
) -> Any:
    """Scale gradients down together, so that their norm is at most ``max_norm``.

    Parameters
    ----------
    grad : pytree of arrays
        The gradients; the norm is that of all of them as one vector.
    max_norm : float
        The largest norm, 0 or more. Gradients below it stay as they are. Where one is infinite, so
        is the norm: then the finite ones become 0 and the infinite ones NaN. One of NaN makes all
        NaN.
    norm_type : float or str, optional
        Which norm: a number p of 1 or more, or ``'inf'``, ``'-inf'`` for the largest and the
        smallest absolute value. By default 2.
    return_norm : bool
        Whether to return the norm before the clipping as well.

    Returns
    -------
    pytree of arrays, or (pytree, array of shape ())

    Raises
    ------
    OptionError
        There is no such norm, or max_norm is negative.
    InputError
        A gradient is no array.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks",
    ICML 2013.

    Examples
    --------
    >>> grads = {"w": jnp.array([3.0, 4.0]), "b": jnp.array([12.0])}
    >>> clipped, norm = brainlite.nn.functional.clip_grad_norm(grads, 6.5, return_norm=True)
    >>> print(clipped["w"], norm)
    [1.5 2. ] 13.0
    """
    order = _norm_order(norm_type)
    for path, leaf in jax.tree_util.tree_leaves_with_path(
        grad, is_leaf=_is_none if grad is None else None
    ):
        remark = no_array(leaf)
        if remark is not None:
            raise InputError(
                "a gradient is no array",
                where=f"clip_grad_norm: grad{jax.tree_util.keystr(path)}",
                expected="a pytree of arrays",
                got=remark.got,
                fix=remark.fix,
            )
    number = no_array(max_norm, scalar=True) is None and jnp.ndim(max_norm) == 0
    if not number or (not isinstance(max_norm, Tracer) and not max_norm >= 0):
        raise OptionError(
            "gradients cannot be clipped to such a norm",
            expected="max_norm >= 0, one number",
            got=f"max_norm={max_norm}",
            fix="pass the largest norm that a gradient may have",
        )
    unit, root = _norm(jax.tree.leaves(grad), order)
    norm = unit * root
    # All in units of the largest element, so that nothing overflows or is lost. An infinite norm
    # leaves nothing of what is finite, and one of NaN leaves NaN.
    within = norm <= max_norm
    factor = max_norm / jnp.where(within, 1, root)

    def scale(leaf: Array) -> Array:
        wide = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
        return jnp.where(within, leaf, (wide / unit * factor).astype(leaf.dtype))

    clipped = jax.tree.map(scale, grad)
    return (clipped, norm) if return_norm else clipped


def _is_none(leaf: object) -> bool:
    return leaf is None


def _norm_order(norm_type: float | str | None) -> float:
    """Return the order of a norm as a number, or raise."""
    try:
        order = 2.0 if norm_type is None else float(norm_type)
    except ValueError:
        order = math.nan
    if order >= 1 or order == -math.inf:
        return order
    raise OptionError(
        "there is no such norm of gradients",
        expected="a number of 1 or more, 'inf' or '-inf'",
        got=f"norm_type={norm_type!r}",
        fix="leave it out for the Euclidean norm",
    )


def _norm(leaves: list[Any], order: float) -> tuple[Array, Array]:
    """Return a unit, and the norm of all leaves as one vector in it, in single precision at least.

    The unit is about the largest element where that is finite, so that no power overflows.
    """
    wide = [
        jnp.abs(leaf).astype(jnp.promote_types(jnp.abs(leaf).dtype, jnp.float32))
        for leaf in leaves
        if leaf.size
    ]
    if not wide:
        return jnp.ones(()), jnp.zeros(())
    peak = jax.lax.stop_gradient(jnp.max(jnp.stack(list(map(jnp.max, wide)))))
    finfo: Any = jnp.finfo  # which has no types
    tiny = finfo(
        peak.dtype
    ).tiny  # XLA may divide by multiplying with 1 / unit, which is to be normal
    unit = jnp.where(jnp.isfinite(peak), jnp.clip(peak, tiny, 1 / tiny), 1)
    parts = [leaf / unit for leaf in wide]
    if math.isinf(order):
        extreme = jnp.max if order > 0 else jnp.min
        return unit, extreme(jnp.stack(list(map(extreme, parts))))
    total = jnp.sum(jnp.stack([jnp.sum(part**order) for part in parts]))
    # The root has no derivative at 0, where that of the whole is taken to be 0.
    nothing = total == 0
    return unit, jnp.where(nothing, 0, jnp.where(nothing, 1, total) ** (1 / order))
