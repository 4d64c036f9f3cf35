"""Mistakes with convolutions and layers that pad."""

import jax.numpy as jnp

from brainlite import nn

x = jnp.ones((8, 2))

nn.Conv1d(8, 4, 3)  # E: arg-type reportArgumentType
nn.Conv1d((8, 2), 4)  # E: call-arg reportCallIssue
nn.Conv1d((8, 2), 4, 3, padding="CAUSAL")  # E: arg-type reportArgumentType
nn.Conv1d((8, 2), 4, 3, padding_mode="mirror")  # E: arg-type reportArgumentType
nn.Conv1d((8, 2), 4, 3.0)  # E: arg-type reportArgumentType
nn.Conv1d((8, 2), 4, 3)(x, x)  # E: call-arg reportCallIssue
nn.ConvTranspose1d((8, 2), 4, 3, lhs_dilation=2)  # E: call-arg reportCallIssue
nn.ScaledWSConv1d((8, 2), 4, 3, eps="small")  # E: arg-type reportArgumentType
nn.weight_standardization(x, gain=1.0)  # E: arg-type reportArgumentType
nn.ReflectionPad1d(1, value=2.0)  # E: call-arg reportCallIssue
nn.ZeroPad1d(0.5)  # E: arg-type reportArgumentType
nn.ConstantPad1d(1, "zero")  # E: arg-type reportArgumentType
