"""Mistakes with attention and transformers."""

import jax.numpy as jnp

from brainlite.nn import (
    MultiheadAttention,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
    functional,
)

X = jnp.ones((2, 5, 8))
attention = MultiheadAttention(8, 2)
MultiheadAttention(8, 2, batch_first=True)  # E: call-arg reportCallIssue
MultiheadAttention(8, "two")  # E: arg-type reportArgumentType
attention(X, mask=X)  # E: call-arg reportCallIssue
attention(X).shape  # E: attr-defined reportAttributeAccessIssue
attention.step(X, X)  # E: call-arg reportCallIssue
functional.scaled_dot_product_attention(X, X)  # E: call-arg reportCallIssue
layer = TransformerEncoderLayer(8, 2)
TransformerEncoderLayer(8, 2, batch_first=True)  # E: call-arg reportCallIssue
TransformerEncoderLayer(8, 2, activation="swish")  # E: arg-type reportArgumentType
TransformerEncoder(TransformerDecoderLayer(8, 2), 2)  # E: arg-type reportArgumentType
layer(X, mask=X)  # E: call-arg reportCallIssue
TransformerDecoder(TransformerDecoderLayer(8, 2), 2)(X)  # E: call-arg reportCallIssue
