"""Seeds and keys: what counts as one, and where a seed comes from when none is given."""

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import is_eager
from brainlite.errors import OptionError
from brainlite.typing import Array, Key, SeedOrKey

# Raw keys carry no name of their algorithm; their lengths tell the two apart that jax has.
_RAW_KEYS: dict[tuple[int, ...], str] = {(2,): "threefry2x32", (4,): "rbg"}


def make_entropy_key() -> Key:
    """Return a key made of 64 bits of the operating system's entropy.

    The key is concrete also while jax traces, so that it may be kept.
    """
    low, high = np.frombuffer(os.urandom(8), np.uint32)
    with jax.ensure_compile_time_eval():
        if _is_threefry():
            return _wrapped(high, low)
        # Without 64-bit mode jax uses the low 32 bits of a seed only: fold the others in.
        return jax.random.fold_in(jax.random.key(int(low)), high)


def _is_threefry() -> bool:
    settings: Any = jax.config  # its values have no types
    return bool(settings.jax_default_prng_impl == "threefry2x32")


def _wrapped(high: Any, low: Any) -> Key:
    """Return the key of threefry that consists of these numbers of 32 bits."""
    words: Any = np.array([high, low], np.uint32)
    key: Key = jax.random.wrap_key_data(words, impl="threefry2x32")
    return key


def is_key(value: object) -> bool:
    """Say whether ``value`` is a typed key, or an array of them."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and bool(jnp.issubdtype(dtype, jax.dtypes.prng_key))


def to_key(seed_or_key: SeedOrKey) -> Key:
    """Return one typed key, or raise an OptionError.

    It is made of a seed (a whole number of up to 64 bits, traced or not), a typed key as
    ``jax.random.key`` makes it, or a raw ``uint32`` key as ``jax.random.PRNGKey`` does.
    """
    given: Any = seed_or_key
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        if 0 <= given < 2**31 and is_eager() and _is_threefry():
            return _wrapped(0, given)  # what jax compiles three functions for
        if -(2**63) <= given < 2**63:
            return jax.random.key(int(given))
        raise _not_a_key("a seed of up to 64 bits", repr(given), "pass `seed % 2**32`")
    if isinstance(given, jax.Array | np.ndarray):
        return _array_to_key(jnp.asarray(given))
    raise _not_a_key("a seed or a key", f"{type(given).__name__} {given!r}", _MAKE_ONE)


def _array_to_key(given: Array) -> Key:
    """Return a typed key from one, from raw key data or from a seed in an array; or raise."""
    if is_key(given):
        if given.shape == ():
            return given
        many = f"an array of keys of shape {given.shape}"
        raise _not_a_key("one key", many, "pass `keys[0]`, or map over the keys with vmap")
    impl = _RAW_KEYS.get(given.shape)
    if given.dtype == jnp.uint32 and impl is not None:
        key: Key = jax.random.wrap_key_data(given, impl=impl)
        return key
    if given.shape == () and jnp.issubdtype(given.dtype, jnp.integer):
        return jax.random.key(given)
    raise _not_a_key("a seed or a key", f"{given.dtype}{[*given.shape]}", _MAKE_ONE)


_MAKE_ONE = "pass an int, or a key made by `jax.random.key(seed)`"


def _not_a_key(expected: str, got: str, fix: str) -> OptionError:
    return OptionError("this cannot seed random numbers", expected=expected, got=got, fix=fix)


def _advance(key: Key) -> tuple[Key, Key]:
    pair = jax.random.split(key)
    return pair[0], pair[1]


# One dispatch instead of three; inlined, a traced function shows the split itself.
advance: Callable[[Key], tuple[Key, Key]] = jax.jit(_advance, inline=True)
