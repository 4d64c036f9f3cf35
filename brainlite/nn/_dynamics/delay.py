"""Delays: what a variable was some time ago.

A delay of a time is ``ceil(time / dt)`` steps: times between steps round up. The newest entry is
that of the last ``update``. So what is read before this step's update is one step older than
what is read after it.

References
----------
Morrison, Mehring, Geisel, Aertsen and Diesmann, "Advancing the Boundaries of High-Connectivity
Network Simulation with Distributed Computing", Neural Computation 17:1776, 2005.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ
from brainlite._given import check_choice
from brainlite._jax_compat import PyTreeDef, Tracer, shape_struct
from brainlite.errors import NameNotFoundError, NameTakenError, OptionError
from brainlite.graph import Node
from brainlite.nn._dynamics.interpolation import InterpolationRegistry
from brainlite.nn._modules.collective import call_order
from brainlite.nn._modules.module import Module
from brainlite.state import DelayState, ShortTermState
from brainlite.state._face import refused
from brainlite.transform import jit_error_if
from brainlite.typing import Array, PyTree

# By how much of a step a time may miss a whole number of steps: 3.0 / 0.1 is 30 steps, not 31.
_SLACK = 1e-4


class Delay(Module):
    """The history of a variable, as long as the longest delay that is asked of it.

    Parameters
    ----------
    target_info : pytree of arrays or jax.ShapeDtypeStruct
        The shape and dtype of the variable, without a batch; a quantity keeps its unit.
    time : float, optional
        The longest delay, in ms as ``dt``. It grows with the entries that are registered.
    init : number, array or callable, optional
        What the history holds at first: a value, or a function of its shape and ``dtype=``;
        zeros by default.
    entries : dict, optional
        Delays by name: a time, or a tuple of a time and indices.
    interpolation : str, optional
        How :meth:`retrieve_at_time` reads between two steps, a name of
        :class:`InterpolationRegistry`; it comes before ``interp_method``.
    update_every : float, optional
        The time between two entries in ms, by default ``dt``; a multiple of it. Updates between are
        left out, by the number ``i`` of the step in the environment, or its time ``t``.
    delay_method : {'rotation', 'concat'}
        Whether an update writes to one place of a ring, or moves the whole history by one.
    interp_method : str
        As ``interpolation``.

    Attributes
    ----------
    history : DelayState
        The ring, of shape (max_length, [batch,] ...).
    write_ptr : ShortTermState
        Where the next entry goes.

    Raises
    ------
    OptionError
        A time is negative, not finite, or longer than the history.
    NameTakenError
        Two delays have one name.

    Examples
    --------
    >>> with brainlite.environ.context(dt=0.1):
    ...     delay = brainlite.nn.Delay(jnp.zeros(2), time=1.0, entries={"late": 0.5})
    ...     _ = brainlite.nn.init_all_states(delay)
    ...     for step in range(10):
    ...         delay.update(jnp.full(2, float(step)))
    ...     print(delay.at("late"), delay.max_length)
    [4. 4.] 11
    """

    history: DelayState[Any]
    write_ptr: ShortTermState[Array]

    def __init__(
        self,
        target_info: PyTree,
        time: Any = None,
        init: Any = None,
        entries: Mapping[str, Any] | None = None,
        interpolation: str | None = None,
        update_every: Any = None,
        delay_method: str = "rotation",
        interp_method: str = "linear_interp",
    ) -> None:
        self.target_info: PyTree = jax.tree.map(type_of, target_info)
        self.init: Any = init
        self.interpolation: str = interpolation or interp_method
        InterpolationRegistry.get(self.interpolation)
        check_choice("Delay", "delay_method", delay_method, ("rotation", "concat"))
        self.delay_method: str = delay_method
        self.update_every: Any = update_every
        self.max_time: Any = 0.0 if time is None else self._longest(time)
        self.entries: dict[str, tuple[Any, ...]] = {}
        for name, each in (entries or {}).items():
            self.register_entry(name, *(each if isinstance(each, tuple | list) else (each,)))

    @property
    def max_length(self) -> int:
        """How many steps the history holds: the longest delay, and the newest entry."""
        return int(self._steps(self.max_time)) + 1

    def register_delay(self, *time_and_idx: Any) -> tuple[Any, ...]:
        """Make the history long enough for a delay, and return it as :meth:`at` reads it."""
        time = time_and_idx[0] if time_and_idx else None
        if time is None:
            return (0.0, *time_and_idx[1:])
        longest = self._longest(time)
        known = self.max_time
        if _number(longest if _number(known) == 0 else longest - known) > 0:
            self.max_time = longest
        return tuple(time_and_idx)

    def register_entry(self, entry: str, *time_and_idx: Any) -> tuple[Any, ...]:
        """Give a delay a name.

        Parameters
        ----------
        entry : str
            The name.
        *time_and_idx
            The time in ms, a number or an array (of one delay for each index, say), and the
            indices into one entry of the history; without any, the newest entry.

        Raises
        ------
        NameTakenError
            There is an entry of this name.
        """
        if entry in self.entries:
            raise NameTakenError(
                "there is a delay of this name",
                where=type(self).__name__,
                expected="a name that no other entry has",
                got=repr(entry),
                fix="choose another name",
            )
        self.entries = {**self.entries, entry: self.register_delay(*time_and_idx)}
        return self.entries[entry]

    def access(self, entry: str, *time_and_idx: Any) -> "DelayAccess":
        """Register an entry, and return what reads it when it is called."""
        return DelayAccess(self, *time_and_idx, entry=entry)

    @call_order(3)
    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the history anew, of shape (max_length, [batch_size,] ...)."""
        del kwargs
        self.history = DelayState(self._empty(batch_size))
        self.write_ptr = ShortTermState(jnp.zeros((), jnp.int32))

    @call_order(3)
    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the history back."""
        del kwargs
        self.history.value = self._empty(batch_size)
        self.write_ptr.value = jnp.zeros((), jnp.int32)

    def update(self, x: PyTree) -> None:
        """Write the newest entry.

        Raises
        ------
        InputError
            ``x`` has another structure or shape than the history.
        """
        history = self.history.value
        self._check_fits(x, history)
        if self.delay_method == "concat":
            new, pointer = jax.tree.map(_moved, history, x), jnp.zeros((), jnp.int32)
        else:
            pointer = self.write_ptr.value
            new = jax.tree.map(lambda h, v: _written(h, v, pointer), history, x)
            pointer = (pointer + 1) % self._length()
        due = self._is_due()
        if due is not True:
            new = jax.tree.map(lambda n, h: jnp.where(due, n, h), new, history)
            pointer = jnp.where(due, pointer, self.write_ptr.value)
        self.history.value, self.write_ptr.value = new, pointer

    def at(self, entry: str) -> PyTree:
        """Return what a registered delay leads to.

        Raises
        ------
        NameNotFoundError
            There is no such entry.
        """
        if entry not in self.entries:
            raise NameNotFoundError(
                "the delay has no entry of this name",
                where=type(self).__name__,
                expected=f"one of {list(self.entries)}",
                got=repr(entry),
                fix=f"register it first: `delay.register_entry({entry!r}, time)`",
            )
        return self.retrieve_after(*self.entries[entry])

    def retrieve_after(self, time: Any, *indices: Any) -> PyTree:
        """Return what was written a time before the newest entry, rounded up to whole steps."""
        return self.retrieve_at_step(self._steps(time), *indices)

    def retrieve_at_step(self, steps: Any, *indices: Any) -> PyTree:
        """Return what was written a number of updates ago; 0 is the newest entry.

        Parameters
        ----------
        steps : int, or array of ints
            How long ago.
        *indices
            Indices into the entry; arrays go together with those of ``steps``.

        Raises
        ------
        OptionError
            Before the beginning of the history, or after its end. (In compiled code, where
            ``steps`` is traced, it comes from :func:`brainlite.transform.jit_error_if`.)
        """
        steps = self._checked(steps)
        if self.delay_method == "concat":
            place = steps
        else:
            place = (self.write_ptr.value - 1 - steps) % self._length()
        read: PyTree = jax.tree.map(lambda h: h[(place, *indices)], self.history.value)
        return read

    def retrieve_at_time(self, time: Any, *indices: Any) -> PyTree:
        """Return what was at a time, by the interpolation of this delay.

        Parameters
        ----------
        time : float or array
            An absolute time, not after ``t`` of the environment, for which the newest entry stands.
        *indices
            As for :meth:`retrieve_at_step`.
        """
        ago = jnp.asarray((environ.get("t", desc="the time now") - time) / self._every())
        # The time may be rounded to float32: a little beyond an end is that end.
        most = self._length() - 1
        near = (ago > -1e-2) & (ago < most + 1e-2)
        ago = jnp.where(near, jnp.clip(ago, 0, most), ago)
        if isinstance(ago, Tracer):
            self._checked(jnp.where(ago < 0, jnp.floor(ago), jnp.ceil(ago)).astype(jnp.int32))
        else:
            self._checked(np.where(np.asarray(ago) < 0, np.floor(ago), np.ceil(ago)).astype(int))
        way = InterpolationRegistry.get(self.interpolation)
        return way(
            ago, most, lambda steps: self.retrieve_at_step(jnp.clip(steps, 0, most), *indices)
        )

    def _every(self) -> Any:
        return environ.get_dt() if self.update_every is None else self.update_every

    def _length(self) -> int:
        leaf = jax.tree.leaves(self.history.value)[0]
        return int(leaf.shape[0])

    def _steps(self, time: Any) -> Any:
        """Return a time as a number of steps, rounded up; an array of them for an array."""
        if jnp.ndim(time) == 0 and _number(time) == 0:
            return 0
        steps = np.ceil(_number(time / self._every()) - _SLACK).astype(np.int64)
        return int(steps) if steps.ndim == 0 else steps

    def _longest(self, time: Any) -> Any:
        """Return the longest of one or several delays, or raise."""
        numbers = _number(time)
        if numbers.size and np.isfinite(numbers).all() and numbers.min() >= 0:
            return time if numbers.ndim == 0 else time.reshape(-1)[int(numbers.argmax())]
        raise OptionError(
            "this is no delay",
            where=type(self).__name__,
            expected="a time of 0 or more, or an array of them",
            got=f"{time}",
            fix="a delay counts back from now: 2.0 is what was 2 ms ago",
        )

    def _checked(self, steps: Any) -> Any:
        """Return numbers of steps that the history holds, or raise."""
        most = self._length() - 1
        if isinstance(steps, Tracer):
            jit_error_if(
                (steps < 0) | (steps > most),
                "a delay reads {steps} steps back, where the history holds 0 to {most}",
                steps=steps,
                most=most,
            )
            return steps
        numbers = np.asarray(steps)
        if numbers.size and (numbers.min() < 0 or numbers.max() > most):
            wrong = numbers[(numbers < 0) | (numbers > most)].flat[0]
            raise OptionError(
                "a delay reads beyond its history",
                where=type(self).__name__,
                expected=f"0 to {most} steps back, a time of at most {self.max_time}",
                got=f"{wrong} steps",
                fix="make the delay longer: `Delay(..., time=...)`, or register the entry before "
                "`init_all_states`"
                if wrong > most
                else "a delay counts back: write 2 for what was 2 steps ago",
            )
        return steps

    def _is_due(self) -> Any:
        """Say whether an update is to be written, where not each one is."""
        if self.update_every is None:
            return True
        ratio = float(_number(self.update_every / environ.get_dt()))
        if ratio < 1 - _SLACK or abs(ratio - round(ratio)) > _SLACK:
            raise OptionError(
                "a delay cannot be updated at this interval",
                where=type(self).__name__,
                expected="update_every: a whole number of steps dt",
                got=f"update_every={self.update_every}, dt={environ.get_dt()}",
                fix="pass a multiple of dt, or leave it out",
            )
        step = environ.get("i", None)
        if step is None:
            step = jnp.round(jnp.asarray(environ.get("t", desc="the time now") / environ.get_dt()))
        return step % round(ratio) == 0

    def _check_fits(self, x: PyTree, history: PyTree) -> None:
        """Raise unless ``x`` is an entry of the history."""
        one: PyTreeDef = jax.tree.structure(x)
        if one == jax.tree.structure(history) and all(
            jnp.shape(value) == kept.shape[1:]
            for value, kept in zip(jax.tree.leaves(x), jax.tree.leaves(history), strict=True)
        ):
            return
        raise refused(
            self,
            "this does not fit the history",
            expected=f"shapes {[a.shape[1:] for a in jax.tree.leaves(history)]}, in its structure",
            got=f"{[jnp.shape(a) for a in jax.tree.leaves(x)]}",
            fix="make the delay for this variable, and its history for the batch "
            "(`init_all_states(model, batch_size=...)`)",
        )

    def _empty(self, batch_size: int | None) -> PyTree:
        lead = (self.max_length,) + (() if batch_size is None else (batch_size,))
        filled: PyTree = jax.tree.map(lambda a: self._filled(lead + a.shape, a.dtype), self._info())
        return filled

    def _info(self) -> PyTree:
        return self.target_info

    def _filled(self, shape: tuple[int, ...], dtype: Any) -> Array:
        if callable(self.init):
            make: Any = self.init
            made: Array = make(shape, dtype=dtype)
            return made
        return jnp.broadcast_to(jnp.asarray(0 if self.init is None else self.init, dtype), shape)


def type_of(leaf: Any) -> jax.ShapeDtypeStruct:
    """Return the shape and dtype of a leaf."""
    return shape_struct(jnp.shape(leaf), jnp.result_type(leaf))


def _number(time: Any) -> Any:
    """Return a time, or several, as an array of numpy; raise if it is traced."""
    [leaf] = jax.tree.leaves(time)
    if isinstance(leaf, str):
        raise OptionError(
            "this is no time",
            expected="a number, or an array of numbers",
            got=repr(time),
            fix="pass the time in ms: 2.0 is what was 2 ms ago",
        )
    if isinstance(leaf, Tracer):
        raise OptionError(
            "how long a delay is must be known before anything is traced",
            expected="a number, or an array of numbers",
            got="a traced value",
            fix="make the delay for the longest time, and read it by `retrieve_at_step`; set dt to "
            "a number, not to an array",
        )
    return np.asarray(leaf, np.float64)


def _written(history: Array, x: Any, pointer: Array) -> Array:
    entry = jnp.asarray(x).astype(history.dtype)
    written: Array = jax.lax.dynamic_update_index_in_dim(history, entry, pointer, 0)
    return written


def _moved(history: Array, x: Any) -> Array:
    return jnp.concatenate([jnp.asarray(x).astype(history.dtype)[None], history[:-1]])


class DelayAccess(Node):
    """What reads one entry of a delay when it is called.

    Parameters
    ----------
    delay : Delay
        The delay.
    *time : float or array, and indices
        The time in ms, and indices; see :meth:`Delay.register_entry`.
    entry : str
        The name to register it by.

    Examples
    --------
    >>> with brainlite.environ.context(dt=1.0):
    ...     delay = brainlite.nn.Delay(jnp.zeros(()))
    ...     before = brainlite.nn.DelayAccess(delay, 1.0, entry="before")
    ...     _ = brainlite.nn.init_all_states(delay)
    ...     delay.update(5.0)
    ...     delay.update(6.0)
    ...     print(before())
    5.0
    """

    def __init__(self, delay: Delay, *time: Any, entry: str) -> None:
        self.delay: Delay = delay
        self.entry: str = entry
        delay.register_entry(entry, *time)

    def __call__(self) -> PyTree:
        """Return the delayed value."""
        return self.delay.at(self.entry)
