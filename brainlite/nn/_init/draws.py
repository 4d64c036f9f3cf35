"""Initialisers that draw every element from one distribution."""

from dataclasses import dataclass

from brainlite.nn._init.initializer import UNITLESS, Multiplier, RandomInitializer
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Shape


@dataclass(frozen=True, eq=False, repr=False)
class Normal(RandomInitializer):
    """Normal numbers.

    Parameters
    ----------
    mean, scale : array_like
        The mean and the standard deviation.

    Examples
    --------
    >>> brainlite.nn.init.Normal(scale=0.1)((2, 3)).shape
    (2, 3)
    """

    mean: ArrayLike = 0.0
    scale: ArrayLike = 1.0
    unit: Multiplier = UNITLESS
    seed: SeedOrKey | None = None

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        return self._rng.normal(self.mean, self.scale, shape, dtype=dtype)


@dataclass(frozen=True, eq=False, repr=False)
class TruncatedNormal(RandomInitializer):
    """Normal numbers cut off outside (lower, upper).

    Parameters
    ----------
    loc, scale : array_like
        The mean and the standard deviation before the cut.
    lower, upper : array_like
        The bounds of the numbers themselves.

    Examples
    --------
    >>> bool((abs(brainlite.nn.init.TruncatedNormal()(100)) <= 2).all())
    True
    """

    loc: ArrayLike = 0.0
    scale: ArrayLike = 1.0
    unit: Multiplier = UNITLESS
    lower: ArrayLike = -2.0
    upper: ArrayLike = 2.0
    seed: SeedOrKey | None = None

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        return self._rng.truncated_normal(
            self.lower, self.upper, shape, self.loc, self.scale, dtype=dtype
        )


@dataclass(frozen=True, eq=False, repr=False)
class Uniform(RandomInitializer):
    """Uniform numbers.

    Parameters
    ----------
    min_val, max_val : array_like
        The bounds: the lower one included, the upper one not.

    Examples
    --------
    >>> bool((abs(brainlite.nn.init.Uniform(-0.1, 0.1)(100)) <= 0.1).all())
    True
    """

    min_val: ArrayLike = 0.0
    max_val: ArrayLike = 1.0
    seed: SeedOrKey | None = None
    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        return self._rng.uniform(self.min_val, self.max_val, shape, dtype=dtype)


@dataclass(frozen=True, eq=False, repr=False)
class Exponential(RandomInitializer):
    """Exponential numbers.

    Parameters
    ----------
    scale : array_like, optional
        The mean, by default 1.

    Examples
    --------
    >>> brainlite.nn.init.Exponential(2.0)(4).shape
    (4,)
    """

    scale: ArrayLike | None = None
    seed: SeedOrKey | None = None
    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        return self._rng.exponential(self.scale, shape, dtype=dtype)


@dataclass(frozen=True, eq=False, repr=False)
class Gamma(RandomInitializer):
    """Gamma numbers.

    Parameters
    ----------
    shape : array_like
        The shape parameter of the distribution, above 0.
    scale : array_like, optional
        The scale of the distribution, by default 1.

    Examples
    --------
    >>> brainlite.nn.init.Gamma(2.0)(4).shape
    (4,)
    """

    shape: ArrayLike
    unit: Multiplier = UNITLESS
    scale: ArrayLike | None = None
    seed: SeedOrKey | None = None

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        return self._rng.gamma(self.shape, self.scale, shape, dtype=dtype)
