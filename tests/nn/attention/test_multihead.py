"""MultiheadAttention: torch's values and gradients, masks, dropout, options, state dicts."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import (
    EnvironmentKeyError,
    OptionError,
    SizeError,
    StateDictError,
)
from brainlite.nn import MultiheadAttention
from brainlite.transform import grad, jit
from tests.closeness import assert_close
from tests.nn.attention.data import make_torch_attention as torch_side
from tests.nn.attention.parity import STORED, check, compute

CASES = torch_side.attention_cases()
X = brainlite.random.RandomState(1).randn(2, 5, 8)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    check(compute(CASES[name]), STORED[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_torch_itself(name: str) -> None:
    pytest.importorskip("torch")
    check(compute(CASES[name], 11), torch_side.compute(CASES[name], 11))


def test_keys_and_values_are_by_default_the_query() -> None:
    layer = MultiheadAttention(8, 2)
    apart, _ = layer(X, X + 0, X + 0)  # three products in place of one
    assert_close(layer(X)[0], apart)


def test_each_sample_is_for_itself_with_any_number_of_batch_axes() -> None:
    layer = MultiheadAttention(8, 2)
    mask = brainlite.random.RandomState(2).bernoulli(0.5, (3, 2, 1, 5, 5)) > 0
    xs = jnp.stack([X, -X, X + 1])
    whole, weights = layer(xs, attn_mask=mask)
    assert weights is not None
    assert weights.shape == (3, 2, 5, 5)
    alone, _ = layer(xs[1, 0], attn_mask=mask[1, 0, 0], need_weights=False)
    assert_close(whole[1, 0], alone)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("value", [True, -np.inf])
def test_a_query_that_may_read_nothing_reads_zeros(need_weights: bool, value: Any) -> None:
    layer = MultiheadAttention(8, 2)
    layer.out_proj.weight.value = {**layer.out_proj.weight.value, "bias": jnp.arange(8.0)}
    padding = jnp.zeros((2, 5), jnp.asarray(value).dtype).at[0].set(value)

    def run(x: Any) -> Any:
        return layer(x, key_padding_mask=padding, need_weights=need_weights)[0]

    np.testing.assert_array_equal(run(X)[0], np.broadcast_to(np.arange(8.0), (5, 8)))
    gradient = grad(lambda x: (run(x) ** 2).sum())(X)
    assert not gradient[0].any()
    assert np.isfinite(gradient).all()
    assert gradient[1].any()


def test_padding_on_the_left_and_causality_together_leave_no_nan() -> None:
    layer = MultiheadAttention(8, 2)
    padding = jnp.zeros((2, 5), bool).at[0, :2].set(True)
    output, _ = layer(X, key_padding_mask=padding, is_causal=True, need_weights=False)
    alone, _ = layer(X[0, 2:], is_causal=True)
    assert_close(output[0, 2:], alone)
    assert not output[0, :2].any()


def test_dropout_acts_in_training_on_the_weights() -> None:
    brainlite.random.seed(0)
    layer = MultiheadAttention(8, 2, dropout=0.25)
    with pytest.raises(EnvironmentKeyError, match=r"MultiheadAttention(.|\n)*context\(fit=True\)"):
        layer(X)
    plain = layer.eval()(X)[0]
    layer.train()
    run = jit(lambda x: layer(x, average_attn_weights=False))
    one, other = run(X), run(X)
    assert not np.allclose(one[0], other[0])
    assert one[1] is not None
    assert float((one[1] == 0).mean()) == pytest.approx(0.25, abs=0.15)
    many = jnp.stack([run(X)[0] for _ in range(200)])
    np.testing.assert_allclose(many.mean(0), plain, atol=0.25)
    assert_close(layer.eval()(X)[0], plain)


def test_softmax_is_exact_in_half_precision() -> None:
    layer = MultiheadAttention(64, 2, dtype="bfloat16")
    x = 4 * brainlite.random.RandomState(0).randn(3, 64)
    output, weights = layer(x)
    assert output.dtype == jnp.bfloat16
    assert layer.in_proj_weight.value.dtype == jnp.float32
    assert weights is not None
    np.testing.assert_allclose(weights.astype(float).sum(-1), 1, atol=0.01)
    fast, _ = layer(x, need_weights=False)
    np.testing.assert_allclose(fast.astype(float), output.astype(float), atol=0.1)
    half = MultiheadAttention(64, 2, param_dtype="float16")
    assert half(x)[0].dtype == jnp.float32
    assert {value.dtype for value in half.state_dict().values()} == {jnp.dtype("float16")}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: MultiheadAttention(8, 3), OptionError, r"num_heads(.|\n)*divisor of embed_dim=8"),
        (lambda: MultiheadAttention(8, 0), OptionError, r"num_heads=0"),
        (lambda: MultiheadAttention(-8, 2), SizeError, r"MultiheadAttention: embed_dim is no size"),
        (lambda: MultiheadAttention(8, 2, kdim=-1), SizeError, r"kdim is no size"),
        (lambda: MultiheadAttention(8, 2, 1.5), OptionError, r"0 to 1(.|\n)*dropout=1.5"),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_a_state_dict_goes_out_and_in_and_has_the_names_of_torch() -> None:
    one, other = MultiheadAttention(8, 2, kdim=3), MultiheadAttention(8, 2, kdim=3)
    entries = one.to_torch_state_dict()
    assert {name: value.shape for name, value in entries.items()} == {
        "q_proj_weight": (8, 8),
        "k_proj_weight": (8, 3),
        "v_proj_weight": (8, 8),
        "in_proj_bias": (24,),
        "out_proj.weight": (8, 8),
        "out_proj.bias": (8,),
    }
    other.load_torch_state_dict(entries)
    np.testing.assert_array_equal(one(X, X[..., :3], X)[0], other(X, X[..., :3], X)[0])
    with pytest.raises(StateDictError, match=r"MultiheadAttention: (.|\n)*missing: bias_k"):
        MultiheadAttention(8, 2, kdim=3, add_bias_kv=True).load_torch_state_dict(entries)


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", *(pytest.param(d, marks=pytest.mark.slow) for d in ("float32", "float16"))],
)
def test_two_masks_of_the_least_number_are_no_less_than_one(dtype: str) -> None:
    layer = MultiheadAttention(4, 2).to(dtype)
    x = jnp.asarray(np.random.RandomState(0).randn(2, 3, 4), dtype)
    finfo: Any = jnp.finfo  # which has no types
    least = finfo(dtype).min
    keys = jnp.array([[False, False, True], [True, True, True]])  # the second: none is left
    pairs = jnp.array([[False, True, True], [False, False, True], [False, False, True]])
    floats = [jnp.where(mask, least, 0).astype(dtype) for mask in (keys, pairs)]
    both, weights = layer(x, key_padding_mask=floats[0], attn_mask=floats[1])
    assert weights is not None
    assert bool(jnp.isfinite(both).all())
    assert bool(jnp.isfinite(weights).all())
    expected, _ = layer(x[0], key_padding_mask=keys[0], attn_mask=pairs)
    assert_close(both[0], expected, terms=16)

    def loss(x: Any) -> Any:
        return layer(x, key_padding_mask=floats[0], attn_mask=floats[1])[0].sum()

    assert bool(jnp.isfinite(grad(loss, argnums=0)(x)).all())
