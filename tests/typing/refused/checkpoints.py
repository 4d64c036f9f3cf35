"""Mistakes with checkpoints, weight files and batches."""

import jax.numpy as jnp

from brainlite import checkpoint, nn
from brainlite.interop import safetensors, torch

X = jnp.ones((6, 2))
model = nn.Linear(2, 3)

checkpoint.save(3, model=model)  # E: arg-type reportArgumentType
checkpoint.save("runs", model)  # E: call-arg misc reportCallIssue
checkpoint.save("runs", step="1", model=model)  # E: arg-type reportArgumentType
checkpoint.Checkpointer("runs", keep="3")  # E: arg-type reportArgumentType
checkpoint.Checkpointer("runs").save(model=model)  # E: call-arg reportCallIssue
checkpoint.Checkpointer("runs").restore(model=model).step  # E: union-attr reportOptionalMemberAccess
safetensors.load("w.safetensors", "model")  # E: arg-type reportArgumentType
safetensors.save("w.safetensors", model, metadata={"epoch": 3})  # E: dict-item reportArgumentType
torch.load("w.pt", model, names=["a"])  # E: arg-type reportArgumentType
nn.batches(X)  # E: call-arg reportCallIssue
nn.mask_from_lengths("3")  # E: arg-type reportArgumentType
