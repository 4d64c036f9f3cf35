"""The table's rows of affine layers, and of those that reshape."""

import jax.numpy as jnp
from jax.experimental.sparse import BCOO

from brainlite.errors import InputError, SizeError
from brainlite.nn import (
    AllToAll,
    Embedding,
    Flatten,
    Linear,
    LoRA,
    OneToOne,
    ScaledWSLinear,
    SignedWLinear,
    SparseLinear,
    TiedLinear,
    Unflatten,
)
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
    Described(
        "ScaledWSLinear",
        lambda: ScaledWSLinear(3, 2),
        (floats(3),),
        bad=(Bad(lambda: ScaledWSLinear((2, 3), 2), SizeError, r"ScaledWSLinear.*leading axes"),),
    ),
    Described(
        "SignedWLinear",
        lambda: SignedWLinear(3, 2),
        (floats(3),),
        bad=(Bad(lambda: SignedWLinear(3, 2, w_sign=floats(5)), SizeError, r"(3, 2)(.|\n)*(5,)"),),
    ),
    Described(
        "AllToAll",
        lambda: AllToAll(3, 3, include_self=False),
        (floats(3),),
        bad=(Bad(lambda: AllToAll(3, 3)(floats(4)), InputError, r"AllToAll.*features"),),
    ),
    Described(
        "OneToOne",
        lambda: OneToOne((2, 3)),
        (floats(2, 3),),
        bad=(Bad(lambda: OneToOne(3)(floats(4)), InputError, r"OneToOne.*wrong shape"),),
    ),
    Described(
        "SparseLinear",
        lambda: SparseLinear(BCOO.fromdense(jnp.array([[0.0, 2.0], [1.0, 0.0], [0.0, 3.0]]))),
        (floats(3),),
        bad=(
            Bad(
                lambda: SparseLinear(BCOO.fromdense(jnp.eye(3)))(floats(4)),
                InputError,
                r"SparseLinear.*features",
            ),
        ),
    ),
    Described(
        "LoRA",
        lambda: LoRA(3, 2, 4),
        (floats(3),),
        bad=(Bad(lambda: LoRA(3, 2, 4)(floats(4)), InputError, r"LoRA.*features"),),
    ),
    Described(
        "TiedLinear",
        lambda: TiedLinear(Embedding(4, 3)),
        (floats(3),),
        bad=(Bad(lambda: TiedLinear(Embedding(4, 3))(floats(4)), InputError, r"Tied.*features"),),
    ),
    Described(
        "Flatten",
        lambda: Flatten(in_size=(2, 3)),
        (floats(2, 3),),
        bad=(Bad(lambda: Flatten(2)(floats(3)), InputError, r"Flatten.*not there"),),
    ),
    Described(
        "Unflatten",
        lambda: Unflatten(0, (2, 3), in_size=6),
        (floats(6),),
        bad=(Bad(lambda: Unflatten(0, 5)(floats(3)), InputError, r"Unflatten.*split"),),
    ),
]
