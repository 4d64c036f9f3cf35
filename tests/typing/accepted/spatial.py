"""Convolutions and layers that pad: a call returns an array."""

from collections.abc import Callable
from typing import assert_type

import jax.numpy as jnp
from jax import Array

from brainlite import nn
from brainlite.nn import init
from brainlite.typing import Shape

x = jnp.ones((8, 8, 2))

conv = nn.Conv2d((8, 8, 2), 4, 3, stride=(1, 2), padding=[(1, 1), (0, 2)], b_init=init.ZeroInit())
assert_type(conv(x), Array)
assert_type(conv.update(x), Array)
assert_type(conv.out_size, Shape)
assert_type(conv.kernel_size, Shape)
assert_type(conv.weight.value, dict[str, Array])
assert_type(nn.Conv1d((8, 2), 4, 3, padding="same", padding_mode="reflect")(x), Array)
assert_type(nn.Conv3d((8, 8, 8, 2), 4, 3, padding=(1, 2, 3), groups=2, dtype="bfloat16")(x), Array)
assert_type(nn.ConvTranspose1d((8, 2), 4, 3, 2, "SAME", output_padding=1)(x), Array)
assert_type(nn.ConvTranspose2d([8, 8, 2], 4, [3, 3], channel_first=False)(x), Array)
assert_type(nn.ConvTranspose3d((8, 8, 8, 2), 4, 3, w_init=jnp.ones(()))(x), Array)
assert_type(nn.ScaledWSConv1d((8, 2), 4, 3, ws_gain=False, eps=1e-5)(x), Array)
assert_type(nn.ScaledWSConv2d((8, 8, 2), 4, 3, w_mask=jnp.ones(()))(x), Array)
assert_type(nn.ScaledWSConv3d((8, 8, 8, 2), 4, 3, padding_mode="circular")(x), Array)
assert_type(nn.weight_standardization(x), Array)
assert_type(nn.weight_standardization(x, 1e-5, gain=jnp.ones(8), out_axis=0), Array)

assert_type(nn.ReflectionPad1d(1)(x), Array)
assert_type(nn.ReflectionPad2d((1, 2))(x), Array)
assert_type(nn.ReflectionPad3d([1, 2, 3], in_size=(4, 4, 4, 1), name="pad")(x), Array)
assert_type(nn.ReplicationPad1d((1, 2))(x), Array)
assert_type(nn.ReplicationPad2d([(1, 2), (3, 4)])(x), Array)
assert_type(nn.ReplicationPad3d(1)(x), Array)
assert_type(nn.CircularPad1d(1)(x), Array)
assert_type(nn.CircularPad2d(1)(x), Array)
assert_type(nn.CircularPad3d(1)(x), Array)
assert_type(nn.ZeroPad1d(1)(x), Array)
assert_type(nn.ZeroPad2d((1, 2, 3, 4))(x), Array)
assert_type(nn.ZeroPad3d(1)(x), Array)
assert_type(nn.ConstantPad1d(1, 2)(x), Array)
assert_type(nn.ConstantPad2d(1, 0.5, in_size=(4, 4, 1))(x), Array)
assert_type(nn.ConstantPad3d(1, value=0.5)(x), Array)
assert_type(nn.ZeroPad2d(1).padding, tuple[tuple[int, int], ...])

layer: Callable[[Array], Array] = conv
model = nn.Sequential(nn.ZeroPad2d(1), conv)
assert_type(model(x), Array)
