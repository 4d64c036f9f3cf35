"""The activations as layers.

Each is thin: its equation and its references are those of the function of
``brainlite.nn.functional`` that it names. Channels are last; a ``dim`` of None is the last axis.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any, ClassVar, Literal

import jax.numpy as jnp

from brainlite._given import to_size
from brainlite.errors import OptionError
from brainlite.nn import functional
from brainlite.nn._layers.elementwise import ElementWiseBlock
from brainlite.nn._layers.families import continue_doc
from brainlite.nn._layers.layer import Layer, check_array, check_features
from brainlite.state import ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, DTypeLike

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class ActivationLayer(ElementWiseBlock):
    """The base of all: applies a function, with the fields of the layer as its options.

    Parameters
    ----------
    name : str, optional
        A name of its own. Layers with options have these instead.

    Examples
    --------
    >>> brainlite.nn.LeakyReLU(0.5)(jnp.array([-2.0, 2.0]))
    Array([-1.,  2.], dtype=float32)
    """

    _function: ClassVar[Callable[..., Array]]

    def __init_subclass__(
        cls, function: Callable[..., Array] | None = None, **options: Any
    ) -> None:
        super().__init_subclass__(**options)
        if function is not None:
            type.__setattr__(cls, "_function", staticmethod(function))
            continue_doc(cls, function.__doc__, takes=get_annotations(cls), of_function=True)

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def update(self, x: Array) -> Array:
        """Apply the function; the output has the shape of the input."""
        check_array(self, x, scalar=True)
        return self._function(x, **self._options())

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in getattr(self, "__dataclass_fields__", ())}

    def _demand(self, holds: bool, expected: str) -> None:
        """Raise unless the options are as expected."""
        if not holds:
            raise OptionError(
                "the options do not fit",
                where=type(self).__name__,
                expected=expected,
                got=", ".join(f"{name}={value!r}" for name, value in self._options().items()),
                fix="leave them out for the defaults",
            )


class ReLU(ActivationLayer, function=functional.relu):
    """``max(x, 0)``: ``functional.relu``."""


class ReLU6(ActivationLayer, function=functional.relu6):
    """x limited to [0, 6]: ``functional.relu6``."""


class Sigmoid(ActivationLayer, function=functional.sigmoid):
    """``1 / (1 + exp(-x))``: ``functional.sigmoid``."""


class LogSigmoid(ActivationLayer, function=functional.log_sigmoid):
    """The logarithm of the sigmoid: ``functional.log_sigmoid``."""


class Hardsigmoid(ActivationLayer, function=functional.hard_sigmoid):
    """``relu6(x + 3) / 6``: ``functional.hard_sigmoid``."""


class Tanh(ActivationLayer, function=functional.tanh):
    """The hyperbolic tangent: ``functional.tanh``."""


class Tanhshrink(ActivationLayer, function=functional.tanh_shrink):
    """``x - tanh(x)``: ``functional.tanh_shrink``."""


class SiLU(ActivationLayer, function=functional.silu):
    """``x * sigmoid(x)``, also known as swish: ``functional.silu``."""


class Hardswish(ActivationLayer, function=functional.hard_swish):
    """``x * relu6(x + 3) / 6``: ``functional.hard_swish``."""


class Mish(ActivationLayer, function=functional.mish):
    """``x * tanh(softplus(x))``: ``functional.mish``."""


class SELU(ActivationLayer, function=functional.selu):
    """``1.0507 * elu(x, 1.6733)``: ``functional.selu``."""


class Softsign(ActivationLayer, function=functional.soft_sign):
    """``x / (1 + abs(x))``: ``functional.soft_sign``."""


@dataclass(eq=False, repr=False)
class ELU(ActivationLayer, function=functional.elu):
    """x, and ``alpha * (exp(x) - 1)`` where it is negative: ``functional.elu``."""

    alpha: float = 1.0


@dataclass(eq=False, repr=False)
class CELU(ActivationLayer, function=functional.celu):
    """x, and ``alpha * (exp(x / alpha) - 1)`` where it is negative: ``functional.celu``.

    An ``alpha`` of 0 raises ``OptionError``.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        self._demand(self.alpha != 0, "alpha not to be 0")


@dataclass(eq=False, repr=False)
class Softplus(ActivationLayer, function=functional.softplus):
    """``log(1 + exp(beta * x)) / beta``, x itself for large x: ``functional.softplus``.

    A ``beta`` of 0 raises ``OptionError``.
    """

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        self._demand(self.beta != 0, "beta not to be 0")


@dataclass(eq=False, repr=False)
class LeakyReLU(ActivationLayer, function=functional.leaky_relu):
    """x, times ``negative_slope`` where it is negative: ``functional.leaky_relu``."""

    negative_slope: float = 0.01


@dataclass(eq=False, repr=False)
class Hardtanh(ActivationLayer, function=functional.hard_tanh):
    """x limited to [min_val, max_val]: ``functional.hard_tanh``.

    A ``min_val`` that is not below ``max_val`` raises ``OptionError``.
    """

    min_val: float = -1.0
    max_val: float = 1.0

    def __post_init__(self) -> None:
        self._demand(self.min_val < self.max_val, "min_val below max_val")


@dataclass(eq=False, repr=False)
class Hardshrink(ActivationLayer, function=functional.hard_shrink):
    """x, but 0 within ``[-lambd, lambd]``: ``functional.hard_shrink``."""

    lambd: float = 0.5


@dataclass(eq=False, repr=False)
class Softshrink(ActivationLayer, function=functional.soft_shrink):
    """x moved towards 0 by ``lambd``, and 0 within: ``functional.soft_shrink``.

    A ``lambd`` below 0 raises ``OptionError``.
    """

    lambd: float = 0.5

    def __post_init__(self) -> None:
        self._demand(self.lambd >= 0, "lambd of 0 or more")


@dataclass(eq=False, repr=False)
class GELU(ActivationLayer, function=functional.gelu):
    """``x * P(normal < x)``, exactly or with tanh: ``functional.gelu``.

    ``approximate`` may be torch's: 'none' is False, and 'tanh' is True. Anything else raises
    ``OptionError``.
    """

    approximate: bool | Literal["none", "tanh"] = False

    def __post_init__(self) -> None:
        self._demand(self.approximate in (False, True, "none", "tanh"), "a bool, 'none' or 'tanh'")
        self.approximate = self.approximate in (True, "tanh")


@dataclass(eq=False, repr=False)
class Threshold(ActivationLayer):
    """x where it is above ``threshold``, and ``value`` elsewhere.

    Parameters
    ----------
    threshold : float
        Up to where x is replaced.
    value : float
        By what.

    Examples
    --------
    >>> brainlite.nn.Threshold(1.0, -7.0)(jnp.array([0.5, 1.0, 2.0]))
    Array([-7., -7.,  2.], dtype=float32)
    """

    threshold: float
    value: float

    def update(self, x: Array) -> Array:
        """Apply the function; the output has the shape of the input."""
        check_array(self, x, scalar=True)
        return jnp.where(x <= self.threshold, jnp.asarray(self.value, x.dtype), x)


@dataclass(eq=False, repr=False)
class RReLU(ActivationLayer, function=functional.rrelu):
    """x, times a slope where it is negative: ``functional.rrelu``.

    In training each element has a random slope from [lower, upper), in evaluation all have the
    mean ``(lower + upper) / 2``; so the layer asks for the mode. A ``lower`` above ``upper`` raises
    ``OptionError``.
    """

    lower: float = 1 / 8
    upper: float = 1 / 3

    def __post_init__(self) -> None:
        self._demand(self.lower <= self.upper, "lower not to be above upper")

    def update(self, x: Array) -> Array:
        """Apply the function; the output has the shape of the input."""
        check_array(self, x, scalar=True)
        if self.training:
            return super().update(x)
        return functional.leaky_relu(x, (self.lower + self.upper) / 2)


class AlongAxis(ActivationLayer):
    """The base of activations along an axis ``dim``, by default the last."""

    dim: int | None = None

    def _options(self) -> dict[str, Any]:
        return {"axis": -1 if self.dim is None else self.dim}

    def _fits(self, x: Array, axis: int) -> bool:
        return -x.ndim <= axis < x.ndim

    def update(self, x: Array) -> Array:
        """Apply the function; the output has the shape of the input, but for :class:`GLU`."""
        check_array(self, x)
        axis: int = self._options()["axis"]
        if self._fits(x, axis):
            return super().update(x)
        raise refused(
            self,
            "the input has the wrong shape",
            expected=f"an axis {axis}" + " of even length" * isinstance(self, GLU),
            got=f"an array of shape {x.shape}",
            fix="pass another input, or another dim to the layer",
        )


@dataclass(eq=False, repr=False)
class Softmax(AlongAxis, function=functional.softmax):
    """``exp(x)`` over its sum along ``dim``: ``functional.softmax``.

    Parameters
    ----------
    dim : int, optional
        The axis; by default the last.

    Raises
    ------
    InputError
        At the call: the input has no such axis.

    References
    ----------
    Bridle 1990, as for :func:`brainlite.nn.functional.softmax`.

    Examples
    --------
    >>> brainlite.nn.Softmax()(jnp.zeros(4))
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """

    dim: int | None = None


@dataclass(eq=False, repr=False)
class LogSoftmax(AlongAxis, function=functional.log_softmax):
    """The logarithm of the softmax along ``dim``: ``functional.log_softmax``.

    Parameters
    ----------
    dim : int, optional
        The axis; by default the last.

    Raises
    ------
    InputError
        At the call: the input has no such axis.

    Examples
    --------
    >>> bool(jnp.allclose(jnp.exp(brainlite.nn.LogSoftmax()(jnp.zeros(4))), 0.25))
    True
    """

    dim: int | None = None


@dataclass(eq=False, repr=False)
class Softmin(AlongAxis, function=functional.softmin):
    """The softmax of -x along ``dim``: ``functional.softmin``.

    Parameters
    ----------
    dim : int, optional
        The axis; by default the last.

    Raises
    ------
    InputError
        At the call: the input has no such axis.

    Examples
    --------
    >>> brainlite.nn.Softmin()(jnp.zeros(4))
    Array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """

    dim: int | None = None


class Softmax2d(AlongAxis, function=functional.softmax):
    """The softmax over the channels of images (..., channels, height, width).

    As in torch the channels are first; where they are last use ``Softmax(-1)``.

    Raises
    ------
    InputError
        At the call: the input has less than three axes.

    Examples
    --------
    >>> bool(jnp.allclose(brainlite.nn.Softmax2d()(jnp.zeros((4, 2, 2))), 0.25))
    True
    """

    def _options(self) -> dict[str, Any]:
        return {"axis": -3}


@dataclass(eq=False, repr=False)
class GLU(AlongAxis, function=functional.glu):
    """One half of x along ``dim``, times the sigmoid of the other half: ``functional.glu``.

    The length n there must be even; that of the output is n / 2.

    Parameters
    ----------
    dim : int, optional
        The axis that is halved; by default the last.

    Raises
    ------
    InputError
        At the call: the input has no such axis, or its length is odd.

    References
    ----------
    Dauphin, Fan, Auli and Grangier, "Language modeling with gated convolutional networks", ICML
    2017.

    Examples
    --------
    >>> brainlite.nn.GLU()(jnp.array([2.0, 4.0, 0.0, 0.0]))
    Array([1., 2.], dtype=float32)
    """

    dim: int | None = -1

    def _fits(self, x: Array, axis: int) -> bool:
        return super()._fits(x, axis) and x.shape[axis] % 2 == 0


class PReLU(Layer, ElementWiseBlock):
    """x, times a learned slope where it is negative: ``functional.prelu``.

    Parameters
    ----------
    num_parameters : int
        The number of slopes: 1 for all, or one for each channel of the last axis (torch has its
        channels in axis 1).
    init : float
        The first value.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`.

    Attributes
    ----------
    weight : ParamState
        The slopes, of shape (num_parameters,).

    Raises
    ------
    SizeError
        ``num_parameters`` is negative or not whole.
    OptionError
        A dtype is none of floats.
    InputError
        At the call: the last axis of the input is not ``num_parameters``.

    Examples
    --------
    >>> brainlite.nn.PReLU()(jnp.array([-2.0, 2.0]))
    Array([-0.5,  2. ], dtype=float32)
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self._set_dtypes(dtype, param_dtype)
        self.weight: ParamState[Array] = ParamState(
            self._make(init, to_size(num_parameters, "num_parameters", "PReLU"))
        )

    def update(self, x: Array) -> Array:
        """Apply the function.

        Parameters
        ----------
        x : array, shape (..., num_parameters), or any if that is 1

        Returns
        -------
        array of the shape of x
        """
        check_array(self, x)
        x, slope = self._cast(x, self.weight.value)
        if slope.size == 1:
            return functional.prelu(x, slope[0])
        check_features(self, x, slope.size)
        return functional.prelu(x, slope)
