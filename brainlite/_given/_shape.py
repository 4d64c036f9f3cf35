"""Shapes that must go together."""

from brainlite.typing import Shape


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Say whether an array of one shape broadcasts to another, without making that any larger.

    Examples
    --------
    >>> broadcasts((3, 1), (2, 3, 4)), broadcasts((2, 3), (3,)), broadcasts((), (0,))
    (True, False, True)
    """
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(size in (1, other) for size, other in pairs)
