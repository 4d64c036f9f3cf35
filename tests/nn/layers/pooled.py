"""Runs a pooling layer on the cases of torch; tests/nn/layers/data has torch's results."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.transform import grad, jit
from tests.nn.layers.data.make_torch_pooling import CASES, PATH, Case, Vector, draw, draw_input

STORED = np.load(PATH)


def cases_of(*kinds: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=str(case)) for case in CASES if case.kind in kinds]
    return pytest.mark.parametrize("case", chosen)


def make(case: Case) -> Any:
    """Return the layer with the arguments that torch had."""
    options = dict(case.options)
    if "output_size" in options:
        options["target_size"] = options.pop("output_size")
    if case.kind == "AvgPool":
        options.setdefault("stride", None)
    return getattr(nn, f"{case.kind}{case.rank}d")(**options)


def run(case: Case, seed: int = 5) -> Vector:
    """Return what make_torch_pooling computes, from the layers here."""
    layer, x = make(case), jnp.asarray(draw_input(case, seed))

    def results(x: Any) -> Any:
        y = layer(x)
        y, more = (y[0], y[1:]) if isinstance(y, tuple) else (y, ())
        if case.kind == "LPPool":  # a mean of |x|^p, where torch has the sum
            options = dict(case.options)
            kernel = np.broadcast_to(options["kernel_size"], case.rank)
            y = y * math.prod(kernel.tolist()) ** (1 / options["norm_type"])
        return (y * draw(*y.shape, seed=seed + 1)).sum(), (y, *more)

    gradient, found = jit(grad(results, argnums=0, has_aux=True))(x)
    if case.kind == "MaxPool":
        places = {k: v for k, v in case.options if k in ("kernel_size", "stride", "padding")}
        unpool = getattr(nn, f"MaxUnpool{case.rank}d")(**places)
        unpooled = unpool(*found, output_size=x.shape)
        found = (found[0], within_a_channel(found[1], x.shape), unpooled)
    every = [np.asarray(each).ravel() for each in (*found, gradient)]
    return np.concatenate(every).astype(np.float32)


def within_a_channel(indices: Any, shape: tuple[int, ...]) -> Any:
    """Return places in the whole array as places in one channel of one sample."""
    places = np.unravel_index(np.asarray(indices), shape)[1:-1]
    return np.ravel_multi_index(places, shape[1:-1])
