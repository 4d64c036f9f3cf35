"""Data on a mesh."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from brainlite import checkpoint, nn
from brainlite.distributed import batch, feed, mesh
from brainlite.errors import InputError, OptionError
from tests.closeness import assert_same

pytestmark = pytest.mark.devices(8)
P: Any = PartitionSpec


def test_a_batch_is_cut_along_its_first_axis_and_keeps_its_numbers() -> None:
    where = mesh(data=4, model=2)
    x: Any = np.arange(48.0, dtype="float32").reshape(8, 6)
    given: Any = (x, jnp.arange(8), 3)
    rows, labels, count = batch(given, where)
    assert_same((rows, labels), (x, np.arange(8)))
    assert (rows.sharding.spec, labels.sharding.spec, int(count)) == (P("data"), P("data"), 3)
    assert [part.data.shape for part in rows.addressable_shards] == [(2, 6)] * 8
    assert batch(x, where, None, "model").sharding.spec == P(None, "model")
    assert batch(x, where, ("data", "model")).sharding.spec == P(("data", "model"))
    assert batch(x, where, P(None)).sharding.is_fully_replicated
    assert batch(x[:0], where).shape == (0, 6)


def test_a_batch_is_not_joined_to_the_memory_of_numpy() -> None:
    x: Any = np.zeros((8, 1024), "float32")
    cut = batch(x, mesh(data=-1))
    x[:] = 1
    assert float(cut.sum()) == 0


@pytest.mark.parametrize(
    ("array", "spec", "message"),
    [
        (np.zeros((6, 2)), (), r"axis 0 in 8 equal parts.*float64\[6, 2\] for P\('data'\)"),
        (np.zeros(8), (None, "data"), "axis 1 in 8 equal parts"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused(array: Any, spec: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s)batch x: .*does not divide.*{message}.*drop_last"):
        batch({"x": array}, mesh(data=-1), *spec)


def test_an_axis_that_is_not_there_is_refused() -> None:
    where = mesh(data=-1)
    for call in (lambda: batch(np.zeros(8), where, "x"), lambda: feed([], where, P("x"))):
        with pytest.raises(OptionError, match=r"(?s)no such axis.*'data'.*'x'"):
            call()
    with pytest.raises(OptionError, match="prefetch=-1"):
        feed([], where, prefetch=-1)


@pytest.mark.parametrize("prefetch", [0, 1, 2, 100])
def test_a_feed_delivers_everything_in_order_epoch_after_epoch(prefetch: int) -> None:
    x = np.arange(32)
    loader, reference = nn.batches(x, 8, key=0), nn.batches(x, 8, key=0)
    for _ in range(3):
        assert_same(list(feed(loader, mesh(data=-1), prefetch=prefetch)), list(reference))
    both = feed(loader, mesh(data=-1), prefetch=prefetch)
    assert_same([list(both) for _ in range(2)], [list(reference) for _ in range(2)])


@pytest.mark.parametrize("prefetch", [0, 2, 9])
def test_its_position_is_that_of_the_batch_delivered_last(prefetch: int, tmp_path: Any) -> None:
    x, where = np.arange(64), mesh(data=-1)
    whole = [*nn.batches(x, 8, key=1)]
    first = feed(nn.batches(x, 8, key=1), where, prefetch=prefetch)
    positions = [first.get_state()]
    for got, expected in zip(first, whole, strict=True):
        assert_same(got, expected)
        positions.append(first.get_state())
        if len(positions) == 4:
            checkpoint.save(tmp_path / "saved", data=first)
    for number, position in enumerate(positions[:-1]):
        again = feed(nn.batches(x, 8, key=1), where, prefetch=prefetch)
        next(iter(again))
        again.set_state(position)
        assert again.get_state() == position
        assert_same(list(again), whole[number:])
    resumed = feed(nn.batches(x, 8, key=1), where, prefetch=prefetch)
    checkpoint.restore(tmp_path / "saved", data=resumed)
    assert_same(list(resumed), whole[3:])


def test_an_error_of_the_loader_arrives_and_a_plain_loader_has_no_position() -> None:
    def loader() -> Any:
        yield np.zeros(8)
        raise OSError("the disk is gone")

    stream = feed(loader(), mesh(data=-1), prefetch=0)
    next(stream)
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)
    for call in (stream.get_state, lambda: stream.set_state(None)):
        with pytest.raises(OptionError, match=r"(?s)does not say where it is.*nn.batches"):
            call()
    assert "Feed(" in repr(stream)
