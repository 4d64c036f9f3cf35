"""One edit that takes out one guard."""

from typing import NamedTuple

__all__ = ["Mutation"]


class Mutation(NamedTuple):
    """An edit that must make a test fail: ``old`` occurs exactly once in the file."""

    name: str  # what is lost
    file: str
    old: str
    new: str
    tests: tuple[str, ...]  # files of which one must fail
