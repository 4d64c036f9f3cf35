"""Recurrent layers: results as in torch, known to the checkers."""

from typing import Any, assert_type

import jax.numpy as jnp

from brainlite.nn import GRU, LRU, LSTM, RNN, GRUCell, MinGRU, Recurrent, pad_sequences
from brainlite.typing import Array, Path

X = jnp.ones((5, 3, 2))
padded, lengths = pad_sequences([X[:, 0], X[:2, 1]], bucket=8)
assert_type(padded, Array)
assert_type(GRU(2, 4)(X, lengths=lengths), tuple[Array, Array])
assert_type(RNN(2, 4)(X), tuple[Array, Array])
assert_type(MinGRU(2, 4)(X), tuple[Array, Array])
assert_type(LRU(2, 4, r_min=0.9)(X), tuple[Array, Array])
assert_type(LRU(2, 4).nu_log.value, Array)
assert_type(LSTM(2, 4)(X), tuple[Array, tuple[Array, Array]])
assert_type(LSTM(2, 4).c.value, Array)
assert_type(LSTM(2, 4).weight_ih_l0.value, Array)
assert_type(Recurrent(GRUCell(2, 4))(X), tuple[Array, dict[Path, Any]])
