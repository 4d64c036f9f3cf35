"""Initialisers whose variance depends on the number of connections."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import jax.numpy as jnp
import numpy as np

from brainlite._given import check_choice, times
from brainlite.errors import SizeError
from brainlite.nn._init.initializer import UNITLESS, Multiplier, RandomInitializer
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Shape

FanMode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]
"""By which number of connections a variance is divided."""

Distribution: TypeAlias = Literal["truncated_normal", "normal", "uniform"]
"""What the elements are drawn from."""

# The standard deviation of a standard normal number that is cut off outside (-2, 2).
_TRUNCATED_STD: Final = 0.87962566103423978


@dataclass(frozen=True, eq=False, repr=False)
class VarianceScaling(RandomInitializer):
    """Numbers whose variance is ``scale`` over the number of connections.

    Parameters
    ----------
    scale : array_like
        The variance of a sum over all connections.
    mode : {'fan_in', 'fan_out', 'fan_avg'}
        Divide by the connections that an output has, those that an input has, or their mean.
    distribution : {'truncated_normal', 'normal', 'uniform'}
        The distribution; the truncated one is cut off at two standard deviations and widened
        so that its variance is the one asked for.
    in_axis, out_axis : int
        The axes of inputs and outputs; all other axes are the receptive field.

    Raises
    ------
    OptionError
        There is no such mode or distribution.
    SizeError
        At the call: the shape has fewer than two axes.

    References
    ----------
    ``jax.nn.initializers.variance_scaling``.

    Examples
    --------
    >>> brainlite.nn.init.VarianceScaling(2.0, "fan_in", "normal")((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike
    mode: FanMode
    distribution: Distribution
    in_axis: int = -2
    out_axis: int = -1
    seed: SeedOrKey | None = None
    unit: Multiplier = UNITLESS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("VarianceScaling", "mode", self.mode, ("fan_in", "fan_out", "fan_avg"))
        kinds = ("truncated_normal", "normal", "uniform")
        check_choice("VarianceScaling", "distribution", self.distribution, kinds)

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        """Draw from the distribution, with the variance that the fan of the shape asks for."""
        scale = self.scale / self._fan(shape)
        # Of a plain number numpy takes the root before XLA has compiled that of one number.
        array: Any = np if isinstance(scale, float) else jnp
        variance = array.asarray(scale, dtype)
        if self.distribution == "normal":
            return times(self._rng.normal(size=shape, dtype=dtype), array.sqrt(variance))
        if self.distribution == "uniform":
            width = array.sqrt(array.asarray(3, dtype) * variance)
            return times(self._rng.uniform(-1.0, 1.0, shape, dtype=dtype), width)
        wider = array.sqrt(variance) / array.asarray(_TRUNCATED_STD, dtype)
        return times(self._rng.truncated_normal(-2.0, 2.0, shape, dtype=dtype), wider)

    def _fan(self, shape: Shape) -> float:
        """Return the number of connections that the variance is divided by."""
        rank = len(shape)
        axes = {axis % rank for axis in (self.in_axis, self.out_axis) if -rank <= axis < rank}
        if len(axes) < 2:
            raise SizeError(
                f"{type(self).__name__} needs an axis of inputs and one of outputs",
                expected=f"a shape with the axes {self.in_axis} and {self.out_axis}",
                got=f"{shape}",
                fix="use Normal or Uniform for biases and other vectors",
            )
        ins, outs = shape[self.in_axis], shape[self.out_axis]
        field = math.prod(size for axis, size in enumerate(shape) if axis not in axes)
        fans = {"fan_in": ins, "fan_out": outs, "fan_avg": (ins + outs) / 2}
        return max(fans[self.mode] * field, 1)  # an empty array has no connections


@dataclass(frozen=True, eq=False, repr=False)
class KaimingUniform(VarianceScaling):
    """Uniform numbers of variance 2 / fan_in, for layers followed by a ReLU.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> brainlite.nn.init.KaimingUniform()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 2.0
    mode: FanMode = "fan_in"
    distribution: Distribution = "uniform"


@dataclass(frozen=True, eq=False, repr=False)
class KaimingNormal(VarianceScaling):
    """Truncated normal numbers of variance 2 / fan_in, for layers followed by a ReLU.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> brainlite.nn.init.KaimingNormal()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 2.0
    mode: FanMode = "fan_in"
    distribution: Distribution = "truncated_normal"


@dataclass(frozen=True, eq=False, repr=False)
class XavierUniform(VarianceScaling):
    """Uniform numbers of variance 2 / (fan_in + fan_out), for layers followed by tanh.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> brainlite.nn.init.XavierUniform()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 1.0
    mode: FanMode = "fan_avg"
    distribution: Distribution = "uniform"


@dataclass(frozen=True, eq=False, repr=False)
class XavierNormal(VarianceScaling):
    """Truncated normal numbers of variance 2 / (fan_in + fan_out), for layers followed by tanh.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> brainlite.nn.init.XavierNormal()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 1.0
    mode: FanMode = "fan_avg"
    distribution: Distribution = "truncated_normal"


@dataclass(frozen=True, eq=False, repr=False)
class LecunUniform(VarianceScaling):
    """Uniform numbers of variance 1 / fan_in.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient backprop", 1998.

    Examples
    --------
    >>> brainlite.nn.init.LecunUniform()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 1.0
    mode: FanMode = "fan_in"
    distribution: Distribution = "uniform"


@dataclass(frozen=True, eq=False, repr=False)
class LecunNormal(VarianceScaling):
    """Truncated normal numbers of variance 1 / fan_in, also for layers followed by SELU.

    Parameters
    ----------
    scale, mode, distribution, in_axis, out_axis
        As for :class:`VarianceScaling`.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient backprop", 1998.

    Examples
    --------
    >>> brainlite.nn.init.LecunNormal()((4, 3)).shape
    (4, 3)
    """

    scale: ArrayLike = 1.0
    mode: FanMode = "fan_in"
    distribution: Distribution = "truncated_normal"
