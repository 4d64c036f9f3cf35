"""Kinds of linear layers, against numpy."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import InputError, SizeError
from brainlite.nn import init
from brainlite.transform import grad
from tests.closeness import assert_close

W = np.random.RandomState(0).randn(4, 3).astype(np.float32)
X = np.random.RandomState(1).randn(2, 5, 4).astype(np.float32)


def test_scaled_weight_is_standardised_then_masked() -> None:
    mask = np.ones((4, 3), np.float32)
    mask[0, 0] = 0
    layer = nn.ScaledWSLinear(4, 3, jnp.asarray(W), init.Constant(1.0), jnp.asarray(mask))
    standard = (W - W.mean(0)) / np.sqrt(W.var(0) * 4) * mask
    assert_close(layer(jnp.asarray(X)), X @ standard + 1)
    assert layer.weight.value["gain"].shape == (1, 3)
    assert set(nn.ScaledWSLinear(4, 3, ws_gain=False).weight.value) == {"weight", "bias"}


def test_gain_is_learned() -> None:
    layer = nn.ScaledWSLinear(4, 3, jnp.asarray(W))
    gradient = grad(lambda: layer(jnp.asarray(X)).sum(), layer.weight)()["gain"]
    standard = (W - W.mean(0)) / np.sqrt(W.var(0) * 4)
    np.testing.assert_allclose(gradient, (X @ standard).sum((0, 1))[None], atol=1e-4)


def test_signed_weights_have_the_given_signs() -> None:
    layer = nn.SignedWLinear(4, 3, jnp.asarray(W))
    assert_close(layer(jnp.asarray(X)), X @ abs(W))
    sign = np.sign(W[::-1])
    signed = nn.SignedWLinear(4, 3, jnp.asarray(W), jnp.asarray(sign))
    assert_close(signed(jnp.asarray(X)), X @ (abs(W) * sign))


def test_all_to_all_may_leave_out_the_diagonal() -> None:
    full = nn.AllToAll(4, 3, jnp.asarray(W), 1.0)
    assert_close(full(jnp.asarray(X)), X @ W + 1)
    layer = nn.AllToAll(4, 3, jnp.asarray(W), include_self=False)
    without = W * (1 - np.eye(4, 3, dtype=np.float32))
    assert_close(layer(jnp.asarray(X)), X @ without)
    gradient = grad(lambda: layer(jnp.asarray(X)).sum(), layer.weight)()["weight"]
    assert gradient.diagonal().tolist() == [0.0, 0.0, 0.0]


def test_one_to_one_weighs_each_element() -> None:
    w = np.random.RandomState(2).randn(5, 4).astype(np.float32)
    layer = nn.OneToOne((5, 4), jnp.asarray(w), 1.0)
    assert_close(layer(jnp.asarray(X)), X * w + 1)
    assert layer.out_size == (5, 4)
    for wrong in (jnp.ones((4, 5)), jnp.ones(4)):
        with pytest.raises(InputError, match=r"(?s)OneToOne.*\(\.\.\., 5, 4\)"):
            layer(wrong)


def test_lora_is_added_to_its_base() -> None:
    base = nn.Linear(4, 3)
    layer = nn.LoRA(4, 2, 3, base_module=base)
    a, b = (np.asarray(layer.weight.value[name]) for name in ("lora_a", "lora_b"))
    x = jnp.asarray(X)
    assert_close(layer(x), X @ a @ b + np.asarray(base(x)))
    assert_close(nn.LoRA(4, 2, 3)(x).shape, (2, 5, 3))
    start = nn.LoRA(4, 2, 3, base_module=base, lora_b_init=init.ZeroInit())
    np.testing.assert_array_equal(start(x), base(x))
    assert nn.LoRA(4, 2, 3, in_size=(5, 4)).out_size == (5, 3)


def test_lora_refuses_a_base_of_other_sizes() -> None:
    with pytest.raises(SizeError, match=r"(?s)LoRA.*3 in the last axis.*\(2,\)"):
        nn.LoRA(4, 2, 3, base_module=nn.Linear(4, 2))
    with pytest.raises(SizeError, match=r"(?s)LoRA.*4 in the last axis.*\(5,\)"):
        nn.LoRA(4, 2, 3, in_size=5)


def test_dtypes_of_all_kinds() -> None:
    x = jnp.ones(4)
    for make in (nn.ScaledWSLinear, nn.SignedWLinear, nn.AllToAll):
        layer = make(4, 3, dtype="bfloat16", param_dtype="float16")
        assert layer(x).dtype == jnp.bfloat16
    assert nn.OneToOne(4, dtype="bfloat16")(x).dtype == jnp.bfloat16
    assert nn.LoRA(4, 2, 3, dtype="bfloat16", param_dtype="float16")(x).dtype == jnp.bfloat16
