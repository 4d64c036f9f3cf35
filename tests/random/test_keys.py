import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError
from brainlite.random._keys import advance, is_key, make_entropy_key, to_key
from brainlite.typing import Array, SeedOrKey


def data(key: Array) -> list[int]:
    numbers: list[int] = jax.random.key_data(key).tolist()
    return numbers


@pytest.mark.parametrize(
    "seed",
    [7, np.int64(7), np.uint8(7), np.array(7), jnp.asarray(7)],
)
def test_any_whole_number_is_a_seed(seed: SeedOrKey) -> None:
    assert data(to_key(seed)) == data(jax.random.key(7))


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40 + 3, -(2**63)])
def test_large_and_negative_seeds_are_those_of_jax(seed: int) -> None:
    assert data(to_key(seed)) == data(jax.random.key(seed))


def test_typed_and_raw_keys_are_the_same_key() -> None:
    typed = jax.random.key(3)
    raw = jax.random.key_data(typed)
    assert data(to_key(typed)) == data(to_key(raw)) == data(to_key(np.asarray(raw)))
    assert is_key(to_key(raw))


def test_a_raw_key_of_four_words_is_of_the_other_algorithm() -> None:
    raw = jnp.arange(4, dtype=jnp.uint32)
    assert str(jax.random.key_impl(to_key(raw))) == "rbg"


def test_a_traced_seed_makes_a_key() -> None:
    def first_word(seed: Array) -> Array:
        return jax.random.key_data(to_key(seed))

    assert jax.jit(first_word)(5).tolist() == data(jax.random.key(5))


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("abc", r"got:      str 'abc'"),
        (1.5, r"got:      float 1\.5"),
        (True, r"got:      bool True"),
        (None, r"got:      NoneType None"),
        (jnp.zeros(3), r"got:      float32\[3\]"),
        (jnp.zeros(2, jnp.int32), r"got:      int32\[2\]"),
    ],
)
def test_what_is_neither_seed_nor_key_is_refused(value: SeedOrKey, got: str) -> None:
    with pytest.raises(OptionError, match=got) as caught:
        to_key(value)
    caught.match(r"jax\.random\.key\(seed\)")


def test_a_seed_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(OptionError, match=r"seed % 2\*\*32"):
        to_key(2**63)


def test_an_array_of_keys_is_refused() -> None:
    with pytest.raises(OptionError, match=r"an array of keys of shape \(4,\)"):
        to_key(jax.random.split(jax.random.key(0), 4))


def test_entropy_differs_from_call_to_call() -> None:
    words = {tuple(data(make_entropy_key())) for _ in range(20)}
    assert len(words) == 20


def test_entropy_is_concrete_under_a_trace() -> None:
    found: list[Array] = []

    def body(x: Array) -> Array:
        found.append(make_entropy_key())
        return x

    jax.jit(body)(1.0)
    jax.vmap(body)(jnp.ones(3))
    jax.grad(body)(1.0)
    assert not any(isinstance(key, Tracer) for key in found)


def test_advance_keeps_the_first_half_and_uses_the_second() -> None:
    kept, used = advance(jax.random.key(0))
    assert [data(kept), data(used)] == [data(key) for key in jax.random.split(jax.random.key(0))]
