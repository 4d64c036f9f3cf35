"""``map``: a function over the leading axis, one slice or one batch at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import random
from brainlite.errors import LoopStateError, MapStateError, OptionError
from brainlite.state import State
from brainlite.transform import grad, jit, vmap
from brainlite.transform._flow._map import map as map_
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values
from tests.transform.small import Counter, Fresh, Scale

XS = jnp.arange(21.0).reshape(7, 3)


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3, 7, 100])
def test_result_is_that_of_jax(batch_size: int | None) -> None:
    model = Scale(2.0)

    def fun(x: Array, y: dict[str, Array]) -> tuple[Array, Array]:
        return model(x), y["a"].sum()

    out = map_(fun, XS, {"a": XS}, batch_size=batch_size)
    assert_close(out, jax.lax.map(lambda x: (x * 4.0, x.sum()), XS))


@pytest.mark.parametrize("batch_size", [None, 2])
def test_no_slices(batch_size: int | None) -> None:
    assert map_(lambda x: x[:2], XS[:0], batch_size=batch_size).shape == (0, 2)


def test_keys_are_mapped_over() -> None:
    keys = jax.random.split(jax.random.key(0), 5)
    out = map_(lambda key: jax.random.normal(key), keys, batch_size=2)
    assert_close(out, jax.vmap(jax.random.normal)(keys))


def test_states_are_written_slice_by_slice() -> None:
    model = Counter()
    assert_same(map_(model, jnp.ones(4)), jnp.arange(1.0, 5.0))
    assert values(model.count) == [4]


def test_write_in_a_batch_is_refused() -> None:
    model = Counter()
    with pytest.raises(MapStateError, match=r"count.*written in a map with batch_size[\s\S]*vmap"):
        map_(model, jnp.ones(4), batch_size=2)
    assert values(model.count) == [0]


def test_edit_and_new_state_in_a_batch_are_refused() -> None:
    total = State({"n": jnp.zeros(())})

    def edit(x: Array) -> Array:
        total.value["n"] = x
        return x

    for fun, xs in ((edit, jnp.ones(4)), (Fresh(), XS)):
        with pytest.raises(MapStateError, match="expected: a function that writes no state"):
            map_(fun, xs, batch_size=2)


def test_random_numbers_differ_from_slice_to_slice() -> None:
    rng = random.RandomState(0)
    before = rng.value
    out = map_(lambda x: x + rng.normal(0.0, 1.0, size=()), jnp.zeros(7), batch_size=3)
    assert len(np.unique(out)) == 7
    assert not np.array_equal(jax.random.key_data(before), jax.random.key_data(rng.value))


def test_body_runs_once_for_whole_batches() -> None:
    runs = Runs()

    def fun(x: Array) -> Array:
        runs.add()
        return x

    assert runs.of(lambda: map_(fun, XS, batch_size=7)) == 1
    assert runs.of(lambda: jit(lambda x: map_(fun, x))(XS)) == 1


def test_under_jit_grad_and_vmap() -> None:
    model = Scale(2.0)

    def loss(xs: Array) -> Array:
        return (map_(model, xs, batch_size=2) ** 2).sum()

    [gradient] = jit(grad(loss, [model.weight]))(XS)
    assert_close(gradient, jax.grad(lambda w: ((XS * w * 2) ** 2).sum())(model.weight.value))
    assert vmap(loss)(jnp.stack([XS, XS])).shape == (2,)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "2"])
def test_bad_batch_size(batch_size: int) -> None:
    with pytest.raises(OptionError, match=r"expected: batch_size: a whole number, 1 or more"):
        map_(lambda x: x, XS, batch_size=batch_size)


def test_slices_of_different_number() -> None:
    with pytest.raises(OptionError, match=r"arrays of shapes \[\(7, 3\), \(2, 3\)\]"):
        map_(lambda x, y: x, XS, XS[:2], batch_size=2)
    with pytest.raises(LoopStateError, match="no single length"):
        map_(lambda x, y: x, XS, XS[:2])
