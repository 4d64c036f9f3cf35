"""Activations and the other functions of ``nn.functional``."""

from collections.abc import Callable
from typing import assert_type

import numpy as np
from jax import Array

from brainlite.nn import functional
from brainlite.typing import Path


def activations(x: Array) -> None:
    each: list[Callable[[Array], Array]] = [
        functional.celu,
        functional.elu,
        functional.gelu,
        functional.glu,
        functional.hard_shrink,
        functional.hard_sigmoid,
        functional.hard_silu,
        functional.hard_swish,
        functional.hard_tanh,
        functional.leaky_relu,
        functional.log_sigmoid,
        functional.log_softmax,
        functional.mish,
        functional.prelu,
        functional.relu,
        functional.relu6,
        functional.rrelu,
        functional.selu,
        functional.sigmoid,
        functional.silu,
        functional.soft_shrink,
        functional.soft_sign,
        functional.softmax,
        functional.softmin,
        functional.softplus,
        functional.sparse_plus,
        functional.sparse_sigmoid,
        functional.squareplus,
        functional.standardize,
        functional.swish,
        functional.tanh,
        functional.tanh_shrink,
    ]
    assert_type(each[0](x), Array)
    assert_type(functional.relu(np.ones(3)), Array)
    assert_type(functional.relu(3.0), Array)
    assert_type(functional.leaky_relu(x, negative_slope=0.1), Array)
    assert_type(functional.gelu(x, approximate=False), Array)
    assert_type(functional.softmax(x, axis=(0, 1), where=x > 0), Array)
    assert_type(functional.glu(x, axis=0), Array)
    assert_type(functional.standardize(x, axis=None, epsilon=1e-3), Array)


def an_activation_by_name(x: Array) -> None:
    assert_type(functional.resolve_activation("tanh")(x), Array)
    assert_type(functional.resolve_activation(functional.relu), Callable[[Array], Array])
    assert_type(functional.is_pure(functional.relu), bool)


def others(x: Array, gradients: dict[Path, Array]) -> None:
    assert_type(functional.one_hot(x, 10, dtype="float32"), Array)
    assert_type(functional.logsumexp(x, axis=0, keepdims=True), Array)
    assert_type(functional.logsumexp(x, return_sign=True), tuple[Array, Array])
    assert_type(functional.clip_grad_norm(gradients, 1.0), dict[Path, Array])
    assert_type(
        functional.clip_grad_norm(gradients, 1.0, norm_type="inf", return_norm=True),
        tuple[dict[Path, Array], Array],
    )
