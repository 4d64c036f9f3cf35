"""What numpy makes in place of XLA: the same bits, and only where nothing is traced."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._given import _host, counted, filled, made_seldom, on_host, times
from brainlite.nn import init
from brainlite.typing import Array

DTYPES = ("float32", "float16", "bfloat16", "int32", "uint8", "bool")


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_host, "_made", Counter())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0, 1, 2.7])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_one_number_everywhere_is_what_jax_fills_with(
    dtype: str, value: float, shape: tuple[int, ...]
) -> None:
    ours, theirs = filled(shape, value, dtype), jnp.full(shape, value, dtype)
    assert ours is not None
    assert (ours.dtype, ours.shape, ours.weak_type) == (theirs.dtype, theirs.shape, False)
    assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def test_counts_of_shapes_that_never_end_take_no_more_memory() -> None:
    counts: Counter[Hashable] = Counter()
    for length in range(100_000):
        assert counted(counts, (length,)) == 1
    assert len(counts) <= 4096
    assert counted(counts, (99_999,), 5) == 6


def test_what_is_made_often_gets_a_kernel() -> None:
    made = [filled((3,), 1, "float32") for _ in range(100)]
    assert made[0] is not None
    assert made[-1] is None
    assert not made_seldom(((3,), jnp.dtype("float32")))
    assert filled((4,), 1, "float32") is not None


def test_nothing_traced_and_nothing_unknown_is_made_by_numpy() -> None:
    @jax.jit
    def traced() -> Array:
        assert not on_host()
        assert filled((2,), 0, "float32") is None
        return init.ZeroInit()((2,)) + init.Constant(2.5)((2,))

    assert traced().tolist() == [2.5, 2.5]
    assert on_host()
    assert filled((2,), jnp.ones(2), "float32") is None
    assert filled((2,), 1.0, "float64") is None  # jax has no such numbers now, and says so
    assert init.Constant(jnp.arange(2.0))((2,)).tolist() == [0.0, 1.0]


def test_devices_that_are_set_are_kept() -> None:
    mesh = jax.make_mesh((1,), ("x",))
    with jax.set_mesh(mesh):
        assert not on_host()
    device = jax.devices()[-1]
    tied = jax.device_put(jnp.ones(3), device)
    product = times(tied, np.float32(2))
    assert product.committed
    assert product.devices() == {device}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_product_has_the_bits_of_xla(dtype: str) -> None:
    x = jax.random.normal(jax.random.key(0), (1000,), dtype)
    factor: Any = np.asarray(0.0442, dtype)[()]
    product = times(x, factor)
    assert product.dtype == x.dtype
    assert np.asarray(product).tobytes() == np.asarray(x * jnp.asarray(factor)).tobytes()
    assert jax.jit(lambda x: times(x, factor))(x).dtype == x.dtype
    assert times(x, jnp.asarray(2, dtype)).dtype == x.dtype


@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_scaled_initialisers_have_the_bits_of_jax(distribution: Any) -> None:
    """Each product is rounded by itself, as in eager jax."""
    shape, key = (64, 65), jax.random.key(3)
    made = init.VarianceScaling(2.0, "fan_in", distribution, seed=key)(shape)
    used = jax.random.split(key)[1]
    root = jnp.sqrt(jnp.float32(2 / 64))
    wide = jnp.sqrt(3 * jnp.float32(2 / 64))
    expected = {
        "normal": lambda: jax.random.normal(used, shape) * root,
        "uniform": lambda: jax.random.uniform(used, shape, minval=-1.0) * wide,
        "truncated_normal": lambda: (
            jax.random.truncated_normal(used, -2.0, 2.0, shape) * (root / 0.87962566103423978)
        ),
    }[distribution]()
    assert np.asarray(made).tobytes() == np.asarray(expected).tobytes()
