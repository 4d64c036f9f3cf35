"""Connections against the dense matrix that they stand for."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn, random
from brainlite.errors import InputError, OptionError, SizeError
from brainlite.state import ParamState
from brainlite.transform import grad, jit
from tests.closeness import assert_close, assert_same

SPIKES = np.random.default_rng(0).random((5, 40)) < 0.2


def matrix(connections: nn.FixedNumConn) -> Any:
    """Return the matrix of a connection, in float64."""
    [pre], [post] = connections.in_size, connections.out_size
    index = np.asarray(connections.index.value)
    weight = np.broadcast_to(np.asarray(connections.weight.value, np.float64), index.shape)
    full, rows = np.zeros((pre, post)), np.arange(len(index))[:, None]
    sources = connections.sources
    chosen = np.arange(pre) if sources is None else np.asarray(sources.value)
    if connections.efferent_target == "post":
        np.add.at(full, (chosen[rows], index), weight)
    else:
        np.add.at(full, (chosen[index], rows), weight)
    return full


CASES = [
    (nn.FixedNumConn, "post", 1.0, nn.init.Normal()),
    (nn.FixedNumConn, "pre", 0.5, 0.5),
    (nn.EventFixedNumConn, "post", 1.0, 0.5),
    (nn.EventFixedNumConn, "post", 0.5, nn.init.Normal()),
    (nn.EventFixedNumConn, "pre", 1.0, nn.init.Normal()),
]


@pytest.mark.parametrize(("kind", "target", "ratio", "weight"), CASES)
def test_it_is_the_product_with_its_matrix(
    kind: Any, target: str, ratio: float, weight: Any
) -> None:
    connections = kind(40, 30, 6, weight, target, ratio, seed=1)
    full = matrix(connections)
    assert (full != 0).any(1).sum() <= round(40 * ratio)
    expected = (SPIKES @ full).astype(np.float32)
    assert_close(jit(connections)(jnp.asarray(SPIKES)), expected, 40, 4.0)
    for spikes, row in zip(SPIKES, expected, strict=True):
        assert_close(connections(jnp.asarray(spikes)), row, 40, 4.0)
        assert_close(connections(jnp.asarray(spikes, jnp.float32)), row, 40, 4.0)


def test_how_many_partners_there_are() -> None:
    one = nn.FixedNumConn(50, 30, 7, 1.0, allow_multi_conn=False, seed=0)
    assert one.index.value.shape == (50, 7)
    assert all(len(set(row)) == 7 for row in np.asarray(one.index.value).tolist())
    assert nn.FixedNumConn(50, 30, 0.1, 1.0, seed=0).conn_num == 3
    assert nn.FixedNumConn(50, 30, 7, 1.0, "pre", seed=0).index.value.shape == (30, 7)
    every = nn.FixedNumConn(4, 6, 6, 1.0, allow_multi_conn=False, seed=0)
    assert_same(every(jnp.ones(4)), np.full(6, 4.0, np.float32))


def test_targets_are_drawn_evenly() -> None:
    for several in (True, False):
        drawn = nn.FixedNumConn(400, 20, 5, 1.0, allow_multi_conn=several, seed=3)
        counts = np.bincount(np.asarray(drawn.index.value).ravel(), minlength=20)
        assert (np.abs(counts - 100) < 5 * np.sqrt(100 * 0.95)).all()


def test_a_seed_and_the_generator_of_the_library_decide() -> None:
    def drawn(seed: Any) -> Any:
        return nn.FixedNumConn(20, 20, 4, 1.0, seed=seed).index.value

    assert_same(drawn(7), drawn(7))
    assert (drawn(7) != drawn(8)).any()
    random.seed(0)
    first = drawn(None)
    assert (drawn(None) != first).any()
    random.seed(0)
    assert_same(drawn(None), first)


@pytest.mark.parametrize("spikes", [3, 40])
def test_weights_and_spikes_have_gradients(spikes: int) -> None:
    connections = nn.EventFixedNumConn(40, 30, 6, nn.init.Normal(), seed=1, block_size=8)
    x = jnp.zeros(40).at[:spikes].set(1.0)

    def loss(x: Any) -> Any:
        return (connections(x) * jnp.arange(30.0)).sum()

    assert_close(grad(loss)(x), (matrix(connections) @ np.arange(30.0)).astype("f4"), 64, 300.0)
    [slope] = grad(lambda: loss(x), connections.states(ParamState))().values()
    assert_close(slope, x[:, None] * connections.index.value)


@pytest.mark.parametrize("as_event", [True, False])
def test_a_linear_map_of_spikes(as_event: bool) -> None:
    layer = nn.EventLinear(40, 7, nn.init.Normal(), as_event, block_size=5)
    weight = np.asarray(layer.weight.value, np.float64)
    x = jnp.asarray(SPIKES * 0.5, jnp.float32)
    factor = 1.0 if as_event else 0.5
    expected = (SPIKES @ weight * factor).astype(np.float32)
    assert_close(layer(x), expected, 40, 4.0)
    assert_close(layer(jnp.asarray(SPIKES)), expected / np.float32(factor), 40, 8.0)
    for row, y in zip(x, expected, strict=True):
        assert_close(layer(row), y, 40, 4.0)
    slope = grad(lambda x: layer(x).sum())(x[0])
    assert_close(slope, weight.sum(1).astype(np.float32), 40, 4.0)


def test_an_event_layer_of_a_prefixed_name_is_one_class() -> None:
    assert nn.EventFixedProb is nn.EventFixedNumConn


def test_bad_options_are_refused() -> None:
    wrong: list[Any] = [0, -1, 1.5, True, "no", 0.0]
    for number in wrong:
        with pytest.raises(OptionError, match=r"FixedNumConn: a neuron cannot have so many"):
            nn.FixedNumConn(5, 5, number, 1.0)
    with pytest.raises(OptionError, match=r"at most 5(.|\n)*conn_num=6"):
        nn.FixedNumConn(5, 5, 6, 1.0, allow_multi_conn=False)
    with pytest.raises(OptionError, match=r"afferent_ratio(.|\n)*1.5"):
        nn.FixedNumConn(5, 5, 2, 1.0, afferent_ratio=1.5)
    with pytest.raises(OptionError, match="efferent_target"):
        nn.FixedNumConn(5, 5, 2, 1.0, efferent_target="both")
    with pytest.raises(OptionError, match="block_size"):
        nn.EventLinear(5, 5, jnp.ones((5, 5)), block_size=0)
    with pytest.raises(SizeError, match=r"in_size has several axes(.|\n)*\(2, 3\)"):
        nn.EventFixedNumConn((2, 3), 5, 2, 1.0)
    with pytest.raises(SizeError, match=r"\(5, 3\)(.|\n)*\(4, 3\)"):
        nn.EventLinear(5, 3, jnp.ones((4, 3)))
    with pytest.raises(InputError, match=r"5 in the last(.|\n)*\(4,\)"):
        nn.FixedNumConn(5, 5, 2, 1.0)(jnp.ones(4))


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_whole_numbers_are_numbers_where_floats_are(dtype: str) -> None:
    numbers, ones = jnp.array([0, 2, -3, 1], dtype), jnp.array([0, 1, 1, 1], dtype)
    given: Any = {"conn_num": 2, "conn_weight": 0.5, "seed": 1}
    times, events = nn.FixedNumConn(4, 5, **given), nn.EventFixedNumConn(4, 5, **given)
    expected = np.zeros(5)
    for row, number in zip(np.asarray(times.index.value), np.asarray(numbers), strict=True):
        np.add.at(expected, row, 0.5 * number)
    assert_close(times(numbers), expected)
    assert_close(events(numbers), np.asarray(times(ones)))
