"""Settings of the environment that compiled functions take as inputs, as a frame sees them."""

from typing import Any

from brainlite.environ._face import frames, input_now
from brainlite.state._frame import MISSING, current_frame
from brainlite.state._state import State, label


class Setting(State[Any]):
    """A state that nobody writes: what a setting holds here and now.

    There is one for each time that the setting is made, so that a frame can tell a setting from
    outside, which it takes as an input, from one that the traced function makes itself. None keeps
    the value: outside of frames it is looked up by name, in the thread or task that asks.

    Parameters
    ----------
    name : str
        The key of the setting.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        label(self, {"name": name, "tag": None})

    @property
    def key(self) -> str:
        """The key of the setting."""
        assert self.name is not None
        return self.name

    @property
    def __held__(self) -> Any:  # read-only: looked up, never put
        found = input_now(self.key)
        return MISSING if found is None else found.value

    def now(self) -> "Setting":
        """Return the one of the same key that holds here."""
        found = input_now(self.key)
        return self if found is None else found.slot


def _make(key: str, value: object) -> Setting:
    setting = Setting(key)
    frame = current_frame.get()
    if frame is not None:
        frame.make(setting, value)
    return setting


def _read(setting: Setting, value: object) -> Any:
    frame = current_frame.get()
    return value if frame is None else frame.read(setting)


frames.make = _make
frames.read = _read
