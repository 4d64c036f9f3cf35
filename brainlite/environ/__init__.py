"""The environment: settings that layers read while they run.

One dict of settings holds for the whole process (:func:`set`); :func:`context` lays others over it
for the length of a ``with`` block, in this thread or asyncio task alone. The keys that the
library itself reads are ``fit`` (training or not: dropout, batch statistics), ``dt`` and ``t`` (the
time step and the time of a simulation) and ``precision`` (the width of floats in bits: 16, 32, 64
or ``'bf16'``; at 64 jax is switched to 64 bits for as long). ``platform`` and
``host_device_count`` are jax's own: they say where it computes. Any other key is the user's own.

A compiled function never goes stale over a setting: it notes which keys it read, and runs again
from Python when one of them has changed. What changes at each step is an *input* instead, which
costs no compilation: ``t`` and ``i``, the time and the number of a step, and any setting that is
an array (or a quantity, or another pytree of arrays that is no list, tuple or dict). Inside a
compiled function such a setting is traced, as an argument is.

Examples
--------
>>> with brainlite.environ.context(fit=True, dt=0.1):
...     brainlite.environ.get("fit"), brainlite.environ.get_dt()
(True, 0.1)
>>> brainlite.environ.get("fit", default=False)
False
"""

import contextlib
import inspect
import math
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.environ._leaks import check_no_leak
from brainlite.environ._switches import (
    get_host_device_count,
    get_platform,
    of_width,
    refuse_of_process,
    set_host_device_count,
    set_platform,
    switch_to,
)
from brainlite.errors import EnvironmentKeyError, OptionError
from brainlite.typing import DTypeLike

__all__ = [
    "all",
    "context",
    "dctype",
    "dftype",
    "ditype",
    "dutype",
    "get",
    "get_dt",
    "get_host_device_count",
    "get_platform",
    "get_precision",
    "pop",
    "reset",
    "set",
    "set_host_device_count",
    "set_platform",
    "set_precision",
]

_PRECISIONS: tuple[int | str, ...] = (8, 16, 32, 64, "bf16")
_ABSENT: Any = object()


class _Settings(dict[str, Any]):
    """One immutable set of settings; equal layers are one object if their values can be hashed."""

    __slots__ = ("__weakref__",)


class _Input(NamedTuple):
    """A setting that compiled functions take as an input."""

    slot: Any  # what a frame knows it by: another one each time that the setting is made
    value: Any


class _Mark:
    """What stands among the settings for one that is an input, so that layers stay equal."""

    def __repr__(self) -> str:
        return "<an input>"


INPUT: Any = _Mark()


class _Process:
    """What holds for the whole process."""

    __slots__ = ("inputs", "settings")

    def __init__(self) -> None:
        self.settings: _Settings = _Settings({"precision": 32})
        self.inputs: Mapping[str, _Input] = {}


_lock = threading.Lock()
process: _Process = _Process()
_nothing = _Settings()
_layer: ContextVar[_Settings] = ContextVar("environment", default=_nothing)
_no_inputs: Mapping[str, _Input] = {}
_inputs: ContextVar[Mapping[str, _Input]] = ContextVar("inputs of it", default=_no_inputs)
# As long as `process.settings` and `layer()` are the same two objects, no setting has changed. The
# engine compares them at each call.
layer: Callable[[], _Settings] = _layer.get
# Only what is in use is kept: settings may hold whole models.
_interned: weakref.WeakValueDictionary[Any, _Settings] = weakref.WeakValueDictionary()
# While a function is traced: the settings outside, and notes of which keys were read, and as what.
_watcher: ContextVar[tuple["_Settings", "_Settings", dict[str, Any]] | None] = ContextVar(
    "environment reads", default=None
)


def _intern(settings: Mapping[str, Any]) -> _Settings:
    """Return the one object for these settings, so that 'nothing changed' is one comparison."""
    try:
        key = frozenset((name, _exactly(value)) for name, value in settings.items())
        with _lock:
            return _interned.setdefault(key, _Settings(settings))
    except TypeError:  # an array, or another value without a hash
        return _Settings(settings)


def _exactly(value: object) -> Any:
    """Return what is equal for two values only if nothing can tell them apart."""
    if isinstance(value, tuple):
        return type(value), tuple(map(_exactly, value))
    # 1, 1.0 and True are equal, as are 0.0 and -0.0.
    return type(value), value, repr(value) if isinstance(value, int | float | complex) else None


# The keys whose numbers are inputs, and those that Python asks, so that they never are.
_TIMES = frozenset({"t", "i"})
_ASKED = frozenset({"fit", "precision"})


def _is_input(key: str, value: object) -> bool:
    """Say whether a setting is an input of compiled functions, not a constant."""
    if key in _ASKED or value is None or type(value) in (list, tuple, dict, str):
        return False
    leaves = jax.tree.leaves(value)
    if [leaf for leaf in leaves if not _is_number(leaf)]:  # `all` is a name of this module
        return False
    return key in _TIMES or any(map(_is_array, leaves))


def _is_array(leaf: object) -> bool:
    numbers = isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "OSUMm"
    return isinstance(leaf, jax.Array) or numbers


def _is_number(leaf: object) -> bool:
    return _is_array(leaf) or isinstance(leaf, bool | int | float | complex | np.number | np.bool_)


def _no_frame(_name: str, value: object) -> Any:
    return value


# How a frame takes in a setting that is made while it is open, and how it is read there. The state
# room sets both.
on_make: Callable[[str, Any], Any] = _no_frame
on_read: Callable[[Any, Any], Any] = _no_frame


def _apart(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, _Input]]:
    """Return settings with a mark for each input, and the inputs."""
    inputs = {
        key: _Input(on_make(key, value), value)
        for key, value in settings.items()
        if _is_input(key, value)
    }
    return {**settings, **dict.fromkeys(inputs, INPUT)}, inputs


def _input(key: str) -> _Input:
    """Return what a mark stands for here."""
    return _inputs.get().get(key) or process.inputs[key]


def input_now(key: str) -> _Input | None:
    """Return the input of this key with its slot; None if the setting is none here. Unseen."""
    return _input(key) if lookup(key) is INPUT else None


def lookup(key: str) -> Any:
    """Return the setting, or a marker that equals nothing else. Reads unseen. For the engine.

    For a setting that is an input it is the mark ``INPUT``.
    """
    value = _layer.get().get(key, _ABSENT)
    return value if value is not _ABSENT else process.settings.get(key, _ABSENT)


def watch(notes: dict[str, Any]) -> tuple[ContextVar[Any], Token[Any]]:
    """Fill ``notes`` with the outer settings that are read, until the token is used: for frames."""
    return _watcher, _watcher.set((process.settings, _layer.get(), notes))


def _read(key: str) -> Any:
    """Look a setting up, and tell the trace that is running that it depends on it."""
    value = lookup(key)
    watcher = _watcher.get()
    if watcher is not None:
        globals_, layer, notes = watcher
        outside = layer.get(key, globals_.get(key, _ABSENT))
        # A setting made inside the traced function is part of it and nothing to watch.
        if outside is value:
            notes.setdefault(key, value)
    return on_read(*_input(key)) if value is INPUT else value


def get(key: str, default: object = _ABSENT, desc: str | None = None) -> Any:
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
    value = _read(key)
    if value is not _ABSENT:
        return value
    if default is not _ABSENT:
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


# What is another number at each step: set once, time would stand still.
_STEPS: Final = {"t": "t=i * dt", "i": "i=i"}


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
    return {key: _read(key) for key in _everything()}


def _everything() -> dict[str, Any]:
    """Return every setting that holds now. Reads unseen."""
    settings = {**process.settings, **_layer.get()}
    return {k: _input(k).value if value is INPUT else value for k, value in settings.items()}


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
        values, or cannot be set any more.

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
    constants, inputs = _apart(_checked(settings))
    if host_device_count is not None:
        set_host_device_count(host_device_count)
    if platform is not None:
        set_platform(platform)
    if "precision" in constants:
        switch_to(constants["precision"])
    process.inputs = {**process.inputs, **inputs}  # first: who finds the mark finds the input
    process.settings = _intern({**process.settings, **constants})


def pop(key: str, default: object = _ABSENT) -> Any:
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
        if default is not _ABSENT:
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
    process.settings = _Settings(settings)
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
    process.settings = _Settings({"precision": 32})
    process.inputs = {}


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose values the library knows, where it reads them itself."""
    if "precision" in settings:
        settings["precision"] = _checked_precision(settings["precision"])
    if "dt" in settings:
        _check_dt(settings["dt"])
    fit = settings.get("fit")
    if fit is None or isinstance(fit, bool) or str(getattr(fit, "dtype", "")) == "bool":
        return settings
    raise OptionError(
        "the environment does not know whether this means training",
        expected="fit=True, fit=False, or fit=None to say nothing",
        got=f"fit={fit!r}",
        fix="pass True to train, and False to evaluate",
    )


def _check_dt(dt: object) -> None:
    """Raise for a time step with which nothing moves, or time runs backwards."""
    if dt is None or (isinstance(dt, float) and 0 < dt < math.inf):
        return
    leaves: list[Any] = jax.tree.leaves(dt)
    if len(leaves) == 1 and _is_number(leaves[0]) and not isinstance(leaves[0], bool | np.bool_):
        if isinstance(leaves[0], Tracer):
            return
        numbers = np.asarray(leaves[0])
        if numbers.size and bool((numbers > 0).all()) and bool(np.isfinite(numbers).all()):
            return
    raise OptionError(
        "this is no time step",
        expected="dt: a number above 0, with a unit of time or without",
        got=f"dt={dt!r}",
        fix="pass the time of one step of the simulation in ms, such as dt=0.1",
    )


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
        A value is none of its key. ``platform`` and ``host_device_count`` hold for the process.
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
    return Context(_checked(settings))


class Context(contextlib.ContextDecorator, AbstractContextManager[dict[str, Any]]):
    """What :func:`context` returns: one ``with`` block or, as a decorator, one for each call."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._tokens: list[tuple[Token[_Settings], Token[Mapping[str, _Input]]]] = []
        self._width: list[AbstractContextManager[None]] = []

    def __enter__(self) -> dict[str, Any]:
        here = inspect.currentframe()
        if here is not None and here.f_back is not None:
            check_no_leak(here.f_back)
        width = of_width(self._settings.get("precision"))
        width.__enter__()
        self._width.append(width)
        constants, inputs = _apart(self._settings)
        layer = _layer.set(_intern({**_layer.get(), **constants}))
        self._tokens.append((layer, _inputs.set({**_inputs.get(), **inputs})))
        return _everything()

    def __exit__(self, *_error: object) -> None:
        self._width.pop().__exit__(None, None, None)
        layer, inputs = self._tokens.pop()
        _layer.reset(layer)
        _inputs.reset(inputs)


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


def set_precision(precision: int | str) -> None:
    """Set the width of floats in bits for the process: 8, 16, 32, 64, or ``'bf16'``.

    Parameters
    ----------
    precision : int or str
        As for :func:`set`.

    Examples
    --------
    >>> brainlite.environ.set_precision("bf16")
    >>> brainlite.environ.get_precision()
    'bf16'
    >>> brainlite.environ.set_precision(32)
    """
    set(precision=precision)


def get_precision() -> int | str:
    """Return the width of floats in bits (32 if never set), or ``'bf16'``.

    Returns
    -------
    int or str

    Examples
    --------
    >>> with brainlite.environ.context(precision=16):
    ...     brainlite.environ.get_precision()
    16
    """
    precision: int | str = get("precision")
    return precision


def dftype() -> DTypeLike:
    """Return the dtype of floats at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> with brainlite.environ.context(precision=16):
    ...     jnp.zeros(2, brainlite.environ.dftype()).dtype
    dtype('float16')
    """
    precision = get_precision()
    names = {8: "float8_e5m2", 16: "float16", 32: "float32", 64: "float64", "bf16": "bfloat16"}
    return jnp.dtype(names[precision])


def ditype() -> DTypeLike:
    """Return the dtype of signed integers at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.ditype()).dtype
    dtype('int32')
    """
    precision = get_precision()
    return jnp.dtype(f"int{16 if precision == 'bf16' else precision}")


def dutype() -> DTypeLike:
    """Return the dtype of unsigned integers at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.dutype()).dtype
    dtype('uint32')
    """
    precision = get_precision()
    return jnp.dtype(f"uint{16 if precision == 'bf16' else precision}")


def dctype() -> DTypeLike:
    """Return the dtype of complex numbers at the current precision (complex64 up to 32 bits).

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.dctype()).dtype
    dtype('complex64')
    """
    return jnp.dtype("complex128" if get_precision() == 64 else "complex64")


def _checked_precision(precision: object) -> int | str:
    """Return a precision that there is, or raise."""
    known = precision if precision in _PRECISIONS else None
    if known is None and isinstance(precision, str) and precision.isdecimal():
        known = int(precision)
    if isinstance(known, int | str) and not isinstance(known, bool) and known in _PRECISIONS:
        return known
    raise OptionError(
        "the environment has no such precision",
        expected=f"one of {', '.join(map(repr, _PRECISIONS))}",
        got=repr(precision),
        fix="pass the width of floats in bits",
    )
