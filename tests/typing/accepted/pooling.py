"""Pooling layers: an array comes back, with indices two."""

from typing import Literal, assert_type

from jax import Array

from brainlite import nn


def windows(x: Array) -> None:
    assert_type(nn.MaxPool1d(2)(x), Array)
    assert_type(nn.MaxPool2d((2, 3), 2, "SAME", in_size=(8, 8, 3))(x), Array)
    assert_type(nn.MaxPool3d(2, padding=[(1, 0), (0, 1), (0, 0)], ceil_mode=True)(x), Array)
    assert_type(nn.AvgPool1d(2, channel_axis=None)(x), Array)
    assert_type(nn.AvgPool2d(2, None, 1, count_include_pad=True)(x), Array)
    assert_type(nn.AvgPool3d(2, (1, 2, 1), (0, 1, 0))(x), Array)
    assert_type(nn.LPPool1d(2, 2)(x), Array)
    assert_type(nn.LPPool2d(1.5, 2)(x), Array)
    assert_type(nn.LPPool3d(2, (1, 2, 2))(x), Array)


def indices(x: Array) -> None:
    pool = nn.MaxPool1d(2, return_indices=True)
    assert_type(pool, nn.MaxPool1d[Literal[True]])
    y, places = pool(x)
    assert_type(nn.MaxUnpool1d(2)(y, places), Array)
    assert_type(nn.MaxUnpool2d(2, padding=(0, 1))(y, places, output_size=(5, 4)), Array)
    assert_type(nn.MaxUnpool3d(2)(y, places, 5), Array)


def adaptive(x: Array) -> None:
    assert_type(nn.AdaptiveAvgPool1d(3)(x), Array)
    assert_type(nn.AdaptiveAvgPool2d((3, None))(x), Array)
    assert_type(nn.AdaptiveAvgPool3d([1, 2, 3])(x), Array)
    assert_type(nn.AdaptiveMaxPool1d(None, name="last")(x), Array)
    assert_type(nn.AdaptiveMaxPool2d(1, -3)(x), Array)
    assert_type(nn.AdaptiveMaxPool3d(1, in_size=(4, 4, 4, 2)).out_size, tuple[int, ...])


def in_a_model(x: Array) -> None:
    pool: nn.MaxPool2d = nn.MaxPool2d(2)
    assert_type(nn.Sequential(pool, nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))(x), Array)
