"""Families of layers that share one description: what they have in common is written once.

A layer of a family is documented by a line of its own; whoever asks for help sees, below it, what
is common: that of ``Conv2d`` is of all convolutions, that of ``MSELoss`` of the function. What a
layer does not take itself is left out of its Parameters; of a function that are its inputs.
"""

import inspect
import re
from collections.abc import Collection
from typing import Any, ClassVar

from brainlite.nn._modules.module import Module


class ByRank(Module):
    """The base of layers that differ in the number of their spatial axes: ``rank=2``."""

    __display_compact__ = True

    _rank: ClassVar[int]

    def __init_subclass__(cls, rank: int | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if rank is not None:
            cls._rank = rank
            init: Any = cls.__init__
            continue_doc(
                cls,
                *(base.__doc__ for base in cls.__mro__[1:]),
                takes=inspect.signature(init).parameters.keys(),
            )


def continue_doc(
    cls: type, *texts: str | None, takes: Collection[str], of_function: bool = False
) -> None:
    """Let the first of the texts that has sections follow the line that documents a class.

    Parameters
    ----------
    cls : type
        The class.
    *texts : str
        Docstrings.
    takes : collection of str
        The parameters of the class; others go.
    of_function : bool
        Whether the texts are of the function that a layer calls: what the layer does not take when
        it is made comes at its calls.
    """
    own = inspect.cleandoc(cls.__doc__ or "")
    common = next((text for text in texts if text and _has_sections(text)), None)
    if common is None or _has_sections(own):
        return
    rest = inspect.cleandoc(common).partition("\n\n")[2]
    there = _PARAMETERS.search(rest)
    if there is not None:
        entries = re.split(r"\n(?=\S)", there[1])
        taken = [entry for entry in entries if takes_all(entry, takes)]
        inputs = [entry for entry in entries if entry not in taken] if of_function else []
        parts = [_section("Parameters", taken), _section("Inputs", inputs)]
        rest = rest[: there.start()] + "\n\n".join(filter(None, parts)) + rest[there.end() :]
    if of_function:
        rest = rest.replace("Returns\n-------\n", "Output\n------\n", 1)
    cls.__doc__ = f"{own}\n\n{rest.strip()}\n"


_PARAMETERS = re.compile(r"Parameters\n-+\n(.*?)(?=\n\n\S[^\n]*\n---|\Z)", re.DOTALL)


def takes_all(entry: str, takes: Collection[str]) -> bool:
    """Say whether all parameters that an entry of a docstring describes are taken."""
    names = entry.partition("\n")[0].partition(" :")[0].split(",")
    return all(name.strip().lstrip("*") in takes for name in names)


def _section(title: str, entries: list[str]) -> str:
    return "\n".join([title, "-" * len(title), *entries]) if entries else ""


def _has_sections(text: str) -> bool:
    return "\n---" in inspect.cleandoc(text)
