"""What all convolutions share: sizes, layouts, dtypes, masks, errors."""

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, SizeError
from brainlite.nn import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, init
from brainlite.nn._layers.convolution import convolve
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_spatial import draw

PADDINGS: tuple[Any, ...] = ("SAME", "VALID", 0, 2, (1, 2))


def combinations() -> list[Any]:
    """Return layers of many combinations of options, of one axis and of several."""
    layers: list[Any] = []
    numbers = itertools.product((1, 2, 3), (1, 2, 3), (1, 2), PADDINGS, (6, 7))
    for kernel, stride, dilation, padding, size in numbers:
        options: Any = {"padding": padding, "rhs_dilation": dilation}
        layers += [Conv1d((size, 2), 2, kernel, stride, lhs_dilation=n, **options) for n in (1, 2)]
        for extra in (0, 1) if padding != 0 else ():
            options["output_padding"] = extra
            layers.append(ConvTranspose1d((size, 2), 2, kernel, stride, **options))
    several: list[Any] = [
        nn.Conv2d((5, 6, 2), 4, (3, 2), (2, 1), [(0, 1), (2, 0)], groups=2),
        nn.Conv2d((2, 5, 6), 4, 3, 2, padding_mode="reflect", channel_first=True),
        nn.Conv3d((4, 5, 6, 1), 2, (1, 2, 3), 2, (0, 1, 2), rhs_dilation=(1, 1, 2)),
        nn.ConvTranspose2d((2, 3, 4), 2, (2, 3), (2, 3), rhs_dilation=2, channel_first=True),
        nn.ConvTranspose3d((2, 3, 4, 2), 2, 3, (1, 2, 3), "VALID", output_padding=(0, 1, 0)),
        nn.ScaledWSConv2d((5, 6, 2), 4, 3, 2, 1, groups=2),
    ]
    return layers + several


def test_out_size_is_the_shape_of_the_output() -> None:
    layers = combinations()
    assert len(layers) > 600
    for layer in layers:
        x = np.empty((1, *layer.in_size), np.float32)
        run = partial(convolve, layer._plan())
        y: Any = jax.eval_shape(run, layer.weight.value, layer.w_mask, x)
        assert y.shape == (1, *layer.out_size), layer


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_channel_first_is_the_same_with_the_axes_moved(kind: Any) -> None:
    last = kind((4, 5, 2), 3, (3, 2), 2, b_init=init.Normal())
    first = kind((2, 4, 5), 3, (3, 2), 2, b_init=init.Normal(), channel_first=True)
    params = last.weight.value
    assert first.weight.value["bias"].shape == (1, 3, 1, 1)
    bias = params["bias"].reshape(1, 3, 1, 1)
    first.weight.value = {"weight": params["weight"], "bias": bias}
    x = draw((2, 4, 5, 2), 0)
    moved = jnp.moveaxis(first(jnp.asarray(np.moveaxis(x, -1, 1))), 1, -1)
    assert_close(moved, last(jnp.asarray(x)))
    assert first.out_size == (3, *last.out_size[:2])


def test_any_number_of_batch_axes_may_be_in_front() -> None:
    layer = Conv1d((5, 2), 3, 3)
    x = jnp.asarray(draw((2, 3, 5, 2), 0))
    y = layer(x)
    assert y.shape == (2, 3, *layer.out_size)
    assert_close(y[1, 2], layer(x[1, 2]))
    assert layer(x[:0, 0]).shape == (0, *layer.out_size)


def test_mask_removes_weights_and_their_gradients() -> None:
    mask = jnp.asarray([1.0, 0.0, 1.0]).reshape(3, 1, 1)
    layer, plain = (Conv1d((6, 2), 2, 3, w_mask=each) for each in (mask, None))
    assert layer.w_mask is not None
    assert layer.w_mask.shape == (3, 2, 2)
    weight = layer.weight.value["weight"]
    plain.weight.value = {"weight": weight * mask}
    x = jnp.asarray(draw((6, 2), 0))
    assert_close(layer(x), plain(x))
    gradient = jit(grad(lambda: layer(x).sum(), layer.weight))()["weight"]
    assert not gradient[1].any()
    assert gradient[0].any()


def test_dtypes_are_promoted_or_chosen() -> None:
    x = jnp.ones((5, 2), jnp.bfloat16)
    assert Conv1d((5, 2), 3, 3)(x).dtype == jnp.float32
    layer = Conv1d((5, 2), 3, 3, b_init=init.ZeroInit(), dtype="bfloat16", param_dtype="float32")
    assert layer(x.astype(jnp.float32)).dtype == jnp.bfloat16
    assert {str(each.dtype) for each in layer.weight.value.values()} == {"float32"}
    assert Conv1d((5, 2), 3, 3)(jnp.ones((5, 2), int)).dtype == jnp.float32


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Conv2d((8, 3), 2, 3), r"Conv2d: in_size.*axes.*3 sizes: 2.*got:.*\(8, 3\)"),
        (lambda: Conv1d((-8, 3), 2, 3), r"Conv1d: in_size is no size.*-8"),
        (lambda: Conv1d((8, 3), 0, 3), r"Conv1d: out_channels.*at least 1.*out_channels=0"),
        (lambda: Conv1d((8, 3), 2, -3), r"Conv1d: kernel_size is no size.*-3"),
        (lambda: Conv2d((8, 8, 3), 2, (1, 2, 3)), r"Conv2d: kernel_size.*2 of them.*\(1, 2, 3\)"),
        (lambda: Conv1d((8, 3), 2, 3, 0), r"Conv1d: stride .*at least 1.*got:.*stride=0.*fix:"),
        (lambda: Conv1d((8, 3), 2, 3, padding=-1), r"Conv1d: padding.*0 or more.*got:.*-1"),
        (lambda: Conv1d((8, 4), 6, 3, groups=4), r"groups.*divisor of.*2.*groups=4, with 4 in.*6"),
        (lambda: Conv1d((4, 3), 2, 5, padding="VALID"), r"kernel is larger.*at least 5.*got:.*4"),
        (lambda: Conv1d((4, 3), 2, 3, 1, 0, 1, 2), r"kernel is larger.*at least 5.*dilation=\(2,"),
        (
            lambda: ConvTranspose1d((1, 3), 2, 5, padding=1),
            r"Transpose1d: the kernel is larger",
        ),
        (lambda: Conv1d((0, 3), 2, 3, padding=3), r"Conv1d: the kernel is larger.*in_size=\(0, 3"),
        (lambda: Conv1d((8, 3), 2, 3, w_init=jnp.ones((3, 3, 3))), r"\(3, 3, 2\).*\(3, 3, 3\)"),
    ],
)
def test_what_cannot_be_made_says_why(make: Any, match: str) -> None:
    with pytest.raises(SizeError, match=f"(?s){match}"):
        make()


class Net(nn.Module):
    def __init__(self) -> None:
        self.conv = Conv2d((4, 5, 2), 3, 3)

    def update(self, x: jax.Array) -> jax.Array:
        return self.conv(x)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        (
            (4, 5, 3),
            r"wrong number of channels.*\(\.\.\., 4, 5, 2\).*\(4, 5, 3\).*2 channels in",
        ),
        ((7, 2, 4, 5), r"wrong number of channels.*or make the layer with channel_first=True"),
        ((5, 2), r"too few axes.*\(\.\.\., 4, 5, 2\).*\(5, 2\)"),
        ((), r"too few axes"),
        ((7, 5, 5, 2), r"other sizes.*got:.*\(7, 5, 5, 2\).*make a layer for these sizes"),
    ],
)
def test_input_that_does_not_fit_is_refused_with_the_path(shape: Any, match: str) -> None:
    net = Net()
    with pytest.raises(InputError, match=f"(?s)conv.*{match}"):
        net(jnp.ones(shape))
    with pytest.raises(InputError, match=f"(?s)conv.*{match}"):
        jax.eval_shape(net, jnp.ones(shape))


def test_an_eager_call_is_one_compiled_function() -> None:
    layer = Conv1d((5, 2), 3, 3, b_init=init.Normal())
    x = jnp.asarray(draw((2, 5, 2), 0))
    assert_close(layer(x), jit(layer)(x))
