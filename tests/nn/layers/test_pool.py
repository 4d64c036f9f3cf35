"""Pooling with windows: torch's numbers, brainstate's conventions, layouts, and its errors."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, OptionError, SizeError
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_pooling import CASES, Case, compute
from tests.nn.layers.pooled import STORED, cases_of, run

UNKNOWN: Any = "FULL"  # what a type checker would refuse


@cases_of("MaxPool", "AvgPool", "LPPool")
def test_values_gradients_and_indices_are_those_of_torch(case: Case) -> None:
    assert_close(run(case), STORED[str(case)])


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_itself_still_agrees(case: Case) -> None:
    pytest.importorskip("torch")
    assert_close(run(case, seed=9), compute(case, seed=9))


def test_as_in_brainstate_a_mean_has_stride_one_and_leaves_padding_out() -> None:
    x = jnp.arange(1.0, 8.0)[:, None]
    assert nn.AvgPool1d(3)(x)[:, 0].tolist() == [2, 3, 4, 5, 6]
    assert nn.AvgPool1d(3, 2, 1)(x)[:, 0].tolist() == [1.5, 3, 5, 6.5]
    assert nn.AvgPool1d(2, 2, "SAME")(x)[:, 0].tolist() == [1.5, 3.5, 5.5, 7]
    assert nn.AvgPool1d(3, 2, [(1, 0)])(x)[:, 0].tolist() == [1.5, 3, 5]
    assert nn.AvgPool1d(3, None)(x)[:, 0].tolist() == [2, 5]


def test_as_in_brainstate_indices_count_the_whole_input() -> None:
    x = jnp.arange(64.0).reshape(2, 4, 4, 2)
    _, indices = nn.MaxPool2d(2, return_indices=True)(x)
    assert indices[1, :, :, 1].tolist() == [[43, 47], [59, 63]]


def test_the_channel_axis_is_left_alone_wherever_it_is() -> None:
    x = jnp.asarray(np.random.RandomState(0).randn(2, 5, 6, 3), jnp.float32)
    expected = nn.MaxPool2d(2)(x)
    for place in (-1, 3, -3, 1, 0, -4):
        moved = nn.MaxPool2d(2, channel_axis=place)(jnp.moveaxis(x, -1, place))
        np.testing.assert_array_equal(jnp.moveaxis(moved, place, -1), expected)
    without = nn.MaxPool2d(2, channel_axis=None)(x[..., 0])
    np.testing.assert_array_equal(without, expected[..., 0])


def test_sizes_follow_from_in_size() -> None:
    pool = nn.AvgPool2d((3, 2), 2, in_size=(7, 7, 4))
    assert (pool.in_size, pool.out_size) == ((7, 7, 4), (3, 3, 4))
    model = nn.Sequential(pool, nn.MaxPool2d(2), nn.Linear(4, 2))
    assert model(jnp.ones((7, 7, 4))).shape == (1, 1, 2)


def test_prints_what_was_given() -> None:
    text = str(nn.MaxPool2d(2))
    assert "kernel_size=(2, 2)" in text
    assert "ceil_mode" not in text
    assert "ceil_mode=True" in str(nn.AvgPool1d(2, ceil_mode=True))


def test_ints_and_bools_are_pooled() -> None:
    x = jnp.asarray([[-3], [-7], [-5], [-4]], jnp.int8)
    assert nn.MaxPool1d(2)(x)[:, 0].tolist() == [-3, -4]
    assert nn.MaxPool1d(2, padding=1)(x)[:, 0].tolist() == [-3, -5, -4]
    assert nn.MaxPool1d(2)(x).dtype == jnp.int8
    assert nn.MaxPool1d(2)(x > -4)[:, 0].tolist() == [True, False]
    assert nn.AvgPool1d(2, 2)(x)[:, 0].tolist() == [-5, -4.5]


def test_nan_is_the_maximum_with_and_without_indices() -> None:
    x = jnp.asarray([1.0, jnp.nan, 2.0, 3.0])
    values, indices = nn.MaxPool1d(2, channel_axis=None, return_indices=True)(x)
    np.testing.assert_array_equal(values, [jnp.nan, 3])
    np.testing.assert_array_equal(nn.MaxPool1d(2, channel_axis=None)(x), values)
    assert indices.tolist() == [1, 3]


def test_of_equal_elements_the_first_gets_the_gradient() -> None:
    def total(x: Any, pool: Any) -> Any:
        return sum(map(jnp.sum, [pool(x)[0] if pool.return_indices else pool(x)]))

    for pool in (nn.MaxPool1d(2), nn.MaxPool1d(2, return_indices=True)):
        gradient = grad(total, argnums=0)(jnp.ones((4, 1)), pool)
        assert gradient[:, 0].tolist() == [1, 0, 1, 0]


def test_means_of_low_precision_add_in_float32() -> None:
    x = jnp.full((4096, 1), 0.1, jnp.bfloat16)
    pooled = nn.AvgPool1d(4096)(x)
    assert pooled.dtype == jnp.bfloat16
    assert float(pooled[0, 0]) == float(x[0, 0])
    assert float(nn.LPPool1d(8, 2)(jnp.full((2, 1), 1e3, jnp.float16))[0, 0]) == 1000


@pytest.mark.parametrize("p", [0.5, 1, 2, 3.5])
def test_power_mean_at_zero_has_gradient_zero(p: float) -> None:
    pool = nn.LPPool1d(p, 2)
    x = jnp.asarray([[0.0], [0.0], [0.0], [2.0]])
    gradient = jit(grad(lambda x: pool(x).sum(), argnums=0))(x)
    assert np.isfinite(gradient).all()
    assert gradient[:2, 0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: nn.MaxPool2d((2, 2, 2)),
            SizeError,
            r"MaxPool2d: kernel_size(.|\n)*an int or 2 of them",
        ),
        (lambda: nn.MaxPool2d(0), SizeError, r"at least 1(.|\n)*kernel_size=0"),
        (lambda: nn.MaxPool2d(2, -1), SizeError, r"MaxPool2d: stride is no size"),
        (lambda: nn.AvgPool2d(2, 0), SizeError, r"stride(.|\n)*at least 1"),
        (
            lambda: nn.AvgPool1d(2, padding=2),
            SizeError,
            r"nothing but padding(.|\n)*got: .*padding=2",
        ),
        (lambda: nn.AvgPool1d(2, padding=UNKNOWN), OptionError, r"'SAME'(.|\n)*padding='FULL'"),
        (lambda: nn.AvgPool2d(2, padding=[(1, 0)] * 3), SizeError, r"2 pairs(.|\n)*\(1, 0\), \("),
        (lambda: nn.LPPool1d(0, 2), OptionError, r"LPPool1d: norm_type(.|\n)*norm_type=0"),
        (lambda: nn.LPPool1d(float("inf"), 2), OptionError, r"inf(.|\n)*use MaxPool"),
        (lambda: nn.MaxPool1d(9, in_size=(7, 2)), SizeError, r"MaxPool1d: the window is larger"),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (nn.MaxPool2d(3), (4, 2, 1), r"at least 3 elements along axis 1(.|\n)*\(4, 2, 1\)"),
        (nn.MaxPool2d(2), (4, 4), r"too few axes(.|\n)*2 axes to pool, channels in axis -1"),
        (nn.AvgPool2d(2, channel_axis=3), (4, 4, 1), r"channels in axis 3(.|\n)*channel_axis="),
    ],
)
def test_input_that_does_not_fit_is_refused(layer: Any, shape: Any, text: str) -> None:
    with pytest.raises(InputError, match=rf"Sequential\[0\] \(\w+Pool2d\): (.|\n)*{text}"):
        nn.Sequential(layer)(jnp.ones(shape))


@pytest.mark.parametrize("name", ["MaxPool1d", "AvgPool1d", "LPPool1d"])
def test_nan_stays_nan_in_its_windows(name: str) -> None:
    kind: Any = getattr(nn, name)
    pool = kind(2, 2, 2) if name == "LPPool1d" else kind(2, 2)
    x = jnp.array([[jnp.nan], [1.0], [2.0], [3.0], [1.0], [jnp.nan]])
    assert jnp.isnan(pool(x)[:, 0]).tolist() == [True, False, True]
