"""Settings as users read and change them: of the process, and in a ``with`` block."""

import contextlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import Token
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

import jax

from brainlite._jax_compat import Tracer
from brainlite.environ._checks import checked
from brainlite.environ._leaks import check_no_leak
from brainlite.environ._store import (
    ABSENT,
    INPUT,
    SettingInput,
    Settings,
    everything,
    inputs_here,
    intern,
    layer,
    layer_here,
    process,
    read_setting,
    take_inputs_out,
)
from brainlite.environ._switches import (
    of_width,
    refuse_of_process,
    set_host_device_count,
    set_platform,
    switch_to,
)
from brainlite.errors import EnvironmentKeyError, OptionError

F = TypeVar("F", bound=Callable[..., Any])

# What is another number at each step: set once, time would stand still.
_STEPS: Final = {"t": "t=i * dt", "i": "i=i"}


def get(key: str, default: object = ABSENT, desc: str | None = None) -> Any:
    """Return a setting.

    Parameters
    ----------
    key : str
        Its name.
    default : Any, optional
        What to return when it is not set; without it, a missing key is an error.
    desc : str, optional
        What the key means, for the error message.

    Returns
    -------
    the value, as it was set

    Raises
    ------
    EnvironmentKeyError
        The key is not set and no default was given.

    Examples
    --------
    >>> with brainlite.environ.context(dt=0.1):
    ...     brainlite.environ.get("dt"), brainlite.environ.get("t", default=0.0)
    (0.1, 0.0)
    """
    value = read_setting(key)
    if value is not ABSENT:
        return value
    if default is not ABSENT:
        return default
    raise EnvironmentKeyError(
        f"the environment has no key {key!r}" + (f" ({desc})" if desc else ""),
        expected=f"{key!r} to be set",
        got=f"only {', '.join(map(repr, all())) or 'no key'}",
        fix=f"use `with brainlite.environ.context({_STEPS[key]}):` in each step of the loop"
        if key in _STEPS
        else f"use `with brainlite.environ.context({key}=...):` around the call, or "
        f"`brainlite.environ.set({key}=...)` once",
    )


def all() -> dict[str, Any]:
    """Return every setting that holds now, as a new dict.

    Returns
    -------
    dict of str to any

    Examples
    --------
    >>> with brainlite.environ.context(dt=0.1):
    ...     brainlite.environ.all()["dt"]
    0.1
    """
    return {key: read_setting(key) for key in everything()}


def set(
    *,
    platform: str | None = None,
    host_device_count: int | None = None,
    precision: int | str | None = None,
    dt: float | None = None,
    **settings: object,
) -> None:
    """Change settings for the whole process.

    Parameters
    ----------
    platform : str, optional
        As for :func:`set_platform`.
    host_device_count : int, optional
        As for :func:`set_host_device_count`.
    precision : int or str, optional
        The width of floats in bits: 8, 16, 32, 64, or ``'bf16'``. 64 switches ``jax_enable_x64``
        on, and another width switches it off again, where it was switched on by this.
    dt : float, optional
        The time step of simulations, in ms where models of ``brainlite.nn`` take it.
    **settings
        Any other key. ``fit`` is True, False or None.

    Raises
    ------
    OptionError
        ``precision``, ``dt``, ``fit``, ``platform`` or ``host_device_count`` is none of its
        values, or cannot be set any more; or a value is being traced.

    Examples
    --------
    >>> brainlite.environ.set(dt=0.1)
    >>> brainlite.environ.get_dt()
    0.1
    >>> brainlite.environ.reset()
    """
    if precision is not None:
        settings["precision"] = precision
    if dt is not None:
        settings["dt"] = dt
    for key, value in settings.items():
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value)):
            raise OptionError(
                "a setting of the process cannot be a value that is being traced",
                where=f"environ.set({key}=...)",
                expected="a value that is known",
                got=f"{value!r}",
                fix=f"write `with environ.context({key}=...):` around what needs it",
            )
    constants, inputs = take_inputs_out(checked(settings))
    if host_device_count is not None:
        set_host_device_count(host_device_count)
    if platform is not None:
        set_platform(platform)
    if "precision" in constants:
        switch_to(constants["precision"])
    process.inputs = {**process.inputs, **inputs}  # first: who finds the sign finds the input
    process.settings = intern({**process.settings, **constants})


def pop(key: str, default: object = ABSENT) -> Any:
    """Remove a setting of the whole process and return it.

    Parameters
    ----------
    key : str
        Its name.
    default : Any, optional
        What to return when it is not set; without it, a missing key is an error.

    Returns
    -------
    the value, as it was set

    Raises
    ------
    EnvironmentKeyError
        The key is not set for the process and no default was given.
    OptionError
        Inside a transform: jax would have to be switched from 64 bits to 32, or back.

    Examples
    --------
    >>> brainlite.environ.set(dt=0.1)
    >>> brainlite.environ.pop("dt")
    0.1
    """
    if key not in process.settings:
        if default is not ABSENT:
            return default
        raise EnvironmentKeyError(
            f"the environment has no key {key!r} to remove",
            expected=f"one of {sorted(process.settings)}",
            got=repr(key),
            fix="pass a default, or set the key first",
        )
    settings = dict(process.settings)
    value = settings.pop(key)
    if key == "precision":
        switch_to(None)
    process.settings = Settings(settings)
    return process.inputs[key].value if value is INPUT else value


def reset() -> None:
    """Forget every setting of the process; the precision is 32 again.

    Raises
    ------
    OptionError
        Inside a transform: jax would have to be switched from 64 bits to 32.

    Examples
    --------
    >>> brainlite.environ.set(dt=0.1)
    >>> brainlite.environ.reset()
    >>> "dt" in brainlite.environ.all()
    False
    """
    switch_to(None)
    process.settings = Settings({"precision": 32})
    process.inputs = {}


def context(**settings: object) -> "Context":
    """Lay settings over the environment for the length of a ``with`` block.

    Parameters
    ----------
    **settings
        The keys and their values; those of the library are checked as in :func:`set`.

    Returns
    -------
    context manager
        It gives a dict of every setting that holds inside the block. As a decorator, it holds
        while the function runs.

    Raises
    ------
    EnvironmentLeakError
        The block is in a generator, and there is a ``yield`` in it: the settings would hold for
        whoever iterates. (Not if the generator is itself made a context manager, or a fixture.)
    OptionError
        A value is none of its key, or a generator or coroutine is decorated. ``platform`` and
        ``host_device_count`` hold for the process.
        ``precision=64`` switches jax to 64 bits for the block, which cannot be done inside a
        transform or an asyncio task: there, ``environ.set(precision=64)`` comes before.

    Examples
    --------
    >>> with brainlite.environ.context(fit=True, dt=0.1) as settings:
    ...     settings["fit"], brainlite.environ.get_dt()
    (True, 0.1)
    >>> @brainlite.environ.context(fit=False)
    ... def evaluate():
    ...     return brainlite.environ.get("fit")
    >>> evaluate()
    False
    """
    refuse_of_process(settings)
    return Context(checked(settings))


class Context(contextlib.ContextDecorator, AbstractContextManager[dict[str, Any]]):
    """What :func:`context` returns: one ``with`` block or, as a decorator, one for each call."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._tokens: list[tuple[Token[Settings], Token[Mapping[str, SettingInput]]]] = []
        self._width: list[AbstractContextManager[None]] = []

    def __call__(self, func: F) -> F:
        """Let the settings hold while a function runs."""
        waits = inspect.isgeneratorfunction, inspect.isasyncgenfunction, iscoroutinefunction
        if any(kind(func) for kind in waits):
            raise OptionError(
                "environ.context cannot decorate a generator or a coroutine, which runs later",
                where=getattr(func, "__qualname__", None),
                expected="a function that returns when it has run",
                got=f"{func!r}",
                fix="write `with environ.context(...):` inside of it, between two yields",
            )
        return super().__call__(func)

    def __enter__(self) -> dict[str, Any]:
        here = inspect.currentframe()
        if here is not None and here.f_back is not None:
            check_no_leak(here.f_back)
        width = of_width(self._settings.get("precision"))
        width.__enter__()
        self._width.append(width)
        constants, inputs = take_inputs_out(self._settings)
        over = layer_here.set(intern({**layer(), **constants}))
        self._tokens.append((over, inputs_here.set({**inputs_here.get(), **inputs})))
        return everything()

    def __exit__(self, *_error: object) -> None:
        self._width.pop().__exit__(None, None, None)
        over, inputs = self._tokens.pop()
        layer_here.reset(over)
        inputs_here.reset(inputs)


def get_dt() -> Any:
    """Return the time step ``dt`` of the simulation; an error when it is not set.

    Returns
    -------
    the time step, as it was set

    Examples
    --------
    >>> with brainlite.environ.context(dt=0.1):
    ...     brainlite.environ.get_dt()
    0.1
    """
    return get("dt", desc="the time step of the simulation")
