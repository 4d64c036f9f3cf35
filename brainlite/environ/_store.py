"""Where settings are held: those of the process, the layers over them, and what is an input.

Equal layers are one object, so that a compiled function sees by two comparisons that no setting has
changed. An input, which is another value at each step, has a sign among the settings, and its value
beside them.
"""

import threading
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Any, Final, NamedTuple

import jax
import numpy as np

ABSENT: Final = object()  # no setting


class Settings(dict[str, Any]):
    """One immutable set of settings; equal layers are one object if their values can be hashed."""

    __slots__ = ("__weakref__",)


class SettingInput(NamedTuple):
    """A setting that compiled functions take as an input."""

    slot: Any  # what a frame knows it by: another one each time that the setting is made
    value: Any


class _InPlaceOfInput:
    """What stands among the settings for one that is an input, so that layers stay equal."""

    def __repr__(self) -> str:
        return "<an input>"


INPUT: Any = _InPlaceOfInput()


class _Same:
    """An object that is equal to itself alone, whatever its ``__eq__`` leaves out."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})


class _Process:
    """What holds for the whole process."""

    __slots__ = ("inputs", "settings")

    def __init__(self) -> None:
        self.settings: Settings = Settings({"precision": 32})
        self.inputs: Mapping[str, SettingInput] = {}


_lock = threading.Lock()
process: _Process = _Process()
_nothing = Settings()
layer_here: ContextVar[Settings] = ContextVar("environment", default=_nothing)
_no_inputs: Mapping[str, SettingInput] = {}
inputs_here: ContextVar[Mapping[str, SettingInput]] = ContextVar("inputs of it", default=_no_inputs)
# The layer over those of the process, in this thread or task.
# As long as `process.settings` and `layer()` are the same two objects, no setting has changed. The
# engine compares them at each call.
layer: Callable[[], Settings] = layer_here.get
# Only what is in use is kept: settings may hold whole models.
interned: weakref.WeakValueDictionary[Any, Settings] = weakref.WeakValueDictionary()
# While a function is traced: the settings outside, and notes of which keys were read, and as what.
_watcher: ContextVar[tuple["Settings", "Settings", dict[str, Any]] | None] = ContextVar(
    "environment reads", default=None
)


def intern(settings: Mapping[str, Any]) -> Settings:
    """Return the one object for these settings, so that 'nothing changed' is one comparison."""
    try:
        key = frozenset((name, _exactly(value)) for name, value in settings.items())
        with _lock:
            return interned.setdefault(key, Settings(settings))
    except TypeError:  # an array, or another value without a hash
        return Settings(settings)


def _exactly(value: object) -> Any:
    """Return what is equal for two values only if nothing can tell them apart."""
    if type(value) is tuple:
        return tuple, tuple(map(_exactly, value))
    if type(value) in _PLAIN:  # 1, 1.0 and True are equal, as are 0.0 and -0.0
        return type(value), value, repr(value)
    hash(value)  # or a TypeError: of arrays nothing is told by their identity, they are edited
    return _Same(value)


# The keys whose numbers are inputs, and those that Python asks, so that they never are.
_TIMES = frozenset({"t", "i"})
_ASKED = frozenset({"fit", "precision"})


def _is_input(key: str, value: object) -> bool:
    """Say whether a setting is an input of compiled functions, not a constant."""
    if key in _ASKED or value is None or type(value) in (list, tuple, dict, str):
        return False
    leaves = jax.tree.leaves(value)
    return all(map(is_numeric, leaves)) and (key in _TIMES or any(map(_is_array, leaves)))


def _is_array(leaf: object) -> bool:
    numbers = isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "OSUMm"
    return isinstance(leaf, jax.Array) or numbers


def is_numeric(leaf: object) -> bool:
    """Say whether a leaf is a number or an array of them."""
    return _is_array(leaf) or isinstance(leaf, bool | int | float | complex | np.number | np.bool_)


class _Frames:
    """What frames do with inputs. The state room sets both."""

    __slots__ = ("make", "read")

    def __init__(self) -> None:
        # How a frame takes in a setting that is made while it is open, and how it is read there.
        self.make: Callable[[str, Any], Any] = _unframed
        self.read: Callable[[Any, Any], Any] = _unframed


def _unframed(_slot: object, value: object) -> Any:
    return value


frames: Final = _Frames()


def take_inputs_out(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, SettingInput]]:
    """Return settings with a sign for each input, and the inputs."""
    inputs = {
        key: SettingInput(frames.make(key, value), value)
        for key, value in settings.items()
        if _is_input(key, value)
    }
    return {**settings, **dict.fromkeys(inputs, INPUT)}, inputs


def input_of(key: str) -> SettingInput:
    """Return what a sign stands for here."""
    return inputs_here.get().get(key) or process.inputs[key]


def input_now(key: str) -> SettingInput | None:
    """Return the input of this key with its slot; None if the setting is none here. Unseen."""
    return input_of(key) if lookup(key) is INPUT else None


def lookup(key: str) -> Any:
    """Return the setting, or a marker that equals nothing else. Reads unseen. For the engine.

    For a setting that is an input it is the sign ``INPUT``.
    """
    value = layer().get(key, ABSENT)
    return value if value is not ABSENT else process.settings.get(key, ABSENT)


def watch(notes: dict[str, Any]) -> tuple[ContextVar[Any], Token[Any]]:
    """Fill ``notes`` with the outer settings that are read, until the token is used: for frames."""
    return _watcher, _watcher.set((process.settings, layer(), notes))


def read_setting(key: str) -> Any:
    """Look a setting up, and tell the trace that is running that it depends on it."""
    value = lookup(key)
    watcher = _watcher.get()
    if watcher is not None:
        of_process, over_it, notes = watcher
        outside = over_it.get(key, of_process.get(key, ABSENT))
        # A setting made inside the traced function is part of it and nothing to watch.
        if outside is value:
            notes.setdefault(key, value)
    return frames.read(*input_of(key)) if value is INPUT else value


def everything() -> dict[str, Any]:
    """Return every setting that holds now. Reads unseen."""
    settings = {**process.settings, **layer()}
    return {k: input_of(k).value if value is INPUT else value for k, value in settings.items()}
