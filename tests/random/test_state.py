import copy
import pickle
import subprocess
import sys
import threading
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite._jax_compat import Tracer
from brainlite.errors import (
    OptionError,
    RawTransformError,
    StateLostError,
    StateValueError,
    TransformError,
)
from brainlite.random import RandomState
from brainlite.state import State
from brainlite.state._frame import Frame
from brainlite.typing import Array, Key


def data(key: Key) -> list[int]:
    numbers: list[int] = jax.random.key_data(key).tolist()
    return numbers


def test_it_is_a_state_that_holds_a_typed_key() -> None:
    rng = RandomState(3)
    assert isinstance(rng, State)
    assert data(rng.value) == data(jax.random.key(3))
    assert jnp.issubdtype(rng.value.dtype, jax.dtypes.prng_key)


def test_a_draw_keeps_the_first_half_of_the_key_and_uses_the_second() -> None:
    rng = RandomState(0)
    kept, used = jax.random.split(jax.random.key(0))
    assert (rng.rand(3) == jax.random.uniform(used, (3,))).all()
    assert data(rng.value) == data(kept)


def test_split_key_gives_one_key_or_several() -> None:
    keys = jax.random.split(jax.random.key(0), 4)
    rng = RandomState(0)
    assert data(rng.split_key(3)) == data(keys[1:])
    assert data(rng.value) == data(keys[0])
    rng.seed(0)
    assert data(rng.split_keys(3)) == data(keys[1:])
    rng.seed(0)
    assert data(rng.split_key()) == data(keys[1])


@pytest.mark.parametrize("n", [0, -1, 1.5, "a"])
def test_split_key_refuses_what_is_no_number_of_keys(n: int) -> None:
    with pytest.raises(OptionError, match=rf"got:      n={n!r}"):
        RandomState(0).split_key(n)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, two = RandomState(5), RandomState(jax.random.key(5))
    assert (one.randn(4) == two.randn(4)).all()
    assert not (one.randn(4) == one.randn(4)).any()
    two.seed(5)
    one.set_key(5)
    assert data(one.get_key()) == data(two.get_key())


def test_without_a_seed_generators_differ() -> None:
    assert data(RandomState().value) != data(RandomState().value)
    rng = RandomState(0)
    rng.seed()
    assert data(rng.value) != data(jax.random.key(0))


def test_without_a_seed_the_key_is_made_at_the_first_use_and_stays() -> None:
    rng = RandomState()
    assert data(rng.get_key()) == data(rng.get_key())


def test_seeding_before_the_first_use_works() -> None:
    rng = RandomState()
    rng.seed(1)
    assert data(rng.value) == data(jax.random.key(1))


def test_the_first_use_may_be_inside_a_transform() -> None:
    rng = RandomState()

    def body(x: Array) -> Array:
        with Frame("test", hoist=False):
            return x + rng.rand()

    jax.jit(body)(1.0)
    assert not isinstance(rng.value, Tracer)


def test_a_write_in_a_frame_that_ends_leaves_the_generator_as_it_was() -> None:
    rng = RandomState(0)
    with Frame("test", hoist=False) as frame:
        rng.rand()
        assert rng in frame.written
    assert data(rng.value) == data(jax.random.key(0))


def test_a_generator_made_inside_a_transform_has_its_key_at_once() -> None:
    with Frame("test", hoist=False) as frame:
        rng = RandomState()
        assert frame.is_local(rng)
        rng.rand()
    with pytest.raises(StateLostError, match="RandomState has no value"):
        rng.rand()


def test_a_generator_with_a_seed_may_be_made_inside_a_jitted_function() -> None:
    def body(x: Array) -> Array:
        rng = RandomState(4)
        return x + rng.randn(3) + rng.randn(3)

    rng = RandomState(4)
    expected = 1.0 + rng.randn(3) + rng.randn(3)
    assert jnp.allclose(jax.jit(body)(1.0), expected)


@pytest.mark.filterwarnings("ignore:RandomState. this state is read inside a plain jax")
def test_drawing_under_a_plain_jax_transform_raises() -> None:
    rng = RandomState(0)
    with pytest.raises(RawTransformError, match=r"use brainlite\.transform"):
        jax.jit(rng.rand)()
    assert data(rng.value) == data(jax.random.key(0))


def test_a_key_of_ones_own_leaves_the_generator_as_it_was() -> None:
    rng = RandomState(0)
    assert (rng.randn(3, key=9) == jax.random.normal(jax.random.key(9), (3,))).all()
    assert data(rng.value) == data(jax.random.key(0))


def test_a_draw_that_fails_leaves_the_generator_as_it_was() -> None:
    rng = RandomState(0)
    with pytest.raises(OptionError, match=r"scale >= 0"):
        rng.normal(0.0, -1.0)
    assert data(rng.value) == data(jax.random.key(0))


def test_clone_starts_from_the_next_key() -> None:
    rng = RandomState(0)
    twin = rng.clone()
    kept, used = jax.random.split(jax.random.key(0))
    assert (data(twin.value), data(rng.value)) == (data(used), data(kept))


def test_copies_repeat_what_the_original_draws() -> None:
    rng = RandomState(0)
    copies = [rng.copy(), copy.deepcopy(rng), pickle.loads(pickle.dumps(rng))]
    numbers = rng.randn(2)
    for each in copies:
        assert type(each) is RandomState
        assert (each.randn(2) == numbers).all()
        each.backup_key()
        each.restore_key()


def test_backup_and_restore_repeat_draws() -> None:
    rng = RandomState(0)
    rng.backup_key()
    numbers = rng.randn(2)
    rng.restore_key()
    assert (rng.randn(2) == numbers).all()
    keys = rng.split_key(2, backup=True)
    rng.restore_key()
    assert data(rng.split_keys(2, backup=True)) == data(keys)


def test_only_one_key_can_be_set_aside() -> None:
    rng = RandomState(0)
    with pytest.raises(OptionError, match=r"no key to restore"):
        rng.restore_key()
    rng.backup_key()
    with pytest.raises(OptionError, match=r"set aside already"):
        rng.backup_key()


def test_keys_cannot_be_set_aside_inside_a_transform() -> None:
    rng = RandomState(0)
    with (
        Frame("jit", hoist=False),
        pytest.raises(TransformError, match=r"a call inside jit\n.*rng\.get_key\(\)"),
    ):
        rng.backup_key()
    rng.backup_key()
    with (
        Frame("jit", hoist=False),
        pytest.raises(TransformError, match=r"restore_key cannot be used inside"),
    ):
        rng.restore_key()


@pytest.mark.parametrize("value", [3, "key", jnp.zeros(2, jnp.uint32)])
def test_only_a_key_can_be_written(value: Key) -> None:
    rng = RandomState(0)
    with pytest.raises(StateValueError, match=r"rng\.set_key"):
        rng.value = value
    rng.value = jax.random.key(1)


def test_a_key_of_another_algorithm_can_be_used() -> None:
    rng = RandomState(0)
    rng.set_key(jax.random.key(0, impl="rbg"))
    assert rng.randn(3).shape == (3,)


def test_importing_starts_no_jax_backend() -> None:
    program = (
        "import brainlite.random\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge.backends_are_initialized()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("draw", ["split_key", "rand"])
def test_threads_draw_different_numbers(draw: str) -> None:
    generator = RandomState(0)
    getattr(generator, draw)()
    barrier = threading.Barrier(8)
    drawn: list[Any] = []

    def work() -> None:
        barrier.wait()
        drawn.extend([getattr(generator, draw)() for _ in range(100)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len({str(data(each) if draw == "split_key" else each) for each in drawn}) == 800
    alone = RandomState(0)
    for _ in range(801):
        alone.split_key()
    assert alone.get_key() == generator.get_key()
