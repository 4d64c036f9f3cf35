"""Affine layers."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from brainlite._jax_compat import is_eager
from brainlite.errors import InputError, SizeError
from brainlite.nn import init
from brainlite.nn._module import Module
from brainlite.nn._size import to_size
from brainlite.state import ParamState
from brainlite.state._locate import locate
from brainlite.typing import Array, ArrayLike, Size

__all__ = ["Linear", "affine", "check_features"]

Init: TypeAlias = ArrayLike | Callable[..., Array]


class Linear(Module):
    r"""An affine map of the last axis, :math:`y = x W + b`.

    Parameters
    ----------
    in_size, out_size : int or sequence of int
        The sizes of input and output. Of several axes only the last is mapped; the others must
        agree.
    w_init : callable or array
        The weight, or what makes it from its shape (in_size[-1], out_size[-1]).
    b_init : callable, array or None
        The bias, or what makes it from its shape (out_size[-1],); None for no bias.
    w_mask : callable, array or None
        Multiplied with the weight at every call; or what makes it from the shape of the weight.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the parameters.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (in, out), 'bias': (out,)}``; without ``'bias'`` where there is none.

    Raises
    ------
    SizeError
        A size is negative or not whole, or the leading axes differ.
    InputError
        The last axis of the input is not in_size[-1].

    References
    ----------
    .. [1] He et al., "Delving Deep into Rectifiers", 2015: the default initialiser.

    Examples
    --------
    >>> import brainlite
    >>> import jax.numpy as jnp
    >>> brainlite.nn.Linear((10,), (5,))(jnp.ones((32, 10))).shape
    (32, 5)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        w_init: Init = init.KaimingNormal(),
        b_init: Init | None = init.ZeroInit(),
        w_mask: Init | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
    ) -> None:
        self.name = name
        self.in_size = to_size(in_size, name="in_size", where="Linear")
        self.out_size = to_size(out_size, name="out_size", where="Linear")
        if not self.in_size or not self.out_size or self.in_size[:-1] != self.out_size[:-1]:
            raise SizeError(
                "the leading axes of in_size and out_size differ",
                where="Linear",
                expected="sizes that agree in all axes but the last",
                got=f"in_size={self.in_size}, out_size={self.out_size}",
                fix="pass sizes of equal rank; a Linear maps the last axis only",
            )
        shape = (self.in_size[-1], self.out_size[-1])
        self.w_mask: Array | None = None if w_mask is None else init.param(w_mask, shape)
        params = {"weight": init.param(w_init, shape)}
        if b_init is not None:
            params["bias"] = init.param(b_init, shape[1:])
        self.weight: ParamState[dict[str, Array]] = param_type(params)

    def update(self, x: Array) -> Array:
        """Map the last axis.

        Parameters
        ----------
        x : array, shape (..., in)

        Returns
        -------
        array, shape (..., out)
        """
        check_features(self, x, self.in_size[-1])
        run = _kernel if is_eager() else affine
        y: Array = run(self.weight.value, self.w_mask, x)
        return y


def affine(params: dict[str, Array], mask: Array | None, x: Array) -> Array:
    """Compute the map on arrays alone."""
    weight = params["weight"]
    if mask is not None:
        weight = weight * mask.astype(weight.dtype)  # the model may have been cast
    y: Array = jnp.dot(x, weight)
    return y + params["bias"] if "bias" in params else y


_kernel = jax.jit(affine)  # outside a trace: one dispatch for the product and the sum


def check_features(layer: Module, x: Array, size: int) -> None:
    """Raise unless the last axis of ``x`` has ``size`` elements."""
    shape = x.shape
    if shape and shape[-1] == size:
        return
    raise InputError(
        "the input has the wrong number of features",
        where=locate(layer) or type(layer).__name__,
        expected=f"{size} in the last axis: an array of shape (..., {size})",
        got=f"an array of shape {shape}",
        fix=f"pass input with {size} features, or make the layer for {shape[-1] if shape else 1}",
    )
