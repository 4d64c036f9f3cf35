"""Mistakes with dynamics that both checkers must find."""

from brainlite import nn, surrogate

nn.LIF(3, taus=5.0)  # E: call-arg reportCallIssue
nn.LIF(3, spk_reset=1)  # E: arg-type reportArgumentType
nn.LIF(3)("no")  # E: arg-type reportArgumentType
nn.EventLinear(3, 2)  # E: call-arg reportCallIssue
nn.Expon(3, g_initializer=None)  # E: arg-type reportArgumentType
surrogate.ReluGrad("steep")  # E: arg-type reportArgumentType
