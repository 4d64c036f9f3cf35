"""The table's rows of activations and dropout, and of embeddings."""

import jax.numpy as jnp

from brainlite import nn
from brainlite.errors import InputError, OptionError, SizeError
from brainlite.nn._layers import activations
from tests.nn.table.descriptor import Bad, Described, floats

_PLAIN = sorted(set(activations.__all__) - {"Threshold", "RReLU", "Softmax2d", "GLU"})
_WRONG = Bad(lambda: nn.Dropout(1.5), OptionError, r"Dropout.*probability")

LAYERS = [
    *(Described(name, getattr(nn, name), (floats(4, seed=3),)) for name in _PLAIN),
    Described("Identity", nn.Identity, (floats(4),)),
    Described("Threshold", lambda: nn.Threshold(0.1, 2.0), (floats(4),)),
    Described("RReLU", nn.RReLU, (floats(4, seed=3),), mode=True, draws=True),
    Described(
        "Softmax2d",
        nn.Softmax2d,
        (floats(2, 2, 2),),
        bad=(Bad(lambda: nn.Softmax2d()(floats(2)), InputError, r"Softmax2d.*wrong shape"),),
    ),
    Described(
        "GLU",
        nn.GLU,
        (floats(4),),
        bad=(Bad(lambda: nn.GLU()(floats(3)), InputError, r"GLU.*wrong shape"),),
    ),
    Described("Dropout", nn.Dropout, (floats(4),), mode=True, draws=True, bad=(_WRONG,)),
    Described("Dropout1d", nn.Dropout1d, (floats(2, 3),), mode=True, draws=True),
    Described("Dropout2d", nn.Dropout2d, (floats(2, 2, 3),), mode=True, draws=True),
    Described("Dropout3d", nn.Dropout3d, (floats(2, 2, 2, 3),), mode=True, draws=True),
    Described("AlphaDropout", nn.AlphaDropout, (floats(4),), mode=True, draws=True),
    Described(
        "FeatureAlphaDropout",
        nn.FeatureAlphaDropout,
        (floats(2, 3, 4),),
        batch=False,
        mode=True,
        draws=True,
    ),
    Described(
        "DropoutFixed",
        lambda: nn.init_all_states(nn.DropoutFixed(4)),
        (floats(4),),
        batch=False,
        mode=True,
    ),
    Described(
        "Embedding",
        lambda: nn.Embedding(5, 3, padding_idx=0, scale_grad_by_freq=True),
        (jnp.array([1, 4, 2]),),
        differentiable=False,
        dtypes=(),
        bad=(
            Bad(lambda: nn.Embedding(5, 3)(5), InputError, r"Embedding.*outside"),
            Bad(lambda: nn.Embedding(5, 3, padding_idx=9), SizeError, r"padding_idx"),
        ),
    ),
    Described(  # it writes the rows that it shortens
        "Embedding(max_norm)",
        lambda: nn.Embedding(5, 3, floats(5, 3), max_norm=0.5),
        (jnp.array([1, 4, 1]),),
        differentiable=False,
        slope=False,  # no gradient passes through the norm
        dtypes=(),
        bad=(Bad(lambda: nn.Embedding(5, 3, max_norm=0.0), OptionError, r"max_norm(.|\n)*=0\.0"),),
    ),
]
