"""Runs this library's layers on the cases whose results from torch are stored."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import ParamState, nn
from brainlite.nn import init
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_spatial import (
    CASES,
    PATH,
    SPATIAL,
    Array,
    Case,
    draw,
    draw_input,
    draw_params,
)

_names = {"dilation": "rhs_dilation"}


def of_kind(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [c for c in CASES if c.kind == kind], ids=str)


def make(case: Case) -> Any:
    """Return this library's layer for a case, with its parameters."""
    options = {_names.get(name, name): value for name, value in case.options.items()}
    rank = case.rank
    if case.transposed:
        taken, steps = (
            np.broadcast_to(options.get(name, usual), rank)
            for name, usual in (("padding", 0), ("rhs_dilation", 1))
        )
        added = [int(d * (k - 1) - p) for d, k, p in zip(steps, case.kernel, taken, strict=True)]
        options["padding"] = [(n, n) for n in added]
    else:
        padding = options.get("padding", 0)
        options["padding"] = list(padding) if isinstance(padding, tuple) else padding
    params = draw_params(case)
    size = (*SPATIAL[rank], case.channels[0])
    kind: Any = getattr(nn, f"{case.kind}{rank}d")
    layer = kind(size, case.channels[1], case.kernel, b_init=init.ZeroInit(), **options)
    if "gain" in params:  # which torch does not have
        layer.weight.value = {name: jnp.asarray(value) for name, value in params.items()}
        return layer
    there = {"weight": to_torch(params["weight"], case), "bias": params["bias"].reshape(-1)}
    assert layer.load_torch_state_dict(there) == ([], [])
    return layer


def to_torch(weight: Array, case: Case) -> Array:
    """Return a weight in torch's layout, as `make_torch_spatial` hands it to torch."""
    groups = case.options.get("groups", 1)
    if not case.transposed:
        return np.moveaxis(weight, (-1, -2), (0, 1))
    *kernel, out, per_group = weight.shape
    parts = weight.reshape(*kernel, groups, out // groups, per_group)
    return np.moveaxis(parts, (-3, -1, -2), (0, 1, 2)).reshape(-1, out // groups, *kernel)


def run(layer: Any, x: Array) -> Array:
    """Return output and gradients of input and parameters, as one vector."""
    shape = (len(x), *layer.out_size)
    weights = jnp.asarray(draw(shape, 5))

    def loss(x: Any) -> tuple[Any, Any]:
        y = layer(x)
        return (y * weights).sum(), y

    params = layer.states(ParamState)
    found: Any = jit(grad(loss, params, argnums=0, has_aux=True))(jnp.asarray(x))
    (of_params, of_x), y = found
    names = ("weight", "bias", "gain")
    own: Any = [each[name] for each in of_params.values() for name in names if name in each]
    return np.concatenate([np.ravel(each) for each in (y, of_x, *own)])


def assert_as_torch(case: Case, expected: Array | None = None) -> None:
    """Compare with what is stored, or with what else was expected."""
    found = run(make(case), draw_input(case.rank, case.channels[0]))
    wanted: Array = np.load(PATH)[str(case)] if expected is None else expected
    assert_close(found, wanted)
