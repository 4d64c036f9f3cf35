"""The kinds of states: what a value is for. Filters select by them."""

from collections.abc import Iterable
from typing import Any, Self

import jax
import jax.numpy as jnp
from typing_extensions import TypeVar

from brainlite.display import Shown
from brainlite.state._epoch import epoch
from brainlite.state._frame import current_frame
from brainlite.state._state import State, check_lasts, is_frozen
from brainlite.typing import Shape

T = TypeVar("T", default=jax.Array)


class LongTermState(State[T]):
    """A value that outlives a run: a parameter, running statistics, a spike trace.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.

    Examples
    --------
    >>> mean = LongTermState(jnp.zeros(8))
    """

    __slots__ = ()


class ParamState(LongTermState[T]):
    """A trainable parameter: the default target of gradients and optimizers.

    A write keeps the shape and the dtype of each leaf as well as the structure.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.
    requires_grad : bool
        False for a parameter that is frozen: it is not trained for now.

    Examples
    --------
    >>> weight = ParamState(jnp.ones((2, 3)))
    >>> weight.value = weight.value * 0.5
    """

    __slots__ = ()
    __keeps_type__ = True

    def __init__(
        self,
        value: T,
        name: str | None = None,
        tag: str | Iterable[str] | None = None,
        requires_grad: bool = True,
    ) -> None:
        super().__init__(value, name, tag)
        self.__frozen__: bool = not requires_grad

    @property
    def requires_grad(self) -> bool:
        """Whether it is trained. Compiled functions that ask see a change."""
        trained = not is_frozen(self)
        frame = current_frame.get()
        if frame is not None:
            frame.note(self, "requires_grad", trained)
        return trained

    @requires_grad.setter
    def requires_grad(self, trained: bool) -> None:
        check_lasts(
            self,
            "requires_grad",
            trained,
            "set it outside; a gradient of some parameters only takes "
            "`grad(f, model.states(...))` with a filter",
        )
        self.__frozen__ = not trained
        epoch.advance()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether it is trained, as the method of modules does for all that are below.

        Parameters
        ----------
        requires_grad : bool
            False freezes it.

        Returns
        -------
        The parameter.

        Examples
        --------
        >>> model = brainlite.nn.Linear(2, 3)
        >>> frozen = model.weight.requires_grad_(False)
        >>> len(model.states(brainlite.nn.is_trainable))
        0
        """
        self.requires_grad = requires_grad
        return self

    def __fields__(self) -> dict[str, Any]:
        fields = super().__fields__()
        return fields if self.requires_grad else {**fields, "__frozen__": True}

    def __display__(self) -> Shown:
        name, fields = super().__display__()
        shown = [("requires_grad", False) if n == "__frozen__" else (n, v) for n, v in fields]
        return Shown(name, shown)


class ShortTermState(State[T]):
    """A value that belongs to one run: hidden activity, a cache, a counter.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.

    Examples
    --------
    >>> steps = ShortTermState(jnp.zeros((), "int32"))
    """

    __slots__ = ()


class HiddenState(ShortTermState[T]):
    """The hidden state of a recurrent layer, made by ``init_all_states``.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.

    Examples
    --------
    >>> h = HiddenState(jnp.zeros((4, 20)))  # (batch, features)
    """

    __slots__ = ()

    @property
    def varshape(self) -> Shape:
        """The shape of the value, the batch included."""
        value: Any = self.value
        return tuple(jnp.shape(value))


class DelayState(ShortTermState[T]):
    """The history of a variable, as a delay keeps it: the first axis is time.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.

    Examples
    --------
    >>> history = DelayState(jnp.zeros((11, 100)))
    """

    __slots__ = ()


class BatchState(LongTermState[T]):
    """A statistic over batches, as batch normalisation keeps it.

    Parameters
    ----------
    value, name, tag
        As for :class:`State`.

    Examples
    --------
    >>> running_mean = BatchState(jnp.zeros(8))
    """

    __slots__ = ()
