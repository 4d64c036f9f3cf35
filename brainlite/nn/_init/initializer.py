"""What initialisers are, and those that draw nothing."""

import abc
from dataclasses import dataclass
from typing import Any, Final, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite._given import broadcasts, filled, to_size, without_unit
from brainlite._jax_compat import Tracer
from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.display._face import Construction, construction_of
from brainlite.errors import SizeError
from brainlite.random import DEFAULT, RandomState
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Shape, Size


class Multiplier(Protocol):
    """What can stand as a unit: an object by which an array can be multiplied."""

    def __rmul__(self, other: Any, /) -> Any: ...


class Unit:
    """The dimensionless unit, by which nothing is multiplied.

    Examples
    --------
    >>> Unit()
    Unit(10.0^0)
    """

    __slots__ = ()

    def __rmul__(self, other: object) -> Any:
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit)

    def __hash__(self) -> int:
        return hash(Unit)

    def __reduce__(self) -> tuple[Any, ...]:
        return Unit, ()

    def __repr__(self) -> str:
        return "Unit(10.0^0)"


UNITLESS: Final = Unit()
"""The unit of initialisers that were given none."""


class Initializer(abc.ABC):
    """What makes the first value of a parameter or a hidden state from its shape.

    A subclass defines ``__call__``. Its public attributes are what it prints and what it is
    compared by: two initialisers of one type with equal attributes are equal.

    Examples
    --------
    >>> class Ramp(brainlite.nn.init.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return jnp.linspace(0.0, 1.0, shape[0], dtype=dtype)
    >>> brainlite.nn.init.param(Ramp(), 3)
    Array([0. , 0.5, 1. ], dtype=float32)
    """

    # One initialiser in several layers has no meaning beyond what it prints.
    __display_shared__ = False

    @abc.abstractmethod
    def __call__(self, shape: Size, dtype: DTypeLike | None = None) -> Array:
        """Return an array of this shape, by default of the environment's float type."""

    def __display__(self) -> Shown:
        return Shown(type(self).__name__, _public(self))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Initializer) or type(other) is not type(self):
            return NotImplemented
        return _comparable(self) == _comparable(other)

    def __hash__(self) -> int:
        return hash((type(self), _comparable(self)))


@construction_of.register(Initializer)
def _construction_of(initializer: Initializer) -> Construction:
    return Construction(type(initializer), (), dict(_public(initializer)))


def _public(initializer: Initializer) -> list[tuple[str, Any]]:
    return [each for each in vars(initializer).items() if not each[0].startswith("_")]


def _comparable(initializer: Initializer) -> tuple[Any, ...]:
    return tuple(map(_by_content, _public(initializer)))


def _by_content(item: tuple[str, Any]) -> tuple[Any, ...]:
    name, value = item
    if not isinstance(value, jax.Array | np.ndarray):
        return name, value
    if isinstance(value, Tracer):
        return name, id(value)
    if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    return name, value.shape, str(value.dtype), np.asarray(value).tobytes()


class UnitInitializer(Initializer):
    """The base of initialisers whose values may carry a unit. A subclass defines ``_make``."""

    unit: Multiplier

    def __call__(self, shape: Size, dtype: DTypeLike | None = None) -> Array:
        """Return an array of this shape, by default of the environment's float type."""
        axes = to_size(shape, "shape", type(self).__name__)
        values = self._make(axes, environ.dftype() if dtype is None else dtype)
        if isinstance(self.unit, Unit):
            return values
        with_unit: Array = values * self.unit
        return with_unit

    @abc.abstractmethod
    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        """Return the values without the unit."""


class RandomInitializer(UnitInitializer):
    """The base of initialisers that draw numbers.

    They draw from ``brainlite.random.DEFAULT``; with a seed of their own from a generator that
    starts there and goes on from call to call.
    """

    seed: SeedOrKey | None
    _rng: RandomState

    def __post_init__(self) -> None:
        rng = DEFAULT if self.seed is None else RandomState(self.seed)
        object.__setattr__(self, "_rng", rng)  # the subclasses are frozen


# One dispatch, a tenth of the time of jnp.zeros: hidden states are made anew for each sequence.
_zeros = jax.jit(jnp.zeros, static_argnums=(0, 1))


@dataclass(frozen=True, eq=False, repr=False)
class ZeroInit(UnitInitializer):
    """Zeros.

    Parameters
    ----------
    unit : object that multiplies
        The unit of the values.

    Examples
    --------
    >>> brainlite.nn.init.ZeroInit()
    ZeroInit(
      unit=Unit(10.0^0)
    )
    """

    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        zeros = filled(shape, 0, dtype)
        return _zeros(shape, jnp.dtype(dtype)) if zeros is None else zeros


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Initializer):
    """One value everywhere.

    Parameters
    ----------
    value : array_like
        The value; an array must broadcast to the shape.

    Examples
    --------
    >>> brainlite.nn.init.Constant(2.0)(3)
    Array([2., 2., 2.], dtype=float32)
    """

    value: ArrayLike = 1.0

    def __call__(self, shape: Size, dtype: DTypeLike | None = None) -> Array:
        """Return an array of this shape, by default of the environment's float type."""
        axes = to_size(shape, "shape", "Constant")
        given = jnp.shape(without_unit(self.value))
        if given != axes and not broadcasts(given, axes):
            raise SizeError(
                "the value of a Constant does not fit the shape that is asked for",
                expected=f"a value that broadcasts to {axes}",
                got=f"shape {given}",
                fix="pass a number, or an array of the shape of the parameter",
            )
        kind = environ.dftype() if dtype is None else dtype
        # The one leaf of a quantity is its numbers: the unit stays around them.
        made = filled(axes, self.value, kind)
        if made is None:
            made = jax.tree.map(lambda numbers: jnp.full(axes, numbers, kind), self.value)
        return made


@dataclass(frozen=True, eq=False, repr=False)
class Identity(UnitInitializer):
    """A multiple of the identity matrix.

    Parameters
    ----------
    value : array_like
        The factor.
    unit : object that multiplies
        The unit of the values.

    Raises
    ------
    SizeError
        At the call: the shape has more than two axes. One axis n stands for (n, n).

    References
    ----------
    Le, Jaitly and Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", arXiv 1504.00941, 2015.

    Examples
    --------
    >>> brainlite.nn.init.Identity(0.5)((2, 3))
    Array([[0.5, 0. , 0. ],
           [0. , 0.5, 0. ]], dtype=float32)
    """

    value: ArrayLike = 1.0
    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        if len(shape) not in (1, 2):
            raise SizeError(
                "Identity makes matrices only",
                expected="a shape with one or two axes",
                got=f"{shape}",
                fix="use Orthogonal or DeltaOrthogonal, which know more axes",
            )
        return jnp.eye(shape[0], shape[-1], dtype=dtype) * jnp.asarray(self.value, dtype)
