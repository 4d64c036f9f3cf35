"""Initialisers: what makes the first values of parameters and hidden states.

An initialiser is called with a shape: ``init.KaimingNormal()((10, 20))``. Layers take one, or any
function of a shape, or a plain array, and hand it to :func:`param`. Random ones draw from
``brainlite.random``, so that ``brainlite.random.seed`` fixes them, unless they have a seed of
their own: an int or a key as ``seed``. ``unit`` is what the values are multiplied with.

Examples
--------
>>> from brainlite.nn import init
>>> brainlite.random.seed(42)
>>> init.Normal(scale=0.1)((2, 3)).shape
(2, 3)
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite._given import is_quantity, no_such_name, own, to_size
from brainlite.errors import OptionError, SizeError
from brainlite.nn._init.draws import Exponential, Gamma, Normal, TruncatedNormal, Uniform
from brainlite.nn._init.initializer import Constant, Identity, Initializer, Unit, ZeroInit
from brainlite.nn._init.orthogonal import DeltaOrthogonal, Orthogonal
from brainlite.nn._init.scaling import (
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    XavierNormal,
    XavierUniform,
)
from brainlite.state import State
from brainlite.state._face import AnyState
from brainlite.typing import Array, ArrayLike, Shape, Size

__all__ = [
    "Constant",
    "DeltaOrthogonal",
    "Exponential",
    "Gamma",
    "Identity",
    "Initializer",
    "KaimingNormal",
    "KaimingUniform",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "Unit",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "ZeroInit",
    "are_broadcastable_shapes",
    "calculate_init_gain",
    "param",
]

S = TypeVar("S", bound=AnyState)


@overload
def param(
    parameter: None,
    sizes: Size,
    batch_size: int | None = None,
    allow_none: bool = True,
    allow_scalar: bool = True,
) -> None: ...
@overload
def param(
    parameter: S,
    sizes: Size,
    batch_size: int | None = None,
    allow_none: bool = True,
    allow_scalar: bool = True,
) -> S: ...
@overload
def param(
    parameter: Callable[..., Array] | ArrayLike,
    sizes: Size,
    batch_size: int | None = None,
    allow_none: bool = True,
    allow_scalar: bool = True,
) -> Array: ...
def param(
    parameter: Any,
    sizes: Size,
    batch_size: int | None = None,
    allow_none: bool = True,
    allow_scalar: bool = True,
) -> Any:
    """Return the array that a parameter is to start from.

    Parameters
    ----------
    parameter : callable, array_like, State or None
        A function of the shape (an :class:`Initializer`, for example), or the value itself,
        which must broadcast to the shape. A number stands for that number everywhere.
    sizes : int or sequence of int
        The shape, without the batch.
    batch_size : int, optional
        The length of a further axis in front.
    allow_none, allow_scalar : bool
        Whether None and single numbers are accepted.

    Returns
    -------
    array of shape ([batch_size,] *sizes)
        None for None, and for a state a state: itself, or with a batch axis if it has none yet.

    Raises
    ------
    SizeError
        The value does not fit the shape.
    OptionError
        The parameter is nothing that makes an array.

    Examples
    --------
    >>> brainlite.nn.init.param(brainlite.nn.init.ZeroInit(), 3, batch_size=2).shape
    (2, 3)
    >>> brainlite.nn.init.param(0.5, 3)
    Array([0.5, 0.5, 0.5], dtype=float32)
    """
    shape = to_size(sizes, "sizes")
    if batch_size is not None:
        shape = (*to_size(batch_size, "batch_size"), *shape)
    if parameter is None and allow_none:
        return None
    if isinstance(parameter, State):
        value = _fitted(parameter.value, shape)
        return parameter if value is parameter.value else parameter.replace(value)
    if callable(parameter):
        return _fitted(parameter(shape), shape)
    if is_quantity(parameter):
        return _fitted(parameter, shape)
    is_array = isinstance(parameter, bool | int | float) or hasattr(parameter, "__array__")
    given: Any = parameter
    if is_array and (allow_scalar or np.ndim(given)):
        return _fitted(given, shape)
    raise OptionError(
        "this cannot be made into a parameter",
        expected="a function of the shape, or an array" + (", or a number" * allow_scalar),
        got=f"{type(parameter).__name__} {parameter!r}",
        fix="pass an initialiser such as brainlite.nn.init.ZeroInit(), or jnp.asarray(...)",
    )


def _fitted(value: Any, shape: Shape) -> Array:
    """Return a value given for a parameter, broadcast or refused."""
    if is_quantity(value):
        whole: Array = jax.tree.map(lambda numbers: _fitted(numbers, shape), value)
        return whole
    # A plain number is weakly typed: a bias given as 0 must not become an array of ints.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    array = own(value, environ.dftype() if number else None)
    if array.shape == shape:
        return array
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError as error:
        raise SizeError(
            "the first value of a parameter has the wrong shape",
            expected=f"{shape}",
            got=f"{array.shape}",
            fix="pass an array of this shape, or an initialiser, which is told the shape",
        ) from error


def calculate_init_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which an activation shrinks the standard deviation, to undo it.

    Parameters
    ----------
    nonlinearity : str
        'linear', 'identity', 'sigmoid', 'conv1d' to 'conv3d' and 'conv_transpose1d' to
        'conv_transpose3d' (1), 'tanh' (5/3), 'relu' (sqrt 2), 'selu' (3/4), or 'leaky_relu'.
    param : float, optional
        The negative slope of 'leaky_relu', by default 0.01.

    Returns
    -------
    float

    Raises
    ------
    OptionError
        There is no such activation, or its slope is no number.

    References
    ----------
    ``torch.nn.init.calculate_gain``. For self-normalising networks (Klambauer et al. 2017) use
    'linear' with SELU: 3/4 gives up the normalisation for stabler gradients.

    Examples
    --------
    >>> brainlite.nn.init.calculate_init_gain("relu") ** 2
    2.0000000000000004
    """
    if nonlinearity == "leaky_relu":
        slope: Any = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise OptionError(
                "the negative slope of leaky_relu is no number",
                expected="a float",
                got=f"{type(slope).__name__} {slope!r}",
                fix="leave it out for 0.01",
            )
        return math.sqrt(2.0 / (1 + float(slope) ** 2))
    gain = _GAINS.get(nonlinearity)
    if gain is None:
        raise OptionError(
            "no gain is known for this nonlinearity",
            expected=", ".join(map(repr, (*_GAINS, "leaky_relu"))),
            got=repr(nonlinearity),
            fix="pass the nearest of these, or scale the initialiser by hand",
        )
    return gain


_GAINS = {
    "linear": 1.0,
    "identity": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
    **{f"conv{rank}d": 1.0 for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": 1.0 for rank in (1, 2, 3)},
}


def are_broadcastable_shapes(shape1: Size, shape2: Size) -> bool:
    """Say whether arrays of two shapes can be added.

    Parameters
    ----------
    shape1, shape2 : int or sequence of int
        The shapes.

    Returns
    -------
    bool

    Raises
    ------
    SizeError
        A shape is negative or not whole.

    Examples
    --------
    >>> brainlite.nn.init.are_broadcastable_shapes((2, 1), (3,))
    True
    >>> brainlite.nn.init.are_broadcastable_shapes((2,), (3,))
    False
    """
    one, other = to_size(shape1, name="shape1"), to_size(shape2, name="shape2")
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


if not TYPE_CHECKING:

    def __getattr__(name):
        # Asked only for names that are not there.
        raise no_such_name(f"module {__name__!r}", name)
