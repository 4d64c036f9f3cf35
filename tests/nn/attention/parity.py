"""Compares attention and transformers with what torch computed, and with torch itself."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.attention.data.make_torch_attention import OWN, PATH, Case, draw, weigh

STORED: dict[str, Any] = dict(np.load(PATH))


def compute(case: Case, seed: int = 7, make: Any = None) -> np.ndarray[Any, Any]:
    """Return outputs and gradients in the order of the stored vector."""
    layer: Any = (getattr(nn, case.kind) if make is None else make)(**case.options)
    shapes = {name: value.shape for name, value in layer.to_torch_state_dict().items()}
    layer.load_torch_state_dict(draw(shapes, seed + 2))
    call = {k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in case.call.items()}
    inputs = tuple([jnp.asarray(each) for each in draw(case.inputs, seed).values()])

    def loss(inputs: Any) -> Any:
        found = layer(*(inputs * 3 if case.inputs == OWN else inputs), **call)
        results = [x for x in (found if isinstance(found, tuple) else (found,)) if x is not None]
        pairs = zip(results, weigh(results), strict=True)
        return sum([(each * weight).sum() for each, weight in pairs]), results

    params = layer.states(brainlite.ParamState)
    with brainlite.environ.context(fit=True):
        run: Any = jit(grad(loss, params, argnums=0, has_aux=True))
        (of_params, of_inputs), results = run(inputs)
    params.assign(of_params)  # so that they come out under torch's names, in torch's layout
    found = [*results, *of_inputs, *layer.to_torch_state_dict().values()]
    return np.concatenate([np.ravel(each) for each in found])


def some(cases: dict[str, Case], *default: str) -> pytest.MarkDecorator:
    """Run these cases by default, and the others with the slow tests."""
    marks = {name: () if name in default else (pytest.mark.slow,) for name in cases}
    return pytest.mark.parametrize("name", [pytest.param(n, marks=m) for n, m in marks.items()])


def check(found: Any, expected: Any) -> None:
    assert_close(found, expected)
