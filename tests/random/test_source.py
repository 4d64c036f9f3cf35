from collections import defaultdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState, _source
from brainlite.random._source import KeySource
from brainlite.typing import Array, Key, Shape
from tests.closeness import assert_close, assert_same
from tests.random.comparison import MANY


def test_a_source_without_keys_cannot_draw() -> None:
    with pytest.raises(NotImplementedError):
        KeySource()._take_key(None)  # pyright: ignore[reportPrivateUsage]


def test_standard_draws_skip_the_arithmetic() -> None:
    def count_equations(loc: float | None, scale: float | None) -> int:
        drawing = jax.make_jaxpr(lambda: RandomState(0).normal(loc, scale, key=1))
        return len(drawing().jaxpr.eqns)

    assert count_equations(None, None) < count_equations(0.0, 1.0)


@pytest.mark.parametrize("name", ["normal", "laplace", "logistic", "gumbel"])
def test_location_and_scale_shift_and_stretch(name: str) -> None:
    draw = getattr(RandomState(0), name)
    standard = np.asarray(draw(size=MANY, key=1))
    assert_close(draw(5.0, 2.0, MANY, key=1), 5 + 2 * standard)
    assert_close(draw(5.0, None, MANY, key=1), 5 + standard)
    drawn = jax.eval_shape(lambda: draw([1.0, 2.0], [[1.0], [2.0]], key=1))
    assert drawn.shape == (2, 2)


@pytest.mark.parametrize("name", ["normal", "laplace", "logistic", "gumbel"])
def test_a_negative_scale_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"scale >= 0\n  got:      -2\.0"):
        getattr(RandomState(0), name)(0.0, -2.0)


def _raw(name: str, key: Key, shape: Shape, dtype: Any) -> Any:
    """Draw what `GIVEN` says with jax itself."""

    def number(value: float) -> Any:
        return jnp.asarray(value, dtype)

    if name == "uniform":
        return jax.random.uniform(key, shape, dtype, number(-0.5), number(0.25))
    if name == "normal":
        return jax.random.normal(key, shape, dtype) * number(0.3) + number(1.5)
    if name == "truncated_normal":
        return jax.random.truncated_normal(key, number(-1), number(2), shape, dtype)
    if name == "randint":
        return jax.random.randint(key, shape, 0, 100, dtype)
    return jax.random.bernoulli(key, jnp.float32(0.3), shape)


GIVEN: dict[str, tuple[float, ...]] = {
    "uniform": (-0.5, 0.25),
    "normal": (1.5, 0.3),
    "truncated_normal": (-1, 2),
    "randint": (0, 100),
    "bernoulli": (0.3,),
}
FLOATS = ("float32", "float16", "bfloat16")
DTYPES = [
    *((name, dtype) for name in ("uniform", "normal", "truncated_normal") for dtype in FLOATS),
    *(("randint", dtype) for dtype in ("int32", "int8", "uint16")),
    ("bernoulli", "bool"),
]
SHAPES: list[Shape] = [(), (0,), (5,), (4097,), (300, 3), (37, 131), (0, 4), (2, 3, 65)]


def _ours(name: str, size: Shape, dtype: str, key: Any = 5) -> Array:
    more = {} if name == "bernoulli" else {"dtype": jnp.dtype(dtype)}
    drawn: Array = getattr(RandomState(0), name)(*GIVEN[name], size=size, key=key, **more)
    return drawn


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """Begin as in a new process; return what the samplers were compiled for."""
    fresh: dict[Any, Any] = defaultdict(_source._Buckets)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(_source, "_buckets", fresh)
    return fresh


@pytest.mark.usefixtures("buckets")
@pytest.mark.parametrize(("name", "dtype"), DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_draw_has_the_bits_that_jax_draws_for_its_shape(
    name: str, dtype: str, shape: Shape
) -> None:
    drawn, expected = _ours(name, shape, dtype), _raw(name, jax.random.key(5), shape, dtype)
    assert (drawn.dtype, drawn.shape) == (expected.dtype, expected.shape)
    assert np.asarray(drawn).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("name", GIVEN)
def test_other_shapes_are_cut_from_the_same_row(buckets: dict[Any, Any], name: str) -> None:
    dtype = dict(DTYPES)[name] if name in ("randint", "bernoulli") else "float32"
    for shape in [(70, 70), (4000,), (5000,), (9, 8, 7), (65, 66)]:
        _ours(name, shape, dtype)
    ((_, kept),) = buckets.items()
    assert kept.sizes == [1 << 16]


def test_keys_of_other_kinds_and_numbers_are_drawn_in_their_shape(buckets: dict[Any, Any]) -> None:
    for impl in ("rbg", "unsafe_rbg"):
        key = jax.random.key(5, impl=impl)
        assert_same(_ours("uniform", (7,), "float32", key), _raw("uniform", key, (7,), "float32"))
    key = jax.random.key(5)
    with jax.threefry_partitionable(False):
        assert_same(_ours("normal", (7,), "float32", key), _raw("normal", key, (7,), "float32"))
    assert not buckets
    assert (
        not np.array_equal(
            _ours("normal", (7,), "float32", key), _raw("normal", key, (8,), "float32")[:7]
        )
        or buckets
    )


def test_a_traced_draw_has_its_own_shape(buckets: dict[Any, Any]) -> None:
    def draw(key: Key) -> Array:
        return _ours("uniform", (3, 5), "float32", key)

    key = jax.random.key(5)
    expected = _raw("uniform", key, (3, 5), "float32")
    assert_same(jax.jit(draw)(key), expected)
    assert_same(jax.vmap(draw)(key[None])[0], expected)
    assert_same(jax.eval_shape(draw, key).shape, (3, 5))
    assert not buckets


def test_a_key_that_is_tied_to_a_device_ties_what_is_drawn() -> None:
    device = jax.devices()[-1]
    drawn = _ours("uniform", (7,), "float32", jax.device_put(jax.random.key(5), device))
    assert drawn.devices() == {device}
    assert drawn.committed
    assert not _ours("uniform", (7,), "float32").committed


def test_what_is_drawn_holds_no_more_than_itself_and_may_be_given_away() -> None:
    drawn = _ours("uniform", (5, 7), "float32")
    kept = np.array(drawn)
    jax.jit(lambda x: x + 1, donate_argnums=0)(drawn)
    again = _ours("uniform", (5, 7), "float32")
    assert_same(again, kept)


def test_a_row_is_compiled_when_drawing_for_nothing_has_cost_as_much() -> None:
    known = _source._Buckets()  # pyright: ignore[reportPrivateUsage]
    assert known.size_for((5000,)) == 1 << 16
    assert known.size_for((3,)) == 1 << 16  # rather than a compilation
    assert known.size_for((1 << 19,)) == 1 << 20
    assert [known.size_for((1 << 18,)) for _ in range(4)] == [*[1 << 20] * 2, *[1 << 18] * 2]
    assert known.size_for((1000, 5120)) == 5 << 20
    assert known.size_for(((1 << 23) + 1,)) is None
    often = [known.size_for((5, 2)) for _ in range(3000)]
    assert (often[0], often[100]) == (1 << 16, 1 << 12)
    assert often[-1] is None  # a kernel of its own
    assert known.sizes == [1 << 16, 1 << 20, 1 << 18, 5 << 20, 1 << 12]


@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_three_axes_are_traced_in_a_row(name: str) -> None:
    drawing = jax.make_jaxpr(lambda: _ours(name, (2, 3, 4), "float32"))
    assert "[24]" in str(drawing())


def test_parameters_that_do_not_fit_the_size_are_refused() -> None:
    with pytest.raises(SizeError, match=r"got:      loc \(2,\), scale \(\)"):
        RandomState(0).normal([1.0, 2.0], size=3)


def test_gradients_flow_to_location_and_scale() -> None:
    def draw(loc: float, scale: float) -> jax.Array:
        return RandomState(0).normal(loc, scale, key=1)

    noise = jax.random.normal(jax.random.key(1))
    assert jnp.allclose(jnp.stack(jax.grad(draw, (0, 1))(0.0, 1.0)), jnp.stack([1.0, noise]))
