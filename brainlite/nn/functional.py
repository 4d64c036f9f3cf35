"""Activations, losses, and other functions without parameters.

The activations apply to each element unless they name an axis. They are plain functions over
``jax.nn``, so that layers print them as ``<function relu at ...>``; :func:`resolve_activation`
finds one by its name. The losses have the names, arguments and meanings of torch's, but for the
layout: classes, vectors and channels are the last axis.

Examples
--------
>>> brainlite.nn.functional.relu(jnp.array([-1.0, 2.0]))
Array([0., 2.], dtype=float32)
"""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from brainlite._given import no_such_name
from brainlite.errors import OptionError
from brainlite.nn._functional.activations import (
    gelu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    log_sigmoid,
    mish,
    sigmoid,
    silu,
    soft_shrink,
    soft_sign,
    softplus,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
)
from brainlite.nn._functional.along_axis import (
    glu,
    log_softmax,
    logsumexp,
    one_hot,
    softmax,
    softmin,
    standardize,
)
from brainlite.nn._functional.attention import scaled_dot_product_attention
from brainlite.nn._functional.classification_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    multi_margin_loss,
    nll_loss,
    soft_margin_loss,
)
from brainlite.nn._functional.clip import clip_grad_norm
from brainlite.nn._functional.ctc import ctc_loss
from brainlite.nn._functional.embedding_losses import (
    cosine_embedding_loss,
    cosine_similarity,
    hinge_embedding_loss,
    margin_ranking_loss,
    triplet_margin_loss,
)
from brainlite.nn._functional.rectifiers import (
    celu,
    elu,
    leaky_relu,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
)
from brainlite.nn._functional.regression_losses import (
    gaussian_nll_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from brainlite.typing import Array

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "clip_grad_norm",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "elu",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "hinge_embedding_loss",
    "huber_loss",
    "is_pure",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "margin_ranking_loss",
    "mish",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "one_hot",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "resolve_activation",
    "rrelu",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "soft_shrink",
    "soft_sign",
    "softmax",
    "softmin",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "standardize",
    "swish",
    "tanh",
    "tanh_shrink",
    "triplet_margin_loss",
]

_ACTIVATIONS: Final[dict[str, Callable[..., Array]]] = {
    function.__name__: function
    for function in (
        tanh,
        sigmoid,
        log_sigmoid,
        hard_sigmoid,
        sparse_sigmoid,
        hard_tanh,
        soft_sign,
        tanh_shrink,
        soft_shrink,
        hard_shrink,
        relu,
        relu6,
        leaky_relu,
        prelu,
        rrelu,
        elu,
        celu,
        selu,
        gelu,
        silu,
        swish,
        hard_silu,
        hard_swish,
        mish,
        softplus,
        squareplus,
        sparse_plus,
        glu,
        softmax,
        log_softmax,
        softmin,
        standardize,
    )
}
# By identity, as a user's callable need not have a hash.
_PURE: Final = {id(function) for name, function in _ACTIVATIONS.items() if name != "rrelu"}


def resolve_activation(
    act: str | Callable[[Array], Array], where: str | None = None
) -> Callable[[Array], Array]:
    """Return an activation, given itself or its name.

    Parameters
    ----------
    act : str or callable
        The name of an activation of this module, or any function of an array.
    where : str, optional
        The layer that asks, for the error message.

    Returns
    -------
    callable

    Raises
    ------
    OptionError
        There is no activation of this name.

    Examples
    --------
    >>> brainlite.nn.functional.resolve_activation("relu") is brainlite.nn.functional.relu
    True
    """
    given: Any = act
    if callable(given):
        return act if not isinstance(act, str) else _ACTIVATIONS[act]
    if isinstance(given, str) and given in _ACTIVATIONS:
        return _ACTIVATIONS[given]
    near = difflib.get_close_matches(str(given), _ACTIVATIONS, cutoff=0.5)
    names = " or ".join(map(repr, near)) or "a name in brainlite.nn.functional"
    raise OptionError(
        "there is no such activation",
        where=where,
        expected="the name of an activation, or a function of an array",
        got=repr(given),
        fix=f"use {names}, or pass the function itself",
    )


def is_pure(function: Callable[..., Any]) -> bool:
    """Say whether a function is known to depend on its arguments alone.

    True of the activations of this module (all but :func:`rrelu`, which draws) and of the functions
    of jax; of any other function nothing is known.

    Parameters
    ----------
    function : callable
        Any function.

    Returns
    -------
    bool

    Examples
    --------
    >>> brainlite.nn.functional.is_pure(brainlite.nn.functional.relu)
    True
    """
    # What jit, vmap and the like have made stands for the function inside. The globals tell who
    # wrote a function; its __module__ may have been copied by functools.wraps.
    inner: Any = function
    while _is_of_jax(inner) and hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    return id(function) in _PURE or (_is_of_jax(inner) and hasattr(inner, "__globals__"))


def _is_of_jax(function: object) -> bool:
    home: str = getattr(function, "__globals__", {}).get("__name__") or type(function).__module__
    return home.partition(".")[0] in ("jax", "jaxlib")


if not TYPE_CHECKING:

    def __getattr__(name):
        # Asked only for names that are not there.
        raise no_such_name(f"module {__name__!r}", name)
