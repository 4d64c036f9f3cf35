"""Mistakes with pooling layers."""

from jax import Array

from brainlite import nn


def mistakes(x: Array) -> None:
    nn.MaxPool2d()  # E
    nn.MaxPool2d("2")  # E
    nn.MaxPool2d(2.0)  # E
    nn.MaxPool2d(2, padding=(1.5, 1))  # E
    nn.MaxPool2d(2, celi_mode=True)  # E: call-arg reportCallIssue
    nn.MaxPool2d(2)(x)[0].ndims  # E: attr-defined reportAttributeAccessIssue
    values: Array = nn.MaxPool2d(2, return_indices=True)(x)  # E: assignment reportAssignmentType
    nn.AvgPool2d(2, count_include_pad="no")  # E: arg-type reportArgumentType
    nn.LPPool2d(kernel_size=2)  # E: call-arg reportCallIssue
    nn.MaxUnpool2d(2)(values)  # E: call-arg reportCallIssue
    nn.MaxUnpool2d(2, padding="SAME")  # E: arg-type reportArgumentType
    nn.AdaptiveAvgPool2d("global")  # E: arg-type reportArgumentType
    nn.AdaptiveMaxPool2d(2)(3)  # E: arg-type reportArgumentType
