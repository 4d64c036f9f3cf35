"""The generator that everybody shares."""

import contextlib
from collections.abc import Generator

from brainlite.random._state import RandomState
from brainlite.typing import SeedOrKey

DEFAULT: RandomState = RandomState()
"""The generator from which the functions of this module draw. It has no key until its first use."""


@contextlib.contextmanager
def seed_context(seed_or_key: SeedOrKey) -> Generator[None]:
    """Seed the shared generator for the length of a ``with`` block.

    Parameters
    ----------
    seed_or_key : int or key of shape ()
        As for :func:`seed`. Afterwards the generator goes on where it was before, also when the
        block ends in an exception.

    Examples
    --------
    >>> with brainlite.random.seed_context(42):
    ...     first = brainlite.random.rand()
    >>> with brainlite.random.seed_context(42):
    ...     second = brainlite.random.rand()
    >>> bool(first == second)
    True
    """
    before = DEFAULT.value
    DEFAULT.set_key(seed_or_key)
    try:
        yield
    finally:
        DEFAULT.value = before


def default_rng(seed_or_key: SeedOrKey | None = None) -> RandomState:
    """Return a new generator with this seed or key; without one, the shared generator itself.

    Parameters
    ----------
    seed_or_key : int or key of shape (), optional
        As for :class:`RandomState`.

    Returns
    -------
    RandomState

    Examples
    --------
    >>> brainlite.random.default_rng() is brainlite.random.DEFAULT
    True
    """
    return DEFAULT if seed_or_key is None else RandomState(seed_or_key)


def clone_rng(seed_or_key: SeedOrKey | None = None, clone: bool = True) -> RandomState:
    """Return a generator that shares nothing with others.

    Parameters
    ----------
    seed_or_key : int or key of shape (), optional
        Where it starts; by default at the next key of the shared generator.
    clone : bool
        False returns the shared generator itself, if there is no seed.

    Returns
    -------
    RandomState

    Examples
    --------
    >>> rng = brainlite.random.clone_rng(3)
    >>> brainlite.random.clone_rng(3).rand() == rng.rand()
    Array(True, dtype=bool)
    """
    if seed_or_key is None and clone:
        return DEFAULT.clone()
    return default_rng(seed_or_key)
