"""Initialisers make arrays; ``param`` keeps what it is given."""

from collections.abc import Callable
from typing import assert_type

import numpy as np
from jax import Array

from brainlite import ParamState
from brainlite.nn import Linear, init


def each_is_a_function_of_the_shape() -> None:
    every: list[init.Initializer] = [
        init.ZeroInit(),
        init.Constant(3.0),
        init.Identity(2.0),
        init.Normal(0.0, 1.0, seed=3),
        init.TruncatedNormal(scale=2.0, lower=-1.0),
        init.Uniform(-1.0, 1.0),
        init.Exponential(2.0),
        init.Gamma(2.0, scale=1.0),
        init.VarianceScaling(1.0, "fan_in", "normal"),
        init.KaimingNormal(),
        init.KaimingUniform(scale=1.0),
        init.XavierNormal(in_axis=0),
        init.XavierUniform(unit=init.Unit()),
        init.LecunNormal(mode="fan_avg"),
        init.LecunUniform(distribution="uniform"),
        init.Orthogonal(axis=0),
        init.DeltaOrthogonal(2.0),
    ]
    assert_type(every[0]((2, 3)), Array)
    assert_type(init.Normal()(3, "float32"), Array)
    function: Callable[[tuple[int, ...]], Array] = init.KaimingNormal()
    assert_type(function((2, 3)), Array)


def a_parameter(x: Array) -> None:
    assert_type(init.param(None, 3), None)
    assert_type(init.param(init.ZeroInit(), (2, 3), batch_size=4), Array)
    assert_type(init.param(2.0, 3), Array)
    assert_type(init.param(np.ones(3), 3), Array)
    assert_type(init.param(lambda shape: x, 3), Array)
    assert_type(init.param(ParamState(x), 3), ParamState[Array])
    assert_type(init.calculate_init_gain("leaky_relu", 0.1), float)


def layers_take_initialisers_functions_and_arrays(x: Array) -> None:
    assert_type(Linear(2, 3, w_init=init.XavierNormal(), b_init=None)(x), Array)
    assert_type(Linear((4, 2), (4, 3), w_init=lambda shape: x, b_init=0.0)(x), Array)
    assert_type(Linear([2], [3], w_mask=np.ones((2, 3)), name="readout")(x), Array)
