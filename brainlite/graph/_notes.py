"""What is noted while a function is traced: the epoch, and frozen copies of attribute values."""

from typing import Any, NamedTuple

from brainlite.state._epoch import epoch

__all__ = ["ABSENT", "ALL", "Frozen", "epoch", "freeze"]

ALL = "\0all"
"""The name of a note that is of all attributes of a node."""


class _Absent:
    """The value of an attribute that a node does not have."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = _Absent()


class Frozen(NamedTuple):
    """A container as it was: its type, its keys if it is a dict, and its frozen items."""

    kind: type
    keys: tuple[Any, ...] | None
    items: tuple[Any, ...]


def freeze(value: Any) -> Any:
    """Return a copy of lists, tuples and dicts, down to the first thing that is none."""
    if isinstance(value, list | tuple):
        return Frozen(type(value), None, tuple(map(freeze, value)))
    if isinstance(value, dict):
        return Frozen(type(value), tuple(value), tuple(map(freeze, value.values())))
    return value
