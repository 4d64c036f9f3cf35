"""The epoch: a number by which compiled functions see that something has changed."""

import itertools


class Epoch:
    """A number that changes whenever an attribute of any node is set or deleted.

    Beside it stands a second one, ``calls``, which changes when calls of a class of modules begin
    to do more than ``update``. A call reads no attribute, so a trace could not note that.
    """

    __slots__ = ("_count", "calls", "value")

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self.value: int = 0
        self.calls: int = 0

    def advance(self) -> None:
        """Change the number. Never back to an old one, whichever threads meet here."""
        self.value = next(self._count)

    def advance_calls(self) -> None:
        """Change both numbers."""
        self.calls = next(self._count)
        self.advance()


epoch = Epoch()
