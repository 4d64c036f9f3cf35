"""What turns gradients into updates: a transformation of optax, or a function of the rate."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.optim._slots import Interned
from brainlite.typing import Array, ArrayLike, Shape


class Transformation(Protocol):
    """What optax calls a ``GradientTransformation``: a pair of functions.

    ``init(params)`` returns what is remembered, a pytree of arrays; ``update(gradients, state,
    params)`` returns the updates, which are added to the parameters, and the new state. Trees of
    parameters are dicts by path, as those of ``params.to_values()``.

    Examples
    --------
    >>> import optax
    >>> isinstance(optax.adam(1e-3), tuple)
    True
    """

    @property
    def init(self) -> Callable[[Any], Any]:
        """From the parameters to what is remembered."""
        ...

    @property
    def update(self) -> Callable[..., tuple[Any, Any]]:
        """From gradients, what is remembered and parameters to updates and what is remembered."""
        ...


Schedule: TypeAlias = Callable[[Array], ArrayLike]
"""From the number of updates that were applied to the learning rate of the next one."""

Factory: TypeAlias = Callable[[Any], Transformation]
"""From a learning rate, an array of shape (), to a transformation: ``optax.adamw``, for example."""

Rate: TypeAlias = float | Array | Schedule
"""A learning rate, or a function of the number of updates that returns it."""


@dataclass(frozen=True, eq=False, repr=False)
class Maker(Interned):
    """Makes the transformation, for the rate of the moment where it depends on one.

    Attributes
    ----------
    made_of : transformation, or function of a rate
        What the user has given.
    depends : bool
        Whether it is a function of a rate.
    """

    made_of: Any
    depends: bool

    def __call__(self, rate: Any) -> Transformation:
        """Return the transformation."""
        made: Any = self.made_of(rate) if self.depends else self.made_of
        if not is_transformation(made):
            raise _refused(made, "this makes no transformation of a learning rate")
        transformation: Transformation = made
        return transformation

    def __repr__(self) -> str:
        return _name_of(self.made_of)

    def __reduce__(self) -> tuple[Any, ...]:
        function = getattr(self.made_of, "update", self.made_of)
        if "<locals>" in getattr(function, "__qualname__", ""):
            raise OptionError(
                "a transformation that a call has made cannot be pickled, nor a local function",
                expected="a function of a module that makes it: optax.adam, learning_rate=1e-3",
                got=f"{self!r}, which holds {function.__qualname__}",
                fix="pass the function itself, or write a checkpoint: it holds the states alone",
            )
        return super().__reduce__()

    @classmethod
    def of(cls, given: Transformation | Factory, rate: Rate | None) -> "Maker":
        """Read what a user has given as a transformation, beside a learning rate."""
        if is_transformation(given):
            if rate is not None:
                raise OptionError(
                    "this transformation has a learning rate of its own, or none",
                    expected="a function that makes a transformation of a rate, as `optax.adam`",
                    got=f"learning_rate={rate!r} beside a {type(given).__name__}",
                    fix="pass `optax.adam` instead of `optax.adam(1e-3)`, or leave out "
                    "learning_rate",
                )
            return cls(given, False)
        if not callable(given) or _is_node_class(given):
            raise _refused(given, "this is no transformation of gradients")
        if rate is None:
            raise OptionError(
                "a function that makes a transformation needs a learning rate to make it of",
                expected=f"learning_rate=..., or `{_name_of(given)}(...)` called already",
                got=f"{_name_of(given)} without learning_rate",
                fix="pass learning_rate=1e-3, for example",
            )
        return cls(given, True)


def _refused(given: Any, problem: str) -> OptionError:
    return OptionError(
        problem,
        expected="a transformation of optax such as `optax.adam(1e-3)`, with init and update; or a "
        "function such as `optax.adam` that makes one of a learning rate",
        got=f"{_name_of(given)} ({type(given).__name__})",
        fix="pass optax.adamw and learning_rate=1e-3, for example; the classes of "
        "brainlite.optim are optimizers already: `Adam(1e-3).register_trainable_weights(...)`",
    )


def _is_node_class(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, Node)


def _name_of(given: Any) -> str:
    return str(getattr(given, "__qualname__", None) or repr(given))


def is_transformation(given: Any) -> bool:
    """Say whether something has what a transformation has."""
    return (
        not isinstance(given, type)
        and callable(getattr(given, "init", None))
        and callable(getattr(given, "update", None))
    )


def accepted(transformation: Transformation, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a transformation takes of what a step has to offer: the loss, a function of it.

    Raises
    ------
    OptionError
        It needs what is not there.
    """
    try:
        parameters = inspect.signature(transformation.update).parameters.values()
    except (TypeError, ValueError):  # something without a signature: as optax had it once
        return {}
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return dict(extra)
    names = {each.name for each in parameters}
    return {name: value for name, value in extra.items() if name in names}


def check_rate(rate: Any, where: str = "learning_rate", shapes: Collection[Shape] = ((),)) -> None:
    """Raise if a learning rate is known to be none: one number, of one of these shapes."""
    if not isinstance(rate, Tracer):
        # With numpy: what jax computed of a constant would be unknown while a function is traced.
        try:
            values = np.asarray(rate)
            real = jnp.issubdtype(values.dtype, jnp.floating) or values.dtype.kind in "iu"
            good = real and bool(np.all(np.isfinite(values) & (values >= 0)))
            shape = values.shape
        except (TypeError, ValueError, OverflowError):
            good, shape = False, ()
    else:
        good, shape = True, rate.shape
    if good and shape in shapes:
        return
    raise OptionError(
        "this is no learning rate",
        where=where,
        expected="a finite number of 0 or more"
        + "".join(f", or an array of shape {shape}" for shape in shapes if shape),
        got=f"an array of shape {shape}"
        if good
        else repr(jax.device_get(rate) if isinstance(rate, jax.Array) else rate),
        fix="pass a number such as 1e-3; gradients are followed downhill by themselves. Members of "
        "an ensemble get theirs as a mapped argument of what makes them, parts of a model by Group",
    )
