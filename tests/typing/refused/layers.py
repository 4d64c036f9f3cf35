"""Mistakes with linear layers, embeddings, dropout and activations."""

import jax.numpy as jnp

from brainlite import nn

nn.LeakyReLU(slope=0.1)  # E: call-arg reportCallIssue
nn.Hardtanh("low")  # E: arg-type reportArgumentType
nn.GELU("erf")  # E: arg-type reportArgumentType
nn.Threshold(0.1)  # E: call-arg reportCallIssue
nn.Dropout(rate=0.5)  # E: call-arg reportCallIssue
nn.Dropout(0.5, 0.5, 0.5)  # E: arg-type reportArgumentType
nn.Embedding(10)  # E: call-arg reportCallIssue
nn.Embedding(10, 3, padding_idx="pad")  # E: arg-type reportArgumentType
nn.LoRA(4, 2)  # E: call-arg reportCallIssue
nn.Softmax(axis=-1)  # E: call-arg reportCallIssue
nn.Flatten()(jnp.ones(3), 1)  # E: call-arg reportCallIssue
