"""The table's rows of convolutions and of layers that pad."""

from brainlite.errors import InputError, SizeError
from brainlite.nn import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
    ScaledWSConv1d,
    ScaledWSConv2d,
    ScaledWSConv3d,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
    init,
)
from tests.nn.table.descriptor import Bad, Described, floats

ONE, TWO, THREE = (4, 2), (4, 3, 2), (3, 2, 3, 2)
BIAS = init.Normal()

LAYERS = [
    Described(
        "Conv1d",
        lambda: Conv1d(ONE, 2, 3, 2, padding_mode="circular", groups=2),
        (floats(*ONE),),
        bad=(
            Bad(lambda: Conv1d(ONE, 3, 3, groups=2), SizeError, r"Conv1d: groups(.|\n)*fix:"),
            Bad(lambda: Conv1d(ONE, 3, 3)(floats(4, 3)), InputError, r"number of channels"),
        ),
    ),
    Described(
        "Conv2d",
        lambda: Conv2d(TWO, 3, (3, 2), rhs_dilation=(1, 2), b_init=BIAS),
        (floats(*TWO),),
        bad=(
            Bad(lambda: Conv2d(TWO, 3, 3)(floats(3, 2)), InputError, r"too few axes"),
            Bad(lambda: Conv2d(TWO, 3, 3, stride=0), SizeError, r"Conv2d: stride(.|\n)*least 1"),
        ),
    ),
    Described(
        "Conv3d",
        lambda: Conv3d((2, 3, 2, 3), 2, 2, lhs_dilation=(2, 1, 1), channel_first=True),
        (floats(2, 3, 2, 3),),
        bad=(Bad(lambda: Conv3d(TWO, 3, 3), SizeError, r"Conv3d: in_size(.|\n)*4 sizes"),),
    ),
    Described(
        "ConvTranspose1d",
        lambda: ConvTranspose1d(ONE, 2, 3, 2, 1, output_padding=1, groups=2),
        (floats(*ONE),),
        bad=(
            Bad(lambda: ConvTranspose1d(ONE, 2, 3)(floats(5, 2)), InputError, r"other sizes"),
            Bad(
                lambda: ConvTranspose1d(ONE, 2, 3, output_padding=-1),
                SizeError,
                r"ConvTranspose1d: output_padding",
            ),
        ),
    ),
    Described(
        "ConvTranspose2d", lambda: ConvTranspose2d(TWO, 3, 3, 2, b_init=BIAS), (floats(*TWO),)
    ),
    Described(
        "ConvTranspose3d", lambda: ConvTranspose3d(THREE, 1, 2, (1, 2, 1)), (floats(*THREE),)
    ),
    Described("ScaledWSConv1d", lambda: ScaledWSConv1d(ONE, 3, 3), (floats(*ONE),)),
    Described("ScaledWSConv2d", lambda: ScaledWSConv2d(TWO, 3, 2, b_init=BIAS), (floats(*TWO),)),
    Described("ScaledWSConv3d", lambda: ScaledWSConv3d(THREE, 1, 2, 2), (floats(*THREE),)),
    Described(
        "ReflectionPad1d",
        lambda: ReflectionPad1d((2, 1)),
        (floats(*ONE),),
        bad=(Bad(lambda: ReflectionPad1d(4)(floats(4, 2)), InputError, r"3 at most along"),),
    ),
    Described(
        "ReflectionPad2d",
        lambda: ReflectionPad2d(1),
        (floats(*TWO),),
        bad=(Bad(lambda: ReflectionPad2d(1)(floats(4, 2)), InputError, r"2 spatial axes"),),
    ),
    Described("ReflectionPad3d", lambda: ReflectionPad3d((1, 0, 1)), (floats(*THREE),)),
    Described(
        "ReplicationPad1d",
        lambda: ReplicationPad1d((5, 1)),
        (floats(*ONE),),
        bad=(Bad(lambda: ReplicationPad1d((1, 2, 3)), SizeError, r"ReplicationPad1d: padding"),),
    ),
    Described("ReplicationPad2d", lambda: ReplicationPad2d((1, 2)), (floats(*TWO),)),
    Described("ReplicationPad3d", lambda: ReplicationPad3d(1), (floats(*THREE),)),
    Described("CircularPad1d", lambda: CircularPad1d((0, 4)), (floats(*ONE),)),
    Described("CircularPad2d", lambda: CircularPad2d((1, 2, 0, 1)), (floats(*TWO),)),
    Described("CircularPad3d", lambda: CircularPad3d(1), (floats(*THREE),)),
    Described("ZeroPad1d", lambda: ZeroPad1d(2), (floats(*ONE),)),
    Described("ZeroPad2d", lambda: ZeroPad2d((1, 0, 2, 1)), (floats(*TWO),)),
    Described("ZeroPad3d", lambda: ZeroPad3d((1, 0, 2)), (floats(*THREE),)),
    Described("ConstantPad1d", lambda: ConstantPad1d(1, -0.5), (floats(*ONE),)),
    Described("ConstantPad2d", lambda: ConstantPad2d((1, 2), 2.0), (floats(*TWO),)),
    Described("ConstantPad3d", lambda: ConstantPad3d(1, 1.0, in_size=THREE), (floats(*THREE),)),
]
