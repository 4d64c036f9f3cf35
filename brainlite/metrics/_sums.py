"""Sums in two floats, the second for what rounding has left out; and counts in two words."""

from typing import Final

import jax
import jax.numpy as jnp

from brainlite.typing import Array


def plus(total: Array, rest: Array, amount: Array) -> tuple[Array, Array]:
    """Add to a sum in two floats: Knuth's two-sum, and the rest brought in order (Dekker)."""
    new = total + amount
    shadow = new - total
    error = (total - (new - shadow)) + (amount - shadow)
    # From an infinity on there is nothing to make up for: inf - inf would spoil the sum.
    error = jnp.where(jnp.isfinite(new), rest + error, 0)
    whole = new + error
    return whole, jnp.where(jnp.isfinite(whole), error - (whole - new), 0)


WORD: Final = 2**30  # what a counter counts to before it starts again, and its carry goes up


@jax.jit
def carried(overs: Array, counts: Array) -> tuple[Array, Array]:
    """Add counts along the first axis that are ``overs * WORD + counts``, each in 32 bits.

    Halves of words are added, which does not overflow for up to 2**16 of them.
    """
    half = 2**15
    low, high = (counts % half).sum(0), (counts // half).sum(0)
    low = low + (high % half) * half
    return overs.sum(0) + high // half + low // WORD, low % WORD
