"""Runs a normalisation on the cases of torch; tests/nn/layers/data has torch's results."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_norms import CASES, PATH, Case, Vector, draw, inputs

STORED = np.load(PATH)


def cases_of(*kinds: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=str(case)) for case in CASES if case.kind in kinds]
    return pytest.mark.parametrize("case", chosen)


def make(case: Case) -> Any:
    """Return the layer with the arguments that torch had."""
    given = dict(case.options)
    options: dict[str, Any] = {}
    if "eps" in given:
        options["epsilon"] = given.pop("eps")
    if case.kind == "BatchNorm" and given.get("momentum", 0.1) is not None:
        options["momentum"] = 1 - given.pop("momentum", 0.1)
    if case.kind == "LayerNorm":
        affine = given.pop("elementwise_affine", True)
        options |= {"use_scale": affine, "use_bias": affine and given.pop("bias", True)}
    elif case.kind != "BatchNorm" and "affine" in given:
        options |= dict.fromkeys(("use_scale", "use_bias"), given.pop("affine"))
    spatial = case.kind == "BatchNorm" or case.rank > 1
    size = case.shape[1:] if spatial else case.shape[-1:]
    name = f"BatchNorm{case.rank}d" if case.kind == "BatchNorm" else case.kind
    return getattr(nn, name)(size, **options, **given)


def run(case: Case) -> Vector:
    """Return what make_torch_norms computes, from the layers here."""
    layer = make(case).train()
    state = layer.scale if case.kind == "RMSNorm" else layer.weight
    names = [] if state is None else [n for n in ("scale", "bias") if n in state.value]
    there = {
        "weight" if name == "scale" else "bias": draw((case.shape[-1],), seed + 3)
        for seed, name in enumerate(names)
    }
    layer.load_torch_state_dict(there, strict=False)  # the running averages come below
    first, second = map(jnp.asarray, inputs(case))
    layer(first)
    running = [getattr(layer, name, None) for name in ("running_mean", "running_var")]
    kept = [state for state in running if state is not None]
    if kept and not case.training:
        kept[1].value = _unbiased(kept[1].value, case, 1)
    layer.train(case.training)

    def loss(x: Any) -> tuple[Any, Any]:
        y = layer(x)
        return (y * draw(case.shape, 5)).sum(), y

    if state is None:
        of_x, y = jit(grad(loss, argnums=0, has_aux=True))(second)
        of_params: Any = {}
    else:
        found: Any = jit(grad(loss, layer.states(nn.is_trainable), argnums=0, has_aux=True))(second)
        (of_params, of_x), y = found
    own = [each[name] for each in of_params.values() for name in names]
    averages = [np.asarray(each.value).ravel() for each in kept]
    if kept and case.training:
        averages[1] = _unbiased(averages[1], case, 2)
    return np.concatenate([*map(np.ravel, (y, of_x, *own)), *averages])


def _unbiased(variance: Any, case: Case, calls: int) -> Any:
    """Return the running variance as torch keeps it: of n values, n / (n - 1) times that here."""
    count = np.prod(case.shape[:-1])
    momentum = dict(case.options).get("momentum", 0.1)
    first = 0 if momentum is None else (1 - momentum) ** calls  # what is left of the first, 1
    return first + (variance - first) * count / (count - 1)


def assert_as_torch(case: Case, expected: Vector) -> None:
    assert_close(run(case), expected)
