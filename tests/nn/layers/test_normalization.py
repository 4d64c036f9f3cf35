"""What normalisations share: the moments, in which precision, and over which lanes."""

import os
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.nn._layers.normalization import Over, moments
from brainlite.transform import jit, vmap
from tests.closeness import assert_close

FAR = (1e4 + np.random.RandomState(0).randn(3, 50)).astype(np.float32)


@pytest.mark.parametrize("fast", [False, True])
def test_variance_far_from_zero_keeps_its_digits_unless_it_is_fast(fast: bool) -> None:
    found = moments(Over((-1,), 0.0, fast), jnp.asarray(FAR))
    exact = FAR.astype(np.float64).var(-1, keepdims=True)
    error = float(np.abs(np.asarray(found.var) / exact - 1).max())
    assert (error > 1e-2) if fast else (error < 1e-4)
    assert (np.asarray(found.var) >= 0).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_normalised_in_float32(dtype: str) -> None:
    x = jnp.asarray(np.random.RandomState(1).randn(4, 256) * 300, dtype)
    exact = np.asarray(x, np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / exact.std(-1, keepdims=True)
    # In float16 alone the squares would overflow.
    found = nn.LayerNorm(256, use_scale=False, use_bias=False)(x)
    assert found.dtype == dtype
    tolerance = 0.01 if dtype == "bfloat16" else 1e-3
    np.testing.assert_allclose(np.asarray(found, np.float64), exact, rtol=tolerance, atol=1e-3)


@pytest.mark.parametrize("masked", [False, True])
def test_lanes_of_a_named_axis_are_one_batch(masked: bool) -> None:
    x = jnp.asarray(np.random.RandomState(2).randn(4, 3, 5), jnp.float32)
    mask = jnp.arange(12).reshape(4, 3, 1) % 4 > 0 if masked else jnp.ones((4, 3, 1), bool)
    layer = nn.BatchNorm0d(5, axis_name="lanes").train()
    twin = nn.BatchNorm0d(5).train()
    found = jit(lambda x: vmap(lambda x, mask: layer(x, mask), axis_name="lanes")(x, mask))(x)
    assert_close(found, twin(x, mask))
    for name in ("running_mean", "running_var"):
        mine, other = getattr(layer, name).value, getattr(twin, name).value
        assert_close(mine, other)


# jax knows groups of lanes for devices only, and their number is set before jax is imported.
ON_FOUR_DEVICES = """
import jax, numpy as np, brainlite.nn as nn
options = {"track_running_stats": False}
groups = [[0, 1], [2, 3]]
layer = nn.BatchNorm0d(5, axis_name="lanes", axis_index_groups=groups, **options)
x = np.random.RandomState(3).randn(4, 3, 5).astype(np.float32)
found = jax.pmap(layer, axis_name="lanes")(x)
twin = nn.BatchNorm0d(5, **options)
for part in (slice(0, 2), slice(2, 4)):
    np.testing.assert_allclose(found[part], twin(x[part]), rtol=1e-5, atol=1e-5)
"""


def test_groups_of_devices_keep_to_themselves() -> None:
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", ON_FOUR_DEVICES]
    done = subprocess.run(command, env=os.environ | flags, capture_output=True, check=False)
    assert not done.returncode, done.stderr.decode()
