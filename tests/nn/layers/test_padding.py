"""Layers that pad: torch's values and gradients in this library's order of axes."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, SizeError
from brainlite.nn import CircularPad1d, ConstantPad1d, ReflectionPad1d, ReflectionPad2d, ZeroPad2d
from tests.closeness import assert_close
from tests.nn.layers.against_torch import run
from tests.nn.layers.data.make_torch_spatial import (
    PADS,
    PATH,
    SPATIAL,
    Array,
    compute_pad,
    draw_input,
)

cases = pytest.mark.parametrize(("mode", "flat"), PADS)


def assert_pads_as(mode: str, flat: tuple[int, ...], expected: Array) -> None:
    rank = len(flat) // 2
    more: dict[str, Any] = {"value": 1.5} if mode == "Constant" else {}
    kind: Any = getattr(nn, f"{mode}Pad{rank}d")
    layer = kind(flat, **more, in_size=(*SPATIAL[rank], 1))
    assert_close(run(layer, draw_input(rank, 1)), expected)


@cases
def test_pads_as_torch_does_with_the_first_axis_first(mode: str, flat: tuple[int, ...]) -> None:
    assert_pads_as(mode, flat, np.load(PATH)[f"{mode}Pad{flat}"])


@pytest.mark.slow
@cases
def test_the_stored_results_are_what_torch_computes_here(mode: str, flat: tuple[int, ...]) -> None:
    pytest.importorskip("torch")
    assert_pads_as(mode, flat, compute_pad(mode, flat))


def test_padding_may_be_given_in_several_ways() -> None:
    assert ZeroPad2d(1).padding == ((1, 1), (1, 1))
    assert ZeroPad2d((1, 2)).padding == ((1, 1), (2, 2))
    assert ZeroPad2d((1, 2, 3, 4)).padding == ZeroPad2d([(1, 2), (3, 4)]).padding
    assert ConstantPad1d((1, 2), 5).padding == ((1, 2),)


def test_a_constant_is_put_around() -> None:
    assert ConstantPad1d((1, 2), 5)(jnp.ones((2, 1))).ravel().tolist() == [5, 1, 1, 5, 5]


def test_batch_axes_and_other_sizes_than_in_size_are_welcome() -> None:
    layer = ZeroPad2d((1, 0), in_size=(5, 6, 2))
    assert layer.out_size == (7, 6, 2)
    assert layer(jnp.ones((3, 4, 2, 2, 2))).shape == (3, 4, 4, 2, 2)


def test_a_reflection_is_narrower_than_the_input() -> None:
    x = jnp.ones((4, 3, 2))
    assert ReflectionPad2d((3, 2))(x).shape == (10, 7, 2)
    with pytest.raises(InputError, match=r"(?s)ReflectionPad2d.*2 at most along an axis of 3"):
        ReflectionPad2d((2, 3))(x)
    with pytest.raises(SizeError, match=r"(?s)ReflectionPad1d.*2 at most along an axis of 3"):
        ReflectionPad1d(3, in_size=(3, 1))


def test_a_circle_is_gone_around_once() -> None:
    x = jnp.asarray([[1.0], [2.0]])
    assert CircularPad1d((2, 0))(x).ravel().tolist() == [1, 2, 1, 2]
    with pytest.raises(InputError, match=r"(?s)CircularPad1d.*2 at most along an axis of 2"):
        CircularPad1d((3, 0))(x)


def test_nothing_cannot_be_repeated_but_surrounded() -> None:
    assert ZeroPad2d(1)(jnp.ones((0, 1, 2))).shape == (2, 3, 2)
    with pytest.raises(InputError, match=r"(?s)ReplicationPad1d.*0 at most along an axis of 0"):
        nn.ReplicationPad1d(1)(jnp.ones((0, 2)))


@pytest.mark.parametrize("padding", [(1, 2, 3), -1, 1.5, "SAME", [(1, 2, 3)], ()])
def test_padding_that_fits_no_axes_is_refused(padding: Any) -> None:
    with pytest.raises(SizeError, match=r"(?s)ZeroPad2d: padding .*expected:.*got:.*fix:"):
        ZeroPad2d(padding)


def test_wrong_ranks_are_refused() -> None:
    with pytest.raises(InputError, match=r"(?s)ZeroPad2d.*2 spatial axes.*shape \(4, 2\)"):
        ZeroPad2d(1)(jnp.ones((4, 2)))
    with pytest.raises(SizeError, match=r"(?s)ZeroPad2d: in_size.*in_size=\(2, 4, 4, 3\)"):
        ZeroPad2d(1, in_size=(2, 4, 4, 3))
