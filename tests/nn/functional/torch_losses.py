"""Computes the losses of the data from torch, and their gradients."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.nn import functional
from tests.closeness import assert_close
from tests.nn.functional.data import make_torch_losses as data

__all__ = ["check", "check_live"]


def check(losses: Sequence[str]) -> None:
    """Compare all cases of these losses with the stored results of torch."""
    cases = [case for case in data.CASES if case.loss in losses]
    stored = np.load(data.PATH)
    for case, found in zip(cases, compute(cases), strict=True):
        assert_close(found, stored[str(case)])


def check_live(losses: Sequence[str], seed: int) -> None:
    """Compare with torch itself, which has to be installed, on other inputs."""
    cases = [case for case in data.CASES if case.loss in losses]
    for case, found in zip(cases, compute(cases, seed), strict=True):
        assert_close(found, data.compute(case, seed))


def compute(cases: list[data.Case], seed: int = 7) -> list[Any]:
    """Return for each case what the data has for it, all in one compilation."""

    @jax.jit
    def run(inputs: list[Any]) -> Any:
        return [_results(case, each, seed) for case, each in zip(cases, inputs, strict=True)]

    results: list[Any] = run([data.draw(case, seed) for case in cases])
    return results


def _results(case: data.Case, inputs: list[Any], seed: int) -> Any:
    which = data.differentiable(case)
    function: Any = getattr(functional, case.loss)
    options = {k: jnp.asarray(v) if isinstance(v, list) else v for k, v in case.options.items()}

    def evaluate(leaves: list[Any]) -> Any:
        given = list(inputs)
        for n, leaf in zip(which, leaves, strict=True):
            given[n] = leaf
        results = [function(*given, reduction=each, **options) for each in data.REDUCTIONS]
        weights = data.draw_weights(results[0].shape, seed + 1)
        return jnp.sum(results[0] * weights) + results[-1], results

    gradients, results = jax.grad(evaluate, has_aux=True)([inputs[n] for n in which])
    return jnp.concatenate([jnp.ravel(x) for x in (*results, *gradients)])
