"""Families of layers that share one description: what they have in common is written once.

A layer of a family is documented by a line of its own; whoever asks for help sees, below it, what
is common: that of ``Conv2d`` is of all convolutions, that of ``MSELoss`` of the function.
"""

import inspect
from typing import Any, ClassVar

from brainlite.nn._modules.module import Module


class ByRank(Module):
    """The base of layers that differ in the number of their spatial axes: ``rank=2``."""

    _rank: ClassVar[int]

    def __init_subclass__(cls, rank: int | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if rank is not None:
            cls._rank = rank
            continue_doc(cls, *(base.__doc__ for base in cls.__mro__[1:]))


def continue_doc(cls: type, *texts: str | None) -> None:
    """Let the first of the texts that has sections follow the line that documents a class."""
    own = inspect.cleandoc(cls.__doc__ or "")
    common = next((text for text in texts if text and _has_sections(text)), None)
    if common is not None and not _has_sections(own):
        rest = inspect.cleandoc(common).partition("\n\n")[2]
        cls.__doc__ = f"{own}\n\n{rest}\n"


def _has_sections(text: str) -> bool:
    return "\n---" in inspect.cleandoc(text)
