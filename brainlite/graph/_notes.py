"""What is noted while a function is traced: the epoch, and frozen copies of attribute values."""

from typing import Any, NamedTuple

from brainlite.graph._contents import open_container

ALL = "\0all"
"""The name of a note that is of all attributes of a node."""


def is_walk(name: str) -> bool:
    """Say whether a note of this name is of several attributes rather than of one."""
    return name[:1] == "\0"


class _Absent:
    """The value of an attribute that a node does not have."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Any = _Absent()


class Frozen(NamedTuple):
    """A container as it was: its type, its keys (see ``Opened``), and its frozen items."""

    kind: type
    keys: Any
    items: tuple[Any, ...]


def freeze(value: object) -> object:
    """Return a copy of a container, down to the first thing that is none."""
    opened = open_container(value)
    if opened is None:
        return value
    return Frozen(type(value), opened.keys, tuple(map(freeze, opened.items)))
