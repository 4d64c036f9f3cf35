"""Transposed convolutions: how they relate to torch's and jax's, and to plain ones."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.nn import Conv1d, ConvTranspose1d, ConvTranspose2d
from tests.closeness import assert_close
from tests.nn.layers.against_torch import assert_as_torch, of_kind
from tests.nn.layers.data.make_torch_spatial import Case, compute, draw


@of_kind("ConvTranspose")
def test_torchs_padding_is_what_is_left_of_the_kernel(case: Case) -> None:
    assert_as_torch(case)  # padding=rhs_dilation * (kernel_size - 1) - torch's


@pytest.mark.slow
@of_kind("ConvTranspose")
def test_the_stored_results_are_what_torch_computes_here(case: Case) -> None:
    pytest.importorskip("torch")
    assert_as_torch(case, compute(case))


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(1, 2), (2, 0)]])
@pytest.mark.parametrize("kernel", [(4, 3), (1, 2)])
def test_padding_is_that_of_jax(padding: Any, kernel: Any) -> None:
    layer = ConvTranspose2d((4, 3, 3), 2, kernel, (2, 3), padding, rhs_dilation=(1, 2))
    x = jnp.asarray(draw((1, 4, 3, 3), 0))
    expected = jax.lax.conv_transpose(
        x,
        layer.weight.value["weight"],
        (2, 3),
        padding,
        rhs_dilation=(1, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        transpose_kernel=True,
    )
    assert_close(layer(x), expected)


def test_the_sizes_have_their_names() -> None:
    assert ConvTranspose1d((5, 2), 3, 4, 2).out_size == (10, 3)
    assert ConvTranspose1d((5, 2), 3, 4, 2, "VALID").out_size == (12, 3)
    assert ConvTranspose1d((5, 2), 3, 2, 4, "VALID").out_size == (20, 3)
    assert ConvTranspose1d((5, 2), 3, 4, 2, output_padding=1).out_size == (11, 3)


def test_is_the_transpose_of_a_convolution() -> None:
    conv = Conv1d((9, 2), 3, 4, 2, "VALID")
    weight = conv.weight.value["weight"]
    turned = ConvTranspose1d(conv.out_size, 2, 4, 2, "VALID", w_init=weight)
    y = jnp.asarray(draw(conv.out_size, 0))
    (expected,) = jax.linear_transpose(conv, jnp.zeros((9, 2)))(y)
    assert_close(turned(y), expected[:8])
    assert not expected[8:].any()  # no window of stride 2 reaches the ninth element


def test_an_element_of_the_input_adds_the_kernel_as_it_is() -> None:
    kernel = jnp.asarray([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    layer = ConvTranspose1d((2, 1), 1, 3, 3, "VALID", w_init=kernel)
    assert layer(jnp.asarray([[0.0], [1.0]])).ravel().tolist() == [0, 0, 0, 1, 2, 3]
