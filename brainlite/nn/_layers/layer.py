"""What layers share: what they compute in, and how they refuse what does not fit."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax

from brainlite._given import no_array
from brainlite.nn import init
from brainlite.nn._modules.casting import check_floating
from brainlite.nn._modules.module import Module
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, DTypeLike, Shape, Size

Init: TypeAlias = ArrayLike | Callable[..., Array]
"""What parameters start from."""

Params: TypeAlias = dict[str, Array]
"""The value of a state that holds the parameters of a layer, by name."""


class Layer(Module):
    """The base of layers that may be told a dtype.

    ``param_dtype`` is the type of the parameters, by default that of ``environ.precision``.
    ``dtype`` is the type that input and parameters are cast to, and so that of the output; without
    it they are promoted as jax promotes. Both are attributes only where they were given, so that
    other layers print as ever.
    """

    __display_compact__ = True

    dtype: DTypeLike | None = None
    param_dtype: DTypeLike | None = None

    def _set_dtypes(self, dtype: DTypeLike | None, param_dtype: DTypeLike | None) -> None:
        for name, given in (("dtype", dtype), ("param_dtype", param_dtype)):
            if given is not None:
                kind = type(self).__name__
                setattr(self, name, check_floating(given, f"{name} is for", kind))

    def _make(self, initial: Init, shape: Size) -> Array:
        """Return the first value of a parameter."""
        value = init.param(initial, shape)
        return value if self.param_dtype is None else value.astype(self.param_dtype)

    def _cast(self, *arrays: Any) -> list[Any]:
        """Return arrays (or dicts of them) in the type of the computation."""
        dtype = self.dtype
        if dtype is None:
            return list(arrays)
        return [
            {name: each.astype(dtype) for name, each in array.items()}
            if isinstance(array, dict)
            else array.astype(dtype)
            for array in arrays
        ]


# Types whose objects are arrays, learned as they are met: a look at them costs 40 ns.
_arrays: set[type] = set()


def check_array(layer: Module, x: Any, name: str = "the input", *, scalar: bool = False) -> None:
    """Raise unless ``x`` is an array of jax or numpy; with ``scalar`` it may be a number.

    Every layer asks this first of what it is called with.
    """
    if type(x) not in _arrays:
        _meet(layer, x, name, scalar)


def _meet(layer: Module, x: Any, name: str, scalar: bool) -> None:
    """Raise for what is no array, with how to make one; remember the types that are."""
    if isinstance(x, jax.Array):
        _arrays.add(type(x))
        return
    remark = no_array(x, scalar=scalar)
    if remark is not None:
        raise refused(
            layer,
            f"{name} is no array",
            expected="an array of jax or numpy",
            got=remark.got,
            fix=remark.fix,
        )


def check_features(layer: Module, x: Array, size: int) -> None:
    """Raise unless ``x`` is an array whose last axis has ``size`` elements."""
    check_array(layer, x)
    shape = x.shape
    if shape and shape[-1] == size:
        return
    raise refused(
        layer,
        "the input has the wrong number of features",
        expected=f"{size} in the last axis: an array of shape (..., {size})",
        got=f"an array of shape {shape}",
        fix=f"pass input with {size} features, or make the layer for {shape[-1] if shape else 1}",
    )


def batched(function: Callable[[Array], Array], x: Array, rank: int) -> Array:
    """Apply a function of arrays with one batch axis to one with any number of them.

    The last ``rank`` axes are those of one sample; the function may change their sizes and number.
    """
    lead: Shape = x.shape[: x.ndim - rank]
    if len(lead) == 1:
        return function(x)
    y = function(x.reshape((math.prod(lead), *x.shape[x.ndim - rank :])))
    return y.reshape((*lead, *y.shape[1:]))
