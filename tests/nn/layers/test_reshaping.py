"""Flatten and Unflatten: axes of the array, axes of one sample, and what does not fit."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError, SizeError
from brainlite.nn import Flatten, Unflatten

X = jnp.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


def test_flatten_counts_all_axes() -> None:
    np.testing.assert_array_equal(Flatten()(X), np.arange(120))
    np.testing.assert_array_equal(Flatten(1, 2)(X), np.arange(120).reshape(2, 12, 5))
    assert Flatten(-2)(X).shape == (2, 3, 20)


@pytest.mark.parametrize(
    ("start", "end", "out"), [(0, -1, (60,)), (1, -1, (3, 20)), (0, 1, (12, 5))]
)
def test_flatten_of_samples_keeps_the_batch(start: int, end: int, out: tuple[int, ...]) -> None:
    layer = Flatten(start, end, in_size=(3, 4, 5))
    assert layer.out_size == out
    assert layer(X[0]).shape == out
    assert layer(X[None]).shape == (1, 2, *out)


def test_unflatten_undoes_flatten() -> None:
    np.testing.assert_array_equal(Unflatten(0, (2, -1, 20))(Flatten()(X)), X.reshape(2, 3, 20))
    layer = Unflatten(0, (2, 3), in_size=(6, 4))
    assert layer.out_size == (2, 3, 4)
    assert layer(jnp.ones((7, 6, 4))).shape == (7, 2, 3, 4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"(?s)Flatten.*not there.*axes from 3 to -1.*\(2, 2\)"):
        Flatten(3)(jnp.ones((2, 2)))
    with pytest.raises(InputError, match=r"(?s)Flatten.*comes after the last"):
        Flatten(1, 0)(X)
    with pytest.raises(InputError, match=r"(?s)Flatten.*wrong shape.*\(3, 4, 5\).*\(3, 5, 4\)"):
        Flatten(in_size=(3, 4, 5))(jnp.ones((3, 5, 4)))
    with pytest.raises(InputError, match=r"(?s)Unflatten.*does not split.*\(2, 4\).*\(6,\)"):
        Unflatten(-1, (2, 4))(jnp.ones(6))
    with pytest.raises(SizeError, match=r"(?s)Unflatten.*at most one -1.*\(-1, -1\)"):
        Unflatten(0, (-1, -1))
    with pytest.raises(SizeError, match=r"(?s)Flatten.*in_size=\(3,\)"):
        Flatten(1, in_size=3)
