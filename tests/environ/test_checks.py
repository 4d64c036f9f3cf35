"""Settings that the library knows are checked."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.errors import OptionError


@pytest.mark.parametrize("precision", [7, 0, -32, 32.0, True, "half", "", "²", None, (32,)])
def test_an_unknown_precision_raises_and_changes_nothing(precision: Any) -> None:
    with pytest.raises(OptionError, match="the environment has no such precision") as error:
        environ.context(precision=precision).__enter__()
    assert "expected: one of 8, 16, 32, 64, 'bf16'" in str(error.value)
    assert f"got:      {precision!r}" in str(error.value)
    if precision is not None:
        with pytest.raises(OptionError, match="pass the width of floats in bits"):
            environ.set(dt=0.1, precision=precision)
    assert environ.all() == {"precision": 32}


@pytest.mark.parametrize("dt", [0.0, 0, -0.1, float("nan"), float("inf"), "0.1", True, [0.1, 0.0]])
def test_a_time_step_moves_time_on(dt: Any) -> None:
    environ.set(dt=0.5)
    for put in (environ.set, environ.context):
        with pytest.raises(OptionError, match=r"no time step(.|\n)*above 0(.|\n)*such as dt=0.1"):
            put(dt=dt)
    assert environ.get_dt() == 0.5
    for fits in (1, np.float32(0.1), jnp.asarray(0.1)):
        with environ.context(dt=fits):
            assert environ.get_dt() == fits
    environ.reset()
