"""Weights that are standardised, by themselves and in convolutions."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError
from brainlite.nn import Conv1d, ScaledWSConv1d, ScaledWSConv2d, weight_standardization
from tests.closeness import assert_close
from tests.nn.layers.against_torch import assert_as_torch, of_kind
from tests.nn.layers.data.make_torch_spatial import Case, compute, draw


@of_kind("ScaledWSConv")
def test_values_and_gradients_are_those_of_torch(case: Case) -> None:
    assert_as_torch(case)


@pytest.mark.slow
@of_kind("ScaledWSConv")
def test_the_stored_results_are_what_torch_computes_here(case: Case) -> None:
    pytest.importorskip("torch")
    assert_as_torch(case, compute(case))


def test_what_each_output_adds_up_has_mean_zero_and_variance_one() -> None:
    w = np.asarray(weight_standardization(jnp.asarray(draw((3, 2, 4), 0) + 5)), np.float64)
    assert_close(np.float32(w.sum((0, 1))), 0, scale=5.0)
    assert_close(np.float32((w**2).sum((0, 1))), 1)


def test_a_gain_multiplies_each_output_along_any_axis() -> None:
    w, gain = jnp.asarray(draw((3, 2, 4), 0)), jnp.asarray([1.0, 2.0, 3.0])
    plain = weight_standardization(w, out_axis=0)
    found = weight_standardization(w, gain=gain, out_axis=0)
    assert_close(found, plain * gain[:, None, None])
    assert_close(weight_standardization(w, gain=jnp.asarray(2.0)), 2 * weight_standardization(w))


def test_a_constant_weight_becomes_zero() -> None:
    assert not weight_standardization(jnp.full((3, 2), 7.0)).any()


def test_half_precision_is_standardised_in_single() -> None:
    w = jnp.asarray(draw((3, 3, 32, 2), 0) / 100).astype(jnp.float16)
    found = weight_standardization(w)
    assert found.dtype == jnp.float16
    expected = weight_standardization(w.astype(jnp.float32))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_axes_and_gains_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"(?s)weight_standardization.*\(3, 2\), out_axis=2"):
        weight_standardization(jnp.ones((3, 2)), out_axis=2)
    with pytest.raises(InputError, match=r"(?s)one gain for each.*a gain of shape \(3,\)"):
        weight_standardization(jnp.ones((3, 2)), gain=jnp.ones(3))


def test_the_mask_comes_after_the_standardisation() -> None:
    mask = jnp.asarray([1.0, 0.0, 1.0]).reshape(3, 1, 1)
    layer = ScaledWSConv1d((6, 2), 4, 3, ws_gain=False, w_mask=mask)
    assert set(layer.weight.value) == {"weight"}
    weight = weight_standardization(layer.weight.value["weight"]) * mask
    x = jnp.asarray(draw((6, 2), 0))
    assert_close(layer(x), Conv1d((6, 2), 4, 3, w_init=weight)(x))


def test_gains_start_from_one() -> None:
    gain = ScaledWSConv2d((6, 6, 2), 4, 3, param_dtype="bfloat16").weight.value["gain"]
    assert gain.shape == (1, 1, 1, 4)
    assert gain.dtype == jnp.bfloat16
    assert (gain == 1).all()
