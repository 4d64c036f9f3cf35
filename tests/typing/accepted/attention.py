"""Attention and transformers: results known to the checkers."""

from typing import assert_type

import jax.numpy as jnp

from brainlite.nn import (
    LayerNorm,
    MultiheadAttention,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    functional,
    silu,
)
from brainlite.typing import Array

X = jnp.ones((2, 5, 8))
attention = MultiheadAttention(8, 2, bias=False, kdim=3, dtype="bfloat16")
assert_type(attention(X, X, X, need_weights=False), tuple[Array, Array | None])
assert_type(attention.step(X), Array)
assert_type(attention.cache.value.length, Array)
assert_type(attention.in_proj_weight.value, Array)
assert_type(functional.scaled_dot_product_attention(X, X, X, is_causal=True), Array)

encoder_layer = TransformerEncoderLayer(8, 2, 16, activation="gelu", norm_first=True)
decoder_layer = TransformerDecoderLayer(8, 2, 16, activation=silu, dtype="bfloat16")
encoder = TransformerEncoder(encoder_layer, 2, LayerNorm(8))
decoder = TransformerDecoder(decoder_layer, num_layers=2)
assert_type(encoder_layer(X, is_causal=True), Array)
assert_type(decoder_layer(X, X, tgt_is_causal=True), Array)
assert_type(encoder(X, is_causal=True), Array)
assert_type(encoder.step(X), Array)
assert_type(encoder.layers[0], TransformerEncoderLayer)
assert_type(decoder(X, encoder(X), memory_key_padding_mask=X[..., 0] > 0), Array)
assert_type(decoder.layers[0].step(X, X), Array)
assert_type(decoder.layers[0].multihead_attn.out_proj.weight.value, dict[str, Array])
