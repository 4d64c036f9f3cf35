"""The generator: a state that holds one key, and is used up by drawing from it."""

import operator
import threading
from collections.abc import Callable
from contextlib import nullcontext

import jax
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.display._face import Construction, construction_of
from brainlite.errors import OptionError, StateValueError, TransformError
from brainlite.random._continuous import ContinuousDraws
from brainlite.random._gamma import GammaDraws
from brainlite.random._keys import advance, is_key, make_entropy_key, to_key
from brainlite.random._normal import NormalDraws
from brainlite.random._order import OrderDraws
from brainlite.random._trials import TrialDraws
from brainlite.random._uniform import UniformDraws
from brainlite.state import State
from brainlite.state._face import MISSING, current_frame
from brainlite.typing import Key, SeedOrKey


class RandomState(
    State[Key],
    UniformDraws,
    NormalDraws,
    GammaDraws,
    ContinuousDraws,
    TrialDraws,
    OrderDraws,
):
    """A generator of random numbers: a state that holds one key.

    Each draw splits the key, keeps the first half and uses the second. As the key is a state,
    transforms carry it along: numbers drawn in the body of a loop differ from step to step, and
    those drawn in a compiled function from call to call.

    Parameters
    ----------
    seed_or_key : int or key, optional
        The seed, or a key (typed, of shape (), or raw ``uint32``). By default it comes from the
        operating system, at the first draw.

    Examples
    --------
    >>> rng = brainlite.random.RandomState(42)
    >>> rng.normal(0.0, 1.0, size=(2, 3)).shape
    (2, 3)
    >>> rng.randint(10, key=7) == rng.randint(10, key=7)  # a key of one's own: rng is not used
    Array(True, dtype=bool)

    References
    ----------
    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Threefry).
    Claessen and Palka, "Splittable pseudorandom number generators", Haskell 2013.
    """

    __display_constructs__ = False  # the key is passed as `seed_or_key`: see `_construction_of`

    # Copies of a state carry its value and its tags only: to them both of these are unset.
    __slots__ = ("_backup", "_waits")

    def __init__(self, seed_or_key: SeedOrKey | None = None) -> None:
        # Without a seed the key is made at the first use, so that importing this library starts
        # no jax backend. A state made inside a transform must have its value at once.
        waits = seed_or_key is None and current_frame.get() is None
        super().__init__(MISSING if waits else _make_key(seed_or_key))
        self._waits: bool = waits
        self._backup: Key | None = None

    def seed(self, seed_or_key: SeedOrKey | None = None) -> None:
        """Start anew from a seed.

        Parameters
        ----------
        seed_or_key : int or key of shape (), optional
            As for :class:`RandomState`; None takes entropy from the operating system. In a
            compiled function that happens once, when it is traced.

        Examples
        --------
        >>> brainlite.random.seed(0)
        >>> first = brainlite.random.uniform()
        >>> brainlite.random.seed(0)
        >>> bool(brainlite.random.uniform() == first)
        True
        """
        self.value = _make_key(seed_or_key)

    def get_key(self) -> Key:
        """Return the key that the generator holds, without using it.

        Returns
        -------
        key, shape ()

        Examples
        --------
        >>> brainlite.random.get_key().shape
        ()
        """
        return self.value

    def set_key(self, seed_or_key: SeedOrKey) -> None:
        """Replace the key; a seed is turned into one.

        Parameters
        ----------
        seed_or_key : int or key of shape ()
            As for :class:`RandomState`.

        Raises
        ------
        OptionError
            It is no seed and no key.

        Examples
        --------
        >>> brainlite.random.set_key(7)
        >>> brainlite.random.set_key(brainlite.random.split_key())
        """
        self.value = to_key(seed_or_key)

    def split_key(self, n: int | None = None, backup: bool = False) -> Key:
        """Take new keys from the generator, for use with ``jax.random`` or as ``key=``.

        Parameters
        ----------
        n : int, optional
            How many. By default one.
        backup : bool
            Whether to set the present key aside first, for :meth:`restore_key`.

        Returns
        -------
        key, shape () or (n,)

        Raises
        ------
        OptionError
            ``n`` is no whole number above 0.
        TransformError
            ``backup`` inside of a transform.

        Examples
        --------
        >>> import jax
        >>> jax.random.normal(brainlite.random.split_key(), 3).shape
        (3,)
        """
        count = None if n is None else _check_count(n)
        if backup:
            self.backup_key()
        return self._split(count)

    def split_keys(self, n: int, backup: bool = False) -> Key:
        """Take ``n`` new keys, shape ``(n,)``: see :meth:`split_key`.

        Parameters
        ----------
        n : int
            How many.
        backup : bool
            As for :meth:`split_key`.

        Returns
        -------
        key, shape (n,)

        Examples
        --------
        >>> brainlite.random.split_keys(3).shape
        (3,)
        """
        return self.split_key(n, backup)

    def backup_key(self) -> None:
        """Set the key aside, for :meth:`restore_key`: one at a time, and outside transforms.

        Raises
        ------
        OptionError
            A key is set aside already.
        TransformError
            It was called inside of a transform.

        Examples
        --------
        >>> brainlite.random.backup_key()
        >>> first = brainlite.random.uniform()
        >>> brainlite.random.restore_key()
        >>> bool(brainlite.random.uniform() == first)
        True
        """
        _check_eager("backup_key")
        if getattr(self, "_backup", None) is not None:
            raise OptionError(
                "a key of this generator is set aside already",
                expected="one backup at a time",
                got="a second backup_key()",
                fix="call restore_key() first, or keep the key yourself: `key = rng.get_key()`",
            )
        self._backup = self.value

    def restore_key(self) -> None:
        """Go back to the key that :meth:`backup_key` set aside; not inside a transform.

        Raises
        ------
        OptionError
            No key was set aside.
        TransformError
            It was called inside of a transform.

        Examples
        --------
        See :meth:`backup_key`.

        >>> brainlite.random.backup_key()
        >>> brainlite.random.restore_key()
        """
        _check_eager("restore_key")
        key: Key | None = getattr(self, "_backup", None)
        if key is None:
            raise OptionError(
                "this generator has no key to restore",
                expected="a backup_key(), or split_key(backup=True), before restore_key()",
                got="none, or one that was restored already",
                fix="call backup_key() before the draws that are to be repeated",
            )
        self.value = key
        self._backup = None

    def clone(self) -> "RandomState":
        """Return a generator of its own, started with the next key of this one.

        ``copy()``, by contrast, returns one that repeats what this one is going to draw.

        Returns
        -------
        RandomState

        Examples
        --------
        >>> generator = brainlite.random.RandomState(0)
        >>> bool(generator.clone().uniform() == generator.uniform())
        False
        """
        return RandomState(self.split_key())

    def _take_key(self, key: SeedOrKey | None) -> Key:
        if key is not None:
            return to_key(key)
        return self._split(None)

    def _split(self, count: int | None) -> Key:
        """Keep one part of the key, and return the rest: no two threads get the same."""
        # In a trace the key is that of the trace, which no other thread has.
        with drawing if current_frame.get() is None else nullcontext():
            kept, used = advance(self.value) if count is None else _advance_by(self.value, count)
            self.value = kept
        if self.sharding is None or isinstance(used, Tracer):
            return used
        return untied(used)  # what is drawn follows what it is drawn for

    def absent(self) -> Key:
        """Return the key of a generator that was made without a seed and is used now."""
        if not getattr(self, "_waits", False):
            return super().absent()
        with _seeding:
            if self.__held__ is MISSING:
                self.__held__: Key = make_entropy_key()
        return self.__held__

    def _check(self, old: object, new: object) -> None:
        """Raise for a value that is no key."""
        dtype = getattr(new, "dtype", None)
        if (dtype is not None and dtype == getattr(old, "dtype", None)) or is_key(new):
            return
        raise StateValueError(
            "a RandomState was given a value that is no key",
            expected="a typed key, as made by jax.random.key",
            got=f"{type(new).__name__} {new if dtype is None else dtype}",
            fix="use rng.seed(...) or rng.set_key(...), which take seeds and raw keys, too",
        )


def untied(key: Key) -> Key:
    """Return keys that are tied to no devices, of those that are whole on some."""
    data = jax.numpy.array(np.array(jax.random.key_data(key)))
    free: Key = jax.random.wrap_key_data(data, impl=jax.random.key_impl(key))
    return free


_seeding = threading.Lock()
# Of a thread that holds it none other is asked for anything, so that it cannot wait for ever.
drawing = threading.RLock()


def _make_key(seed_or_key: SeedOrKey | None) -> Key:
    return make_entropy_key() if seed_or_key is None else to_key(seed_or_key)


def _check_eager(name: str) -> None:
    frame = current_frame.get()
    if frame is not None:
        raise TransformError(
            f"{name} cannot be used inside a transform",
            expected="an eager call: the key that is set aside outlives the transform",
            got=f"a call inside {frame.label}",
            fix="keep the key yourself: `key = rng.get_key()`, and later `rng.set_key(key)`",
        )


def _check_count(n: int) -> int:
    """Return into how many keys to split, or raise."""
    try:
        count = operator.index(n)
    except TypeError:
        count = 0
    if count < 1:
        raise OptionError(
            "a random key cannot be split into so many",
            expected="a whole number, 1 or more",
            got=f"n={n!r}",
            fix="pass the number of keys, or leave n out for a single one",
        )
    return count


def _split_off(key: Key, n: int) -> tuple[Key, Key]:
    keys = jax.random.split(key, n + 1)
    return keys[0], keys[1:]


_advance_by: Callable[[Key, int], tuple[Key, Key]] = jax.jit(
    _split_off, static_argnums=1, inline=True
)


@construction_of.register(RandomState)
def _construction_of(generator: RandomState) -> Construction:
    return Construction(
        RandomState, () if generator.__held__ is MISSING else (generator.get_key(),)
    )
