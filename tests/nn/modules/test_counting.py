"""Sizes of models, against sums by hand."""

import jax.numpy as jnp

import brainlite
from brainlite.nn import GRUCell, Linear, count_bytes, count_parameters, is_trainable


def test_parameters_are_counted_once_and_hidden_states_are_not() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    by_hand = (5 * 6 + 6) + (5 * 3 + 3)
    assert count_parameters(cell) == cell.num_parameters() == by_hand
    assert cell.num_bytes() == 4 * by_hand
    assert cell.half().num_bytes() == 2 * by_hand
    assert count_parameters([cell, {"again": cell}]) == by_hand


def test_a_filter_chooses_what_is_counted() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    cell.Wh.requires_grad_(False)
    assert count_parameters(cell, is_trainable) == 5 * 6 + 6
    assert count_parameters(cell, brainlite.HiddenState) == 3
    assert count_bytes(cell, ...) == count_bytes(cell) + 3 * 4


def test_each_leaf_counts_by_its_own_type() -> None:
    state = brainlite.ParamState({"a": jnp.ones(3, "bfloat16"), "b": 1.0, "c": jnp.arange(2)})
    assert count_parameters([state]) == 6
    assert count_bytes([state]) == 3 * 2 + 4 + 2 * 4
    assert count_parameters(Linear(2, 3, b_init=None)) == 6
