"""An eager step of a cell that was prepared at an earlier one is never stale."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError
from brainlite.nn import GRUCell, init_all_states
from brainlite.nn._recurrent.step import prepared
from brainlite.state import HiddenState
from brainlite.transform import for_loop, jit
from brainlite.typing import Array
from tests.closeness import assert_close

X = jnp.asarray([0.2, 0.5])


def replace_layer(cell: GRUCell) -> None:
    cell.Wh = nn.Linear(5, 3, w_init=nn.init.Constant(0.5))


def replace_weight(cell: GRUCell) -> None:
    cell.Wh.weight = cell.Wrz.weight.replace(
        {"weight": jnp.full((5, 3), 0.3), "bias": jnp.full(3, 0.1)}
    )


def write_weight(cell: GRUCell) -> None:
    cell.Wh.weight.value = {"weight": jnp.full((5, 3), 0.3), "bias": jnp.full(3, 0.1)}


def edit_weight_in_place(cell: GRUCell) -> None:
    cell.Wh.weight.value["weight"] = jnp.full((5, 3), 0.2)


def drop_bias_in_place(cell: GRUCell) -> None:
    del cell.Wh.weight.value["bias"]


def mask_weight(cell: GRUCell) -> None:
    cell.Wh.w_mask = jnp.zeros((5, 3))


def change_activation(cell: GRUCell) -> None:
    cell.activation = jnp.sin


def write_hidden(cell: GRUCell) -> None:
    cell.h.value = jnp.full(3, 0.7)


def make_hidden_anew(cell: GRUCell) -> None:
    cell.h = HiddenState(jnp.full(3, -0.7))


CHANGES: list[Callable[[GRUCell], None]] = [
    replace_layer,
    replace_weight,
    write_weight,
    edit_weight_in_place,
    drop_bias_in_place,
    mask_weight,
    change_activation,
    write_hidden,
    make_hidden_anew,
]


def make_cell() -> GRUCell:
    cell = GRUCell(2, 3, w_init=nn.init.Constant(0.4))
    return init_all_states(cell)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_by_the_next_step(change: Callable[[GRUCell], None]) -> None:
    cell, same = make_cell(), make_cell()
    _ = cell(X), cell(X), jit(same)(X), jit(same)(X)
    assert prepared(cell, X) is not None
    before = cell.h.value
    change(cell)
    change(same)
    assert_close(cell(X), jit(same)(X))  # traced: nothing prepared
    assert_close(cell(X), jit(same)(X))
    assert not np.allclose(cell.h.value, before)


def test_a_batch_may_follow_single_inputs() -> None:
    cell = make_cell()
    single = cell(X)
    init_all_states(cell, batch_size=2)
    assert_close(cell(jnp.stack([X, X]))[0], single)


def test_wrong_input_raises_after_a_good_step() -> None:
    cell = make_cell()
    before = cell(X)
    with pytest.raises(InputError, match="the input has the wrong number of features"):
        cell(jnp.ones(5))
    with pytest.raises(InputError, match="the batch of the input is not that of the hidden state"):
        cell(jnp.ones((4, 2)))
    np.testing.assert_array_equal(cell.h.value, before)


def test_steps_inside_a_loop_are_those_outside() -> None:
    cell, same = make_cell(), make_cell()
    outside: list[Array] = [cell(X) for _ in range(3)]
    assert_close(for_loop(same, jnp.stack([X] * 3)), jnp.stack(outside))
    assert_close(same(X), cell(X))
