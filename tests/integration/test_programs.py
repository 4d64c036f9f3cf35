"""Whatever a program does with states, the transforms do what Python does, or raise."""

import itertools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from brainlite import transform
from brainlite.errors import BrainliteError
from tests.integration.programs import Block, Lifted, Outcome, Plain, outcome, programs, run

# Some twenty operations on numbers of size one, in float32, of which each may round.
RTOL, ATOL = 1e-4, 1e-4


def same(one: Outcome, other: Outcome) -> None:
    assert one.sharing == other.sharing
    np.testing.assert_allclose(one.values, other.values, rtol=RTOL, atol=ATOL)


_programs = itertools.count(1)


def compare(block: Block, *, compiled: bool) -> None:
    """Run a program three times: a second call must see what the first has left."""
    if next(_programs) % 100 == 0:
        # No program is wanted again, and thousands would fill the memory.
        jax.clear_caches()  # type: ignore[no-untyped-call]  # of jax
    plain, lifted = Plain(), Lifted()

    def program(x: Any) -> Any:
        return run(block, lifted, x)

    call = transform.jit(program) if compiled else program
    for x in (1.0, 2.0, -1.0):
        before = outcome(lifted.model)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                total = call(jnp.float32(x))
        except BrainliteError:
            if compiled:  # it left everything as it was
                same(outcome(lifted.model), before)
            return
        expected = run(block, plain, jnp.float32(x))
        same(outcome(lifted.model), outcome(plain.model))
        np.testing.assert_allclose(total, expected, rtol=RTOL, atol=ATOL)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_a_compiled_program_does_what_python_does(block: Block) -> None:
    compare(block, compiled=True)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_a_compiled_program_does_what_python_does_many_times(block: Block) -> None:
    compare(block, compiled=True)


@pytest.mark.slow
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_a_program_does_what_python_does_call_by_call(block: Block) -> None:
    compare(block, compiled=False)
