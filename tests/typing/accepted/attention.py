"""Attention and transformers: results known to the checkers."""

from typing import assert_type

import jax.numpy as jnp

from brainlite.nn import MultiheadAttention, functional
from brainlite.typing import Array

X = jnp.ones((2, 5, 8))
attention = MultiheadAttention(8, 2, bias=False, kdim=3, dtype="bfloat16")
assert_type(attention(X, X, X, need_weights=False), tuple[Array, Array | None])
assert_type(attention.step(X), Array)
assert_type(attention.cache.value.length, Array)
assert_type(attention.in_proj_weight.value, Array)
assert_type(functional.scaled_dot_product_attention(X, X, X, is_causal=True), Array)
