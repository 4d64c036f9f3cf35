"""The sizes of layers: the same rules as for the sizes of random draws."""

from brainlite.random._size import to_size

__all__ = ["to_size"]
