"""One thread at a time where random numbers are drawn by what is compiled.

A compiled function takes the key of a generator in and gives the next one out. Two threads that
did so at once would draw the same numbers. So what writes a generator is run under the lock of
the generators, from looking at the key to putting the new one in place. A user's function is
never traced there: it might wait for another thread that draws.
"""

import threading
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext

from brainlite.random import RandomState
from brainlite.random._face import drawing
from brainlite.state._face import current_frame

_here = threading.local()


def draws(written: Iterable[object]) -> bool:
    """Say whether there is a generator among the states that are written."""
    return any(isinstance(state, RandomState) for state in written)


def exclusive(written: Iterable[object]) -> AbstractContextManager[None]:
    """Return what to hold while states are read, new ones computed and put in place."""
    return alone() if current_frame.get() is None and draws(written) else nullcontext()


@contextmanager
def alone() -> Generator[None, None, None]:
    """Hold the lock of the generators."""
    with drawing:
        before = is_alone()
        _here.alone = True
        try:
            yield
        finally:
            _here.alone = before


def is_alone() -> bool:
    """Say whether this thread holds the lock for something that is compiled."""
    return getattr(_here, "alone", False)
