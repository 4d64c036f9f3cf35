"""What all models of neurons and synapses are: variables that move with time.

One order holds within a step everywhere: states decay and integrate with the input of this step;
then spikes are taken; the reset acts at the start of the next step. Synapses add their spikes
after the decay.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import broadcasts, check_option, is_quantity, to_size
from brainlite._jax_compat import Tracer
from brainlite.errors import BrainliteError, NameNotFoundError, NameTakenError, SizeError
from brainlite.nn import init
from brainlite.nn._dynamics.prefetch import OutputDelayAt, Prefetch, PrefetchDelayAt
from brainlite.nn._dynamics.updates import takes_input, takes_no_output
from brainlite.nn._layers.layer import Init, check_array
from brainlite.nn._modules.module import Module
from brainlite.state import State
from brainlite.state._face import AnyState, current_frame, locate, refused
from brainlite.transform import jit
from brainlite.transform._face import Foreign, guarded, is_known, remember_foreign
from brainlite.typing import Array, ArrayLike, Shape, Size

R = TypeVar("R")
P = ParamSpec("P")
Input: TypeAlias = ArrayLike | Callable[[Array], Array]
"""The input of a neuron: an array, or a function of its potential."""


class Dynamics(Module):
    """The base of models that move in time, one step ``dt`` at each call.

    A subclass makes its states in ``init_state`` and takes a step in ``update``. What is to run
    around each call is data of the model, copied and stored with it: *before-updates* and
    *after-updates*, functions or modules by key, which run in the order in which they were added.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of the model, without a batch; also that of its output, unless it is set.
    name : str, optional
        A name of its own.

    Raises
    ------
    SizeError
        The size is negative or not whole.
    EnvironmentKeyError
        At the call of a model that moves: the time step ``dt`` of the environment is not set.

    Examples
    --------
    >>> class Leaky(brainlite.nn.Dynamics):
    ...     def init_state(self, batch_size=None):
    ...         self.x = brainlite.HiddenState(jnp.ones(self.varshape))
    ...
    ...     def update(self, current=0.0):
    ...         drift = lambda x: (current - x) / 10.0
    ...         self.x.value = brainlite.nn.exp_euler_step(drift, self.x.value)
    ...         return self.x.value
    >>> leaky = brainlite.nn.init_all_states(Leaky(2))
    >>> with brainlite.environ.context(dt=1.0):
    ...     print(leaky())
    [0.9048374 0.9048374]
    """

    # What runs around each call, by key; None if nothing does, so that most print without.
    before_updates: dict[str, Any] | None = None
    after_updates: dict[str, Any] | None = None

    def __init__(self, in_size: Size, name: str | None = None) -> None:
        self.name = name
        self.in_size = to_size(in_size, "in_size", type(self).__name__)
        self.out_size = self.in_size

    @property
    def varshape(self) -> Shape:
        """The shape of the variables, without a batch."""
        return self.in_size

    if not TYPE_CHECKING:  # calls are typed by `update`

        def __call__(self, *args, **kwargs):
            """Run what comes before, ``update``, and what comes after."""
            for fun in (self.before_updates or {}).values():
                fun(*args, **kwargs) if takes_input(fun) else fun()
            out = self.update(*args, **kwargs)
            for fun in (self.after_updates or {}).values():
                fun() if takes_no_output(fun) else fun(out)
            return out

    def add_before_update(self, key: str, fun: Callable[..., Any]) -> None:
        """Let ``fun()`` run before each call; with :func:`receive_update_input`, ``fun(*input)``.

        Raises
        ------
        NameTakenError
            There is one of this key.
        """
        self.before_updates = self._joined("before", self.before_updates, key, fun)

    def add_after_update(self, key: str, fun: Callable[..., Any]) -> None:
        """Let ``fun(output)`` run after each call; :func:`not_receive_update_output`, ``fun()``.

        Raises
        ------
        NameTakenError
            There is one of this key.
        """
        self.after_updates = self._joined("after", self.after_updates, key, fun)

    def get_before_update(self, key: str) -> Any:
        """Return what runs before each call under a key."""
        return self._found("before", self.before_updates, key)

    def get_after_update(self, key: str) -> Any:
        """Return what runs after each call under a key."""
        return self._found("after", self.after_updates, key)

    def has_before_update(self, key: str) -> bool:
        """Say whether something runs before each call under a key."""
        return key in (self.before_updates or {})

    def has_after_update(self, key: str) -> bool:
        """Say whether something runs after each call under a key."""
        return key in (self.after_updates or {})

    def prefetch(self, item: str) -> Prefetch:
        """Return a look at a variable, which is made when it is called: as it is then.

        Parameters
        ----------
        item : str
            The name of the attribute.
        """
        return Prefetch(self, item)

    def prefetch_delay(
        self,
        state: str,
        *time_and_index: Any,
        init: Any = None,
        interpolation: str | None = None,
    ) -> PrefetchDelayAt:
        """Return a look at a state as it was a time ago; see :class:`PrefetchDelayAt`."""
        return PrefetchDelayAt(self, state, *time_and_index, init=init, interpolation=interpolation)

    def output_delay(
        self, *time_and_index: Any, init: Any = None, interpolation: str | None = None
    ) -> OutputDelayAt:
        """Return a look at the output of a time ago; see :class:`OutputDelayAt`."""
        return OutputDelayAt(self, *time_and_index, init=init, interpolation=interpolation)

    def _joined(
        self, when: str, there: dict[str, Any] | None, key: str, fun: Callable[..., Any]
    ) -> dict[str, Any]:
        """Return what runs before or after each call, with one more."""
        if key in (there or {}):
            raise NameTakenError(
                f"there is an update {when} each call of this key",
                where=locate(self) or type(self).__name__,
                expected="a key that no other update has",
                got=repr(key),
                fix=f"choose another key, or get that one by `get_{when}_update({key!r})`",
            )
        return {**(there or {}), key: fun}

    def _found(self, when: str, there: dict[str, Any] | None, key: str) -> Any:
        """Return the update of this key among those that run before or after each call."""
        if key in (there or {}):
            return (there or {})[key]
        raise NameNotFoundError(
            f"no update {when} each call has this key",
            where=locate(self) or type(self).__name__,
            expected=f"one of {list(there or {})}",
            got=repr(key),
            fix=f"add it first: `add_{when}_update({key!r}, ...)`",
        )

    def _parameter(self, name: str, value: Any) -> Any:
        """Return a parameter of the equations: a number, an array that fits, or a state."""
        made = self._fitting(name, value)
        if name.startswith("tau"):
            check_time(type(self).__name__, name, made)
        return made

    def _fitting(self, name: str, value: Any) -> Any:
        """Return a parameter that fits the size."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        numbers: Any = value.value if isinstance(value, State) else value
        if callable(value):
            make: Any = value
            return init.param(make, self.varshape)
        shape = jnp.shape(numbers)
        if broadcasts(shape, self.varshape):
            return value if isinstance(value, State) or is_quantity(value) else jnp.asarray(value)
        raise SizeError(
            f"the parameter {name!r} does not fit the size",
            where=type(self).__name__,
            expected=f"a number, or an array that broadcasts to {self.varshape}",
            got=f"shape {shape}",
            fix="pass one value for all, or one for each of them",
        )

    def _set_state(self, name: str, kind: type[AnyState], initial: Init, batch: Any) -> None:
        """Make a state, or give the one that is there a first value."""
        value = init.param(initial, self.varshape, batch)
        # As under a transform, a state that is there already gets the new value. So whoever
        # makes the states before each sequence changes no attribute.
        state = vars(self).get(name) if current_frame.get() is None else None
        if type(state) is kind:
            there: AnyState = vars(self)[name]
            there.value = value
        else:
            setattr(self, name, kind(value))


def value_of(parameter: Any) -> Any:
    """Return the value of a parameter of the equations, be it a state or not."""
    return parameter.value if isinstance(parameter, State) else parameter


def check_time(kind: str, name: str, value: Any) -> None:
    """Raise for a time constant of 0, with which a potential is NaN, and no neuron spikes."""
    numbers = known_numbers(value)
    if numbers is None:
        return
    waits = name == "tau_ref"  # a time during which nothing happens, which may be none
    fits = bool((numbers >= 0).all() if waits else (numbers > 0).all())
    check_option(kind, name, value, fits, "a time, 0 or more" if waits else "a time, above 0")


def known_numbers(parameter: Any) -> Any:
    """Return the numbers of a parameter, without a unit; None where they are traced."""
    value = value_of(parameter)
    numbers = value.mantissa if is_quantity(value) else value
    return None if isinstance(numbers, Tracer) else np.asarray(numbers)


def check_shape(owner: Module, x: Any, state: Array) -> None:
    """Raise where input would give the variables of a model another shape."""
    if not is_quantity(x):
        check_array(owner, x, scalar=True)
    shape = jnp.shape(x)
    if broadcasts(shape, state.shape):
        return
    another = state.ndim > 1 and shape[1:] == state.shape[1:]
    batch = shape[0] if len(shape) > state.ndim or another else None
    raise refused(
        owner,
        "the input does not fit the variables",
        expected=f"a number, or an array that broadcasts to {state.shape}",
        got=f"an array of shape {shape}",
        fix=f"make the states for the batch: `init_all_states(model, batch_size={batch})`"
        if batch is not None
        else "look at the size of what comes before",
    )


def one_dispatch(update: Callable[P, R]) -> Callable[P, R]:
    """Let a step of a model be one compiled kernel where nothing is traced.

    It goes as under ``jit``, with the guards that make an eager loop over a module one: what the
    step depends on beside attributes and states, it is not compiled for.
    """

    def step(*args: Any) -> Any:
        run = functools.partial(update, *args)
        return guarded(run, args[0])

    compiled: Any = jit(step)

    @functools.wraps(update)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs or not is_known(args[0]) or not all(map(_is_value, args[1:])):
            return update(*args, **kwargs)
        try:
            found: R = compiled(*args)
        except Foreign:
            remember_foreign(args[0])
        except BrainliteError:
            pass  # raised again below, with the path from the outermost model
        else:
            return found
        return update(*args, **kwargs)

    return run


def _is_value(x: object) -> bool:
    return x is None or is_quantity(x) or isinstance(x, jax.Array | np.ndarray | float | int)
