"""Convolutions: torch's values and gradients, padding modes, options that do not go together."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import OptionError, SizeError
from brainlite.nn import Conv1d, Conv2d
from tests.closeness import assert_close
from tests.nn.layers.against_torch import assert_as_torch, of_kind
from tests.nn.layers.data.make_torch_spatial import Case, compute, draw


@of_kind("Conv")
def test_values_and_gradients_are_those_of_torch(case: Case) -> None:
    assert_as_torch(case)


@pytest.mark.slow
@of_kind("Conv")
def test_the_stored_results_are_what_torch_computes_here(case: Case) -> None:
    pytest.importorskip("torch")
    assert_as_torch(case, compute(case))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_named_padding_is_that_of_jax(padding: Any) -> None:
    layer = Conv2d((7, 6, 3), 2, (4, 3), stride=(2, 3), padding=padding, rhs_dilation=(1, 2))
    x = jnp.asarray(draw((1, 7, 6, 3), 0))
    expected = jax.lax.conv_general_dilated(
        x,
        layer.weight.value["weight"],
        (2, 3),
        padding,
        rhs_dilation=(1, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    assert_close(layer(x), expected)


def test_torchs_names_of_padding_are_understood() -> None:
    assert Conv1d((8, 3), 2, 3, padding="same").padding == "SAME"
    assert Conv1d((8, 3), 2, 3, padding="valid").out_size == (6, 2)


def test_same_with_a_stride_puts_what_is_odd_behind() -> None:
    same, explicit = (Conv1d((8, 1), 1, 3, 2, p, w_init=jnp.ones(())) for p in ("SAME", (0, 1)))
    x = jnp.asarray(draw((8, 1), 0))
    np.testing.assert_array_equal(same(x), explicit(x))


@pytest.mark.parametrize("padding", ["SAME", "VALID", 1])
def test_lhs_dilation_puts_zeros_between_the_input(padding: Any) -> None:
    x = draw((5, 2), 0)
    spread = np.zeros((9, 2), np.float32)
    spread[::2] = x
    dilated = Conv1d((5, 2), 3, 3, stride=3, padding=padding, lhs_dilation=2)
    plain = Conv1d((9, 2), 3, 3, stride=3, padding=padding)
    plain.load_state_dict(dilated.state_dict())
    assert dilated.out_size == plain.out_size
    assert_close(dilated(jnp.asarray(x)), plain(jnp.asarray(spread)))


def test_padding_mode_and_lhs_dilation_do_not_go_together() -> None:
    with pytest.raises(OptionError, match=r"(?s)Conv1d.*padding_mode='reflect'.*\(2,\).*fix:"):
        Conv1d((8, 3), 2, 3, lhs_dilation=2, padding_mode="reflect")


def test_unknown_options_are_named_with_those_that_are_known() -> None:
    mode: Any = "mirror"
    with pytest.raises(OptionError, match=r"(?s)Conv1d: padding_mode.*'circular'.*got:.*'mirror'"):
        Conv1d((8, 3), 2, 3, padding_mode=mode)
    padding: Any = "CAUSAL"
    with pytest.raises(OptionError, match=r"(?s)Conv2d: padding.*'SAME'.*got:.*'CAUSAL'.*fix:"):
        Conv2d((8, 8, 3), 2, 3, padding=padding)


@pytest.mark.parametrize(("mode", "most"), [("reflect", 2), ("circular", 3)])
def test_padding_is_no_wider_than_what_the_input_gives(mode: Any, most: int) -> None:
    Conv1d((3, 1), 1, 2, padding=most, padding_mode=mode)
    with pytest.raises(SizeError, match=rf"(?s)Conv1d.*{most} at most along an axis of 3.*fix:"):
        Conv1d((3, 1), 1, 2, padding=most + 1, padding_mode=mode)


def test_options_left_out_are_not_printed() -> None:
    assert str(nn.Conv1d((8, 2), 3, 3)).split("weight=")[0] == (
        "Conv1d(in_size=(8, 2), out_size=(8, 3), kernel_size=(3,), stride=(1,), "
    )
    assert "groups=2,\n" in str(nn.Conv1d((8, 2), 4, 3, groups=2))
