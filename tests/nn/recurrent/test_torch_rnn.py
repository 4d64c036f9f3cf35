"""RNN, GRU and LSTM against what torch computes, which tests/nn/recurrent/data holds."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.nn import GRU, LSTM, RNN
from brainlite.transform import grad, jit
from brainlite.typing import Array
from tests.closeness import assert_close
from tests.nn.recurrent.data.make_torch_recurrent import (
    CASES,
    FEATURES,
    HIDDEN,
    LENGTHS,
    PATH,
    RUNS,
    Case,
    compute,
    draw,
    draw_inputs,
)

# Each option with each value, in each class; to compile all combinations takes minutes.
QUICK = {
    *((CASES[i], "full") for i in (0, 18, 47)),
    *((CASES[i], "lengths") for i in (12, 29, 53, 76)),
    *((CASES[i], "unbatched") for i in (59, 77)),
}
ALL = [
    pytest.param(case, run, id=f"{case}-{run}", marks=[] if each in QUICK else pytest.mark.slow)
    for each in itertools.product(CASES, RUNS)
    for case, run in [each]
]


def make(case: Case, seed: int = 7) -> Any:
    """Return the layer with the parameters that torch had."""
    kinds: dict[str, Callable[..., Any]] = {"RNN": RNN, "GRU": GRU, "LSTM": LSTM}
    layer = kinds[case.kind](FEATURES, HIDDEN, **dict(case.options))
    shapes = {name: value.shape for name, value in layer.to_torch_state_dict().items()}
    layer.load_torch_state_dict(draw(shapes, seed + 2))
    return layer


def run_here(layer: Any, case: Case, run: str, seed: int = 7) -> Array:
    """Return output, final states and gradients as one vector, as the stored ones."""
    inputs, weights = draw_inputs(case, run, seed)
    x, *hx = [jnp.asarray(each) for each in inputs.values()]
    options = {"lengths": jnp.asarray(LENGTHS)} if run == "lengths" else {}
    params = layer.states(brainlite.ParamState)

    @jit
    def results(x: Array, hx: list[Array]) -> Any:
        def loss(x: Array, hx: list[Array]) -> Any:
            first = tuple(hx) if len(hx) > 1 else hx[0] if hx else None
            flat = jax.tree.leaves(layer(x, first, **options))
            pairs = zip(flat, weights.values(), strict=True)
            return sum((each * weight).sum() for each, weight in pairs), flat

        untyped: Any = grad(loss, params, argnums=(0, 1), has_aux=True)
        return untyped(x, hx)

    (found, (d_x, d_hx)), flat = results(x, hx)
    gradients = [d_x, *d_hx, *[found[name,] for name in layer.to_torch_state_dict()]]
    return jnp.concatenate([each.ravel() for each in (*flat, *gradients)])


@pytest.fixture(scope="module")
def stored() -> Any:
    with np.load(PATH) as file:
        return dict(file)


@pytest.mark.parametrize(("case", "run"), ALL)
def test_outputs_states_and_gradients_are_those_of_torch(case: Case, run: str, stored: Any) -> None:
    found = run_here(make(case), case, run)
    assert_close(found, stored[f"{case}/{run}"])


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_other_parameters_agree_with_torch_where_it_is_installed(case: Case, run: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed: `make bench` installs it")
    found = run_here(make(case, seed=20), case, run, seed=20)
    assert_close(found, compute(case, run, 20))
