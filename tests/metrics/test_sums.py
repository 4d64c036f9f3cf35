"""A sum in two floats against exact arithmetic."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brainlite.metrics._sums import WORD, carried, plus

floats = st.floats(-(2.0**40), 2.0**40, width=32, allow_subnormal=False)
add = jax.jit(plus)


@given(st.lists(floats, max_size=8))
def test_a_sum_of_few_is_exact_to_twice_the_digits(numbers: list[float]) -> None:
    total, rest = jnp.float32(0), jnp.float32(0)
    for number in numbers:
        total, rest = add(total, rest, jnp.float32(number))
    exact = sum(map(Fraction, numbers), Fraction(0))
    kept = Fraction(float(total)) + Fraction(float(rest))
    assert abs(kept - exact) <= Fraction(1, 2**44) * sum(map(abs, map(Fraction, numbers)))
    assert np.float32(kept) == np.float32(float(total))


def test_what_overflows_stays_infinite() -> None:
    total, rest = plus(jnp.float32(3e38), jnp.float32(1.0), jnp.float32(3e38))
    total, rest = plus(total, rest, jnp.float32(1.0))
    assert (float(total), float(rest)) == (np.inf, 0.0)


def test_counts_in_two_words_are_those_of_python() -> None:
    draw = np.random.RandomState(0)
    overs, counts = draw.randint(0, 9, (7, 3)), draw.randint(0, 2**31 - 1, (7, 3), np.int64)
    over, count = carried(jnp.asarray(overs, "int32"), jnp.asarray(counts, "int32"))
    found = [int(a) * WORD + int(b) for a, b in zip(over, count, strict=True)]
    assert found == [int(n) for n in (overs * WORD + counts).sum(0)]
    assert bool(((count >= 0) & (count < WORD)).all())
