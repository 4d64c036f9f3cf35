"""Adaptive pooling: torch's windows and numbers, and its errors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, SizeError
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_pooling import Case
from tests.nn.layers.pooled import STORED, cases_of, run


@cases_of("AdaptiveAvgPool", "AdaptiveMaxPool")
def test_values_and_gradients_are_those_of_torch(case: Case) -> None:
    assert_close(run(case), STORED[str(case)])


@pytest.mark.parametrize(("size", "target"), [(5, 3), (7, 10), (11, 4), (6, 2)])
def test_windows_are_the_rule_written_out(size: int, target: int) -> None:
    x = np.random.RandomState(size).permutation(size).astype(np.float32)
    ends = [(i * size // target, -(-(i + 1) * size // target)) for i in range(target)]
    windows = [x[start:end] for start, end in ends]
    maxima = nn.AdaptiveMaxPool1d(target, None)(jnp.asarray(x))
    assert maxima.tolist() == [window.max() for window in windows]
    means = nn.AdaptiveAvgPool1d(target, None)(jnp.asarray(x))
    assert_close(means, [window.mean() for window in windows])


def test_without_remainder_no_element_is_gathered() -> None:
    pool = nn.AdaptiveAvgPool2d((2, 3))
    text = str(jax.make_jaxpr(pool)(jnp.ones((4, 9, 1))))
    assert "gather" not in text
    assert "gather" in str(jax.make_jaxpr(pool)(jnp.ones((5, 9, 1))))


def test_ints_have_float_means_and_int_maxima() -> None:
    x = jnp.arange(6)
    assert nn.AdaptiveAvgPool1d(2, None)(x).dtype == jnp.float32
    assert nn.AdaptiveMaxPool1d(2, None)(x).tolist() == [2, 5]
    assert nn.AdaptiveAvgPool1d(1, None)(jnp.full(4096, 0.1, jnp.bfloat16)).dtype == jnp.bfloat16


def test_sizes_follow_from_in_size() -> None:
    pool = nn.AdaptiveAvgPool2d((3, None), in_size=(7, 5, 4))
    assert (pool.in_size, pool.out_size) == ((7, 5, 4), (3, 5, 4))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), SizeError, r"AdaptiveAvgPool2d: target_size"),
        (lambda: nn.AdaptiveMaxPool1d(0), SizeError, r"each at least 1(.|\n)*target_size=0"),
        (lambda: nn.AdaptiveMaxPool1d(-2), SizeError, r"target_size is no size"),
        (lambda: nn.AdaptiveAvgPool1d(2)(jnp.ones((0, 3))), InputError, r"nothing to pool"),
        (lambda: nn.AdaptiveAvgPool2d(2)(jnp.ones((4, 3))), InputError, r"too few axes"),
    ],
)
def test_mistakes_are_refused(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
