"""The table's rows of pooling layers."""

from typing import Any

import jax.numpy as jnp

from brainlite import nn
from brainlite.errors import InputError, OptionError, SizeError
from tests.nn.table.descriptor import Bad, Described, floats

LENGTH, PLANE, VOLUME = floats(7, 2), floats(5, 4, 2), floats(4, 3, 5, 2)
UNKNOWN: Any = "FULL"  # what a type checker would refuse

LAYERS = [
    Described(
        "MaxPool1d",
        lambda: nn.MaxPool1d(3, 2, 1, ceil_mode=True),
        (LENGTH,),
        bad=(
            Bad(lambda: nn.MaxPool1d(0), SizeError, r"MaxPool1d: kernel_size(.|\n)*at least 1"),
            Bad(lambda: nn.MaxPool1d(8)(LENGTH), InputError, r"larger than the input(.|\n)*7, in"),
        ),
    ),
    Described("MaxPool2d", lambda: nn.MaxPool2d(2, padding="SAME"), (PLANE,)),
    Described("MaxPool3d", lambda: nn.MaxPool3d((2, 1, 3)), (VOLUME,)),
    Described(  # batch axes count in the indices
        "MaxPool2d with indices",
        lambda: nn.MaxPool2d(2, return_indices=True),
        (PLANE,),
        batch=False,
    ),
    Described(
        "MaxUnpool1d",
        lambda: nn.MaxUnpool1d(2),
        (floats(1, 1), jnp.array([[1]])),
        batch=False,
        bad=(
            Bad(
                lambda: nn.MaxUnpool1d(2)(floats(3, 2), jnp.arange(6)),
                InputError,
                r"MaxUnpool1d: the indices do not fit(.|\n)*int32 of shape \(6,\)",
            ),
        ),
    ),
    Described(
        "MaxUnpool2d",
        lambda: nn.MaxUnpool2d((2, 1)),
        (floats(1, 1, 1), jnp.array([[[1]]])),
        batch=False,
    ),
    Described(
        "MaxUnpool3d",
        lambda: nn.MaxUnpool3d(2, channel_axis=None),
        (floats(1, 1, 1), jnp.array([[[5]]])),
        batch=False,
    ),
    Described(
        "AvgPool1d",
        lambda: nn.AvgPool1d(2),
        (LENGTH,),
        bad=(
            Bad(lambda: nn.AvgPool1d(2, padding=UNKNOWN), OptionError, r"'SAME'(.|\n)*'FULL'"),
            Bad(lambda: nn.AvgPool1d(2, -1), SizeError, r"AvgPool1d: stride is no size"),
        ),
    ),
    Described("AvgPool2d", lambda: nn.AvgPool2d(2, 2, ((1, 0), (0, 1))), (PLANE,)),
    Described("AvgPool3d", lambda: nn.AvgPool3d(3, padding=1, count_include_pad=True), (VOLUME,)),
    Described(
        "LPPool1d",
        lambda: nn.LPPool1d(2, 3),
        (LENGTH,),
        bad=(Bad(lambda: nn.LPPool1d(-1, 2), OptionError, r"LPPool1d: norm_type(.|\n)*got: .*-1"),),
    ),
    Described("LPPool2d", lambda: nn.LPPool2d(1.5, 2), (PLANE,)),
    Described("LPPool3d", lambda: nn.LPPool3d(3, 2, 1), (VOLUME,)),
    Described(
        "AdaptiveAvgPool1d",
        lambda: nn.AdaptiveAvgPool1d(3),
        (LENGTH,),
        bad=(
            Bad(lambda: nn.AdaptiveAvgPool1d(0), SizeError, r"AdaptiveAvgPool1d: target_size"),
            Bad(lambda: nn.AdaptiveAvgPool1d(3)(floats(7)), InputError, r"too few axes"),
        ),
    ),
    Described("AdaptiveAvgPool2d", lambda: nn.AdaptiveAvgPool2d((2, None)), (PLANE,)),
    Described("AdaptiveAvgPool3d", lambda: nn.AdaptiveAvgPool3d(2), (VOLUME,)),
    Described("AdaptiveMaxPool1d", lambda: nn.AdaptiveMaxPool1d(9), (LENGTH,)),
    Described("AdaptiveMaxPool2d", lambda: nn.AdaptiveMaxPool2d(1), (PLANE,)),
    Described("AdaptiveMaxPool3d", lambda: nn.AdaptiveMaxPool3d((2, 3, 4)), (VOLUME,)),
]
