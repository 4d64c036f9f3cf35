"""Maximum unpooling; torch's numbers are compared in test_pool.py, together with the indices."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, SizeError
from brainlite.transform import grad, jit


def test_puts_the_maxima_back_where_they_were() -> None:
    x = jnp.asarray(np.random.RandomState(0).rand(2, 4, 6, 3), jnp.float32)
    y, indices = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(y, indices)
    assert back.shape == x.shape
    spread = jnp.repeat(jnp.repeat(y, 2, 1), 2, 2)
    np.testing.assert_array_equal(back, jnp.where(x == spread, x, 0))


def test_default_size_is_the_smallest_that_gives_this_input() -> None:
    pool = nn.MaxUnpool1d(3, 2, 1, in_size=(4, 2))
    assert pool.out_size == (7, 2)
    assert nn.MaxUnpool1d(3, 2)(jnp.ones((1, 2, 1)), jnp.array([[[0], [3]]])).shape == (1, 5, 1)


@pytest.mark.parametrize("size", [(5, 4), (1, 5, 4, 2)])
def test_output_size_is_spatial_or_whole(size: tuple[int, ...]) -> None:
    x = jnp.arange(40.0).reshape(1, 5, 4, 2)
    y, indices = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(y, indices, output_size=size)
    assert back.shape == x.shape
    assert back.ravel()[indices.ravel()].tolist() == y.ravel().tolist()


@pytest.mark.parametrize(
    "spatial",
    [
        (4, 5),
        *(pytest.param(each, marks=pytest.mark.slow) for each in ((5, 5), (5, 7), (7, 4), (9, 8))),
    ],
)
@pytest.mark.parametrize("channels", [-1, 1, None])
def test_odd_lengths_are_put_back_right_or_refused(
    spatial: tuple[int, int], channels: int | None
) -> None:
    shape = {-1: (2, *spatial, 3), 1: (2, 3, *spatial), None: (2, *spatial)}[channels]
    x = jnp.asarray(np.random.RandomState(0).rand(*shape), jnp.float32)
    y, indices = nn.MaxPool2d(2, channel_axis=channels, return_indices=True)(x)
    unpool = nn.MaxUnpool2d(2, channel_axis=channels)
    text = r"MaxUnpool2d: .*outside of the window(.|\n)*output_size="
    with pytest.raises(InputError, match=text):
        unpool(y, indices)
    assert jnp.isnan(jit(unpool)(y, indices)).any()
    back = unpool(y, indices, output_size=spatial)
    kept = jnp.isin(jnp.arange(x.size), indices).reshape(shape)
    np.testing.assert_array_equal(back, jnp.where(kept, x, 0))
    np.testing.assert_array_equal(jit(lambda y, i: unpool(y, i, spatial))(y, indices), back)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("channels", [-1, 1, None])
def test_with_the_size_an_index_may_lead_anywhere_in_its_channel(
    channels: int | None, compiled: bool
) -> None:
    spatial = (4, 6)
    shape = {-1: (2, *spatial, 3), 1: (2, 3, *spatial), None: (2, *spatial)}[channels]
    pooled = {-1: (2, 2, 3, 3), 1: (2, 3, 2, 3), None: (2, 2, 3)}[channels]
    y = jnp.asarray(np.random.RandomState(2).rand(*pooled), jnp.float32)
    # Of each sample and channel other places, as in torch: drawn without a repetition.
    axis = {-1: (1, 2), 1: (2, 3), None: (1, 2)}[channels]
    flat = np.moveaxis(np.arange(np.prod(shape)).reshape(shape), axis, (-2, -1))
    lead = flat.shape[:-2]
    random = np.random.RandomState(3)
    chosen = np.stack([random.permutation(24)[:6] for _ in range(int(np.prod(lead)))])
    places = np.take_along_axis(flat.reshape(-1, 24), chosen, 1).reshape(*lead, 2, 3)
    indices = jnp.asarray(np.moveaxis(places, (-2, -1), axis), jnp.int32)
    unpool: Any = nn.MaxUnpool2d(2, channel_axis=channels)

    def sized(y: Any, indices: Any) -> Any:
        return unpool(y, indices, spatial)

    run = jit(sized) if compiled else sized
    expected = np.zeros(int(np.prod(shape)), np.float32)
    expected[np.asarray(indices).ravel()] = np.asarray(y).ravel()
    np.testing.assert_array_equal(run(y, indices), expected.reshape(shape))
    elsewhere = indices.at[(0,) * y.ndim].set(int(np.prod(shape)) - 1)  # in the last sample
    if compiled:
        assert jnp.isnan(run(y, elsewhere)).any()
    else:
        with pytest.raises(InputError, match=r"outside of the sample and channel"):
            run(y, elsewhere)


@pytest.mark.parametrize("wrong", [2.5, "text", [2.5, 3], None.__class__], ids=repr)
def test_the_size_of_the_output_is_a_size(wrong: Any) -> None:
    y, indices = jnp.ones((1, 1, 2)), jnp.zeros((1, 1, 2), "int32")
    with pytest.raises(SizeError, match=r"MaxUnpool1d: output_size is no size(.|\n)*got: +\S"):
        nn.MaxUnpool1d(2)(y, indices, output_size=wrong)


@pytest.mark.parametrize("size", [5, 6, 7, 11])
@pytest.mark.parametrize("window", [(3, 2, 1), (2, 3, 0), (3, 3, 1), (3, 1, 1)])
def test_any_windows_are_put_back_with_the_size(size: int, window: tuple[int, int, int]) -> None:
    kernel, stride, padding = window
    x = jnp.asarray(np.random.RandomState(1).rand(2, size, 3), jnp.float32)
    pool = nn.MaxPool1d(kernel, stride, padding, return_indices=True)
    y, indices = pool(x)
    back = nn.MaxUnpool1d(kernel, stride, padding)(y, indices, output_size=size)
    kept = jnp.isin(jnp.arange(x.size), indices).reshape(x.shape)
    np.testing.assert_array_equal(back, jnp.where(kept, x, 0))


def test_whole_numbers_in_wrong_places_are_the_greatest_under_jit() -> None:
    x = jnp.arange(25, dtype="uint8").reshape(5, 5)
    y, indices = nn.MaxPool2d(2, channel_axis=None, return_indices=True)(x)
    back = jit(nn.MaxUnpool2d(2, channel_axis=None))(y, indices)
    assert (back == 255).any()


def test_a_gradient_goes_to_the_values() -> None:
    indices = jnp.asarray([[1], [2]])
    weight = jnp.arange(4.0)[:, None]
    unpool = nn.MaxUnpool1d(2)
    gradient = grad(lambda y: (unpool(y, indices) * weight).sum(), argnums=0)(jnp.ones((2, 1)))
    assert gradient[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.MaxUnpool1d(2, padding=2), SizeError, r"MaxUnpool1d: .*nothing but padding"),
        (
            lambda: nn.MaxUnpool1d(2)(jnp.ones((2, 1)), jnp.ones((2, 1))),
            InputError,
            r"ints of shape \(2, 1\)(.|\n)*float32(.|\n)*return_indices=True",
        ),
        (
            lambda: nn.MaxUnpool1d(2)(jnp.ones((2, 1)), jnp.ones((1, 2, 1), int)),
            InputError,
            r"indices do not fit(.|\n)*\(1, 2, 1\)",
        ),
        (
            lambda: nn.MaxUnpool1d(2)(jnp.ones((2, 1)), jnp.ones((2, 1), int), (4, 2)),
            InputError,
            r"output_size does not fit(.|\n)*output_size=\(4, 2\)",
        ),
    ],
)
def test_mistakes_are_refused(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
