"""The table's rows of affine layers."""

from brainlite.errors import InputError, SizeError
from brainlite.nn import Linear
from tests.nn.table.descriptor import Bad, Described, floats

LAYERS = [
    Described(
        "Linear",
        lambda: Linear(3, 2),
        (floats(3),),
        bad=(
            Bad(lambda: Linear(-3, 2), SizeError, r"Linear: in_size is no size"),
            Bad(lambda: Linear(3, 2)(floats(4)), InputError, r"Linear.*features(.|\n)*3 in the"),
        ),
    ),
]
