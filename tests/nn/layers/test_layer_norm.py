"""Normalisation of each sample: torch's numbers, axes, masks, layouts and errors."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, OptionError, SizeError
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_norms import CASES, Case, compute
from tests.nn.layers.normalized import STORED, assert_as_torch, cases_of


@cases_of("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm")
def test_values_and_gradients_are_those_of_torch(case: Case) -> None:
    assert_as_torch(case, STORED[str(case)])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_itself_still_agrees(case: Case) -> None:
    pytest.importorskip("torch")
    assert_as_torch(case, compute(case))


def exact(x: Any, axes: Any, epsilon: float = 1e-6) -> Any:
    """Normalise by numpy in float64."""
    x = np.asarray(x, np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


X = np.random.RandomState(0).randn(2, 5, 6).astype(np.float32) + 2


def test_axes_are_those_of_in_size_however_they_are_counted() -> None:
    for axes in ((0, 1), (-2, -1), (-1, 0)):
        layer = nn.LayerNorm((5, 6), axes, axes)
        assert layer.weight is not None
        assert layer.weight.value["scale"].shape == (5, 6)
        assert_close(layer(jnp.asarray(X)), exact(X, (1, 2)))
    rows = nn.LayerNorm((5, 6), 0, 0)
    assert_close(rows(jnp.asarray(X)), exact(X, 1))


def test_what_is_masked_does_not_count() -> None:
    mask = np.array([True, True, True, True, False, False])
    found = nn.LayerNorm(6)(jnp.asarray(X), mask=mask)[..., :4]
    assert_close(found, exact(X[..., :4], -1))
    grouped = nn.GroupNorm((5, 6), num_groups=2)
    steps = np.arange(5) < 3
    found = grouped(jnp.asarray(X), mask=steps[:, None])[:, :3]
    parts = X[:, :3].reshape(2, 3, 2, 3)
    assert_close(found, exact(parts, (1, 3)).reshape(2, 3, 6))
    assert np.isfinite(np.asarray(nn.RMSNorm(6)(jnp.asarray(X), mask=np.zeros(6, bool)))).all()


def test_groups_of_channels_alone_take_the_first_axis_for_the_batch() -> None:
    whole = nn.GroupNorm((5, 6), num_groups=3)
    alone = nn.GroupNorm(6, num_groups=None, group_size=2)
    assert alone.num_groups == 3
    assert_close(alone(jnp.asarray(X)), whole(jnp.asarray(X)))
    np.testing.assert_allclose(
        alone(jnp.asarray(X[0])), exact(X[0].reshape(5, 3, 2), -1).reshape(5, 6), rtol=1e-3
    )


def test_groups_of_channels_in_front_as_torch_has_them() -> None:
    first, last = nn.GroupNorm((6, 5), 0, 2), nn.GroupNorm((5, 6), -1, 2)
    x = jnp.asarray(X)
    assert_close(first(x.swapaxes(1, 2)).swapaxes(1, 2), last(x))
    per_position = nn.GroupNorm((5, 6), num_groups=1, reduction_axes=-1)
    assert_close(per_position(x), nn.LayerNorm(6)(x))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: nn.LayerNorm((5, 6), 2), SizeError, r"reduction_axes(.|\n)*-2 to 1(.|\n)*got: +2"),
        (lambda: nn.LayerNorm(6, feature_axes=()), SizeError, r"LayerNorm: feature_axes"),
        (lambda: nn.RMSNorm(-6), SizeError, r"RMSNorm: in_size is no size"),
        (lambda: nn.RMSNorm(6, epsilon=-1.0), OptionError, r"epsilon(.|\n)*epsilon=-1.0"),
        (lambda: nn.GroupNorm(6), SizeError, r"divides 6(.|\n)*=32(.|\n)*\[1, 2, 3, 6\], and"),
        (lambda: nn.GroupNorm(6, num_groups=2, group_size=3), SizeError, r"not both(.|\n)*=3"),
        (lambda: nn.GroupNorm(6, num_groups=0), SizeError, r"num_groups=0, group_size=None"),
    ],
)
def test_what_does_not_fit_says_what_would(make: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_input_of_other_features_names_the_layer_in_the_model() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm((2, 6)))
    with pytest.raises(InputError, match=r"\[1\] \(LayerNorm\)(.|\n)*\*, 6\)(.|\n)*\(2, 4\)"):
        model(jnp.ones((2, 3)))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "make", [nn.LayerNorm, nn.RMSNorm, lambda n: nn.GroupNorm(n, num_groups=1)]
)
def test_numbers_whose_squares_are_infinite_become_zero_as_the_docstring_says(
    make: Any, dtype: str
) -> None:
    x = jnp.array([[1e30, -1e30, 2e30], [1.0, 2.0, 4.0]], dtype)
    y = make(3)(x)
    assert not y[0].any()
    assert_close(y[1], make(3)(x[1:])[0])
    assert y[1].any()


@pytest.mark.parametrize("scale", [1e-18, 1e-3, 1.0, 1e3, 1e18])
def test_numbers_of_any_size_whose_squares_are_finite_are_those_of_float64(scale: float) -> None:
    x = np.random.RandomState(0).randn(5, 8) * scale
    x = np.asarray(x, np.float32)
    layer = nn.LayerNorm(8, use_bias=False, use_scale=False)
    assert_close(layer(jnp.asarray(x)), exact(x, -1).astype(np.float32))


def test_the_order_of_torch_is_told_the_order_here() -> None:
    with pytest.raises(SizeError, match=r"write GroupNorm\(64, num_groups=8, epsilon=1e-5\)"):
        nn.GroupNorm(8, 64)
    assert nn.GroupNorm(64, num_groups=8)(jnp.ones((2, 64))).shape == (2, 64)
    untyped: Any = nn.LayerNorm
    with pytest.raises(SizeError, match=r"are no axes(.|\n)*write `epsilon=`"):
        untyped(4, 1e-5)
