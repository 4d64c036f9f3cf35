"""The table's rows of normalisations."""

from brainlite import nn
from brainlite.errors import InputError, SizeError
from tests.nn.table.descriptor import Bad, Described, floats

WRONG = floats(4, 5)

LAYERS = [
    Described(
        "LayerNorm",
        lambda: nn.LayerNorm((4, 6)),
        (floats(4, 6),),
        bad=(Bad(lambda: nn.LayerNorm((4, 6))(WRONG), InputError, r"LayerNorm.*features"),),
    ),
    Described(
        "RMSNorm",
        lambda: nn.RMSNorm(6),
        (floats(6),),
        bad=(Bad(lambda: nn.RMSNorm(6)(WRONG), InputError, r"RMSNorm.*features"),),
    ),
    Described(
        "GroupNorm",
        lambda: nn.GroupNorm((4, 6), num_groups=2),
        (floats(4, 6),),
        bad=(Bad(lambda: nn.GroupNorm(6, num_groups=4), SizeError, r"GroupNorm.*groups"),),
    ),
    Described("InstanceNorm", lambda: nn.InstanceNorm((4, 6)), (floats(4, 6),)),
    Described("BatchNorm0d", lambda: nn.BatchNorm0d(6), (floats(4, 6),), batch=False, mode=True),
    Described(
        "BatchNorm1d",
        lambda: nn.BatchNorm1d((4, 6)),
        (floats(4, 6),),
        mode=True,
        bad=(Bad(lambda: nn.BatchNorm1d(6), SizeError, r"BatchNorm1d: in_size"),),
    ),
    Described("BatchNorm2d", lambda: nn.BatchNorm2d((2, 3, 4)), (floats(2, 3, 4),), mode=True),
    Described(
        "BatchNorm3d", lambda: nn.BatchNorm3d((2, 1, 3, 4)), (floats(2, 1, 3, 4),), mode=True
    ),
]
