"""Kernel sizes, strides and padding as users give them, and where windows then lie."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from brainlite._given import to_size
from brainlite.errors import OptionError, SizeError
from brainlite.typing import Shape, Size

Pads: TypeAlias = tuple[tuple[int, int], ...]
"""How many elements stand before and after each axis."""

SpatialPadding: TypeAlias = (
    Literal["SAME", "VALID", "same", "valid"] | int | Sequence[int] | Sequence[Sequence[int]]
)
"""Padding as a user gives it."""


def per_axis(value: Size, rank: int, name: str, where: str, least: int = 1) -> Shape:
    """Return one number for each of ``rank`` axes; a single one is for all."""
    sizes = to_size(value, name=name, where=where)
    if len(sizes) == 1:
        sizes *= rank
    if len(sizes) == rank and min(sizes) >= least:
        return sizes
    raise SizeError(
        f"{name} does not fit {rank} spatial {'axis' if rank == 1 else 'axes'}",
        where=where,
        expected=f"an int or {rank} of them, each at least {least}",
        got=f"{name}={value!r}",
        fix=f"pass `{name}={(max(least, *sizes),) * rank}`" if sizes else f"pass `{name}={least}`",
    )


def to_padding(padding: SpatialPadding, rank: int, where: str) -> str | Pads:
    """Return 'SAME', 'VALID', or the padding before and after each axis."""
    if not isinstance(padding, str):
        return to_pairs(padding, rank, where)
    if padding.upper() in ("SAME", "VALID"):
        return padding.upper()
    raise OptionError(
        "padding has a value that it does not know",
        where=where,
        expected="'SAME', 'VALID', an int, an int or a pair (before, after) for each axis",
        got=f"padding={padding!r}",
        fix="pass padding='SAME' for as many windows as there are steps, or a number",
    )


def to_pairs(padding: Any, rank: int, where: str) -> Pads:
    """Return the padding before and after each axis; of one axis it may be a plain pair."""
    given = padding
    if isinstance(given, Sequence) and rank == 1 and len(given) == 2:
        given = (given,)
    if isinstance(given, Sequence) and any(isinstance(each, Sequence) for each in given):
        given = tuple(given) * (rank if len(given) == 1 else 1)
        if len(given) != rank:
            raise SizeError(
                f"padding does not fit {rank} spatial {'axis' if rank == 1 else 'axes'}",
                where=where,
                expected=f"{rank} pairs (before, after), or one for all",
                got=f"padding={padding!r}",
                fix="pass a pair for each axis, or one int for all",
            )
        pairs = [per_axis(pair, 2, "padding", where, least=0) for pair in given]
        return tuple((before, after) for before, after in pairs)
    return tuple((size, size) for size in per_axis(given, rank, "padding", where, least=0))


def to_pads(padding: str | Pads, sizes: Shape, spans: Shape, strides: Shape) -> Pads:
    """Return how many elements stand before and after axes of these sizes."""
    if padding == "VALID":
        return ((0, 0),) * len(sizes)
    if not isinstance(padding, str):
        return padding
    along = zip(sizes, spans, strides, strict=True)
    total = [max((-(-n // step) - 1) * step + span - n, 0) for n, span, step in along]
    return tuple((each // 2, each - each // 2) for each in total)
