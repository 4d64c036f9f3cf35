"""Saving, restoring, exchanging and feeding, known to the checkers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import jax.numpy as jnp
import numpy as np

import brainlite
from brainlite import checkpoint, nn
from brainlite.checkpoint import Checkpointer, Report
from brainlite.graph import PathContains
from brainlite.interop import safetensors, torch
from brainlite.typing import Array

X = jnp.ones((6, 2))
model = nn.Linear(2, 3)
folder = Path("runs")

checkpoint.save(folder, model=model)
checkpoint.save("runs/1", step=1, select=PathContains("encoder"), metadata={"note": [1]}, loss=0.5)
assert_type(checkpoint.restore(folder, model=model), Report)
report = checkpoint.restore(folder, strict=False, select=..., model=model, loss=0.0)
assert_type(report.step, int | None)
assert_type(report.missing, tuple[str, ...])
assert_type(report.values, dict[str, Any])
assert_type(report.exact, bool)

with Checkpointer(folder, keep=3, every=100) as saver:
    assert_type(saver.restore(model=model), Report | None)
    assert_type(saver.save(100, model=model, force=True, wait=True), bool)
    assert_type(saver.steps, list[int])
    saver.wait()

safetensors.save("model.safetensors", model, metadata={"made": "today"})
safetensors.save(folder / "arrays.safetensors", {"x": X, "y": np.ones(3)})
assert_type(safetensors.load(folder, model, strict=False, prefix="net."), nn.IncompatibleKeys)
assert_type(safetensors.read("model.safetensors"), dict[str, np.ndarray[Any, Any]])
assert_type(safetensors.metadata("model.safetensors"), dict[str, str])
assert_type(torch.load("model.pt", model, names={"a": "b"}), nn.IncompatibleKeys)
torch.save("model.pt", model)

feed = nn.batches((X, X), 2, brainlite.random.split_key(), drop_last=True)
assert_type(feed, nn.Batches[tuple[Array, Array]])
rows, labels = next(iter(feed))
assert_type(rows, Array)
feed.set_state(feed.get_state())
bar = nn.progress(nn.batches(X, 2), "epoch 1", leave=False)
assert_type(bar, nn.Progress[Array])
steps: Iterator[Array] = iter(bar)
bar.show(loss=jnp.zeros(()), rate=0.1)
assert_type(nn.mask_from_lengths([3, 1], steps=4, batch_first=True), Array)
