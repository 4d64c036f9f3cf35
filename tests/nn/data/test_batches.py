"""Batches: every sample once in an epoch, in an order that can be taken up again."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import checkpoint
from brainlite.errors import InputError, OptionError
from brainlite.nn import batches


def test_samples_come_as_they_stand_or_in_another_order_each_epoch() -> None:
    x, y = np.arange(10), {"twice": jnp.arange(10) * 2}
    plain = batches((x, y), 4)
    assert [a.tolist() for a, _ in plain] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert (plain.epoch, len(plain)) == (1, 3)
    shuffled = batches((x, y), 4, key=0)
    epochs = []
    for _ in range(2):
        rows = list(shuffled)
        assert all((b["twice"] == 2 * a).all() for a, b in rows)
        epochs.append(np.concatenate([a for a, _ in rows]).tolist())
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert list(range(10)) != epochs[0] != epochs[1]
    again = batches((x, y), 4, key=jax.random.key(0))
    assert np.concatenate([a for a, _ in again]).tolist() == epochs[0]


def test_a_last_batch_that_is_smaller_can_be_left_out() -> None:
    assert [len(rows) for rows in batches(np.arange(10), 4, drop_last=True)] == [4, 4]
    assert [len(rows) for rows in batches(np.arange(8), 4)] == [4, 4]
    assert [len(rows) for rows in batches(np.arange(3), 4)] == [3]
    assert [len(rows) for rows in batches(np.arange(0), 4)] == []


def test_batches_have_the_kind_of_the_arrays_and_memory_of_their_own() -> None:
    x = np.arange(4)
    for key in (None, 0):
        rows = next(batches(x, 4, key))
        rows[:] = 7
        assert x.tolist() == [0, 1, 2, 3]
    assert isinstance(next(batches(jnp.arange(4), 2)), jax.Array)


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 8])
def test_it_goes_on_where_it_was_also_from_a_checkpoint(tmp_path: Path, taken: int) -> None:
    def run(data: Any, count: int) -> list[Any]:
        found: list[Any] = []
        while len(found) < count:
            for rows in data:
                found.append(rows.tolist())
                if len(found) == count:
                    break
        return found

    first = batches(np.arange(10), 3, key=1)
    run(first, taken)
    checkpoint.save(tmp_path / "a", data=first)
    expected = run(first, 9)
    other = batches(np.arange(10), 3, key=5)
    next(other)
    checkpoint.restore(tmp_path / "a", data=other)
    assert run(other, 9) == expected
    assert other.epoch == first.epoch
    assert repr(other) == repr(first)


def test_other_batches_cannot_go_on() -> None:
    state = batches(np.arange(10), 3, key=1).get_state()
    for other in (
        batches(np.arange(9), 3, key=1),
        batches(np.arange(10), 2, key=1),
        batches(np.arange(10), 3),
        batches(np.arange(10), 3, key=1, drop_last=True),
    ):
        with pytest.raises(OptionError, match="cannot go on where the others were"):
            other.set_state(state)
        assert other.get_state()["batch"] == 0


@pytest.mark.parametrize("arrays", [(), (np.arange(3), np.arange(4)), np.float32(1)])
def test_arrays_that_do_not_agree_are_refused(arrays: Any) -> None:
    with pytest.raises(InputError, match=r"batches: these arrays cannot be cut[\s\S]*got: +shapes"):
        batches(arrays, 2)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2"])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(OptionError, match=r"batches: there is no batch of this size"):
        batches(np.arange(3), size)


def test_a_size_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match=r"no more than samples[\s\S]*leave out drop_last"):
        batches(np.arange(3), 4, drop_last=True)
