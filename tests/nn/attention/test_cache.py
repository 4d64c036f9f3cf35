"""Attention step by step: the same as all at once, in any transform, until the cache is full."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, SizeError, StateMissingError
from brainlite.nn import MultiheadAttention, init_all_states, reset_all_states
from brainlite.transform import for_loop, grad, jit, vmap
from tests.closeness import assert_close

B, T, E = 3, 5, 8
X = brainlite.random.RandomState(1).randn(B, T, E)


def make(**options: Any) -> tuple[MultiheadAttention, Any]:
    """Return a layer with an empty cache, and its output all at once."""
    brainlite.random.seed(0)
    layer = MultiheadAttention(E, 2, **options)
    init_all_states(layer, batch_size=B, max_length=T + 1)
    return layer, layer(X, is_causal=True)[0]


@pytest.mark.parametrize("options", [{}, {"add_bias_kv": True, "add_zero_attn": True}])
def test_step_by_step_is_as_all_at_once(options: Any) -> None:
    layer, whole = make(**options)
    assert_close(jnp.stack([layer.step(x) for x in X.swapaxes(0, 1)], 1), whole)
    reset_all_states(layer, batch_size=B)
    assert_close(for_loop(layer.step, X.swapaxes(0, 1)).swapaxes(0, 1), whole)


def test_a_prompt_is_read_at_once_and_steps_follow_under_jit() -> None:
    layer, whole = make()
    step = jit(layer.step)
    assert_close(step(X[:, :3]), whole[:, :3])
    for time in (3, 4):
        assert_close(step(X[:, time]), whole[:, time])
    assert layer.cache.value.length.tolist() == [5, 5, 5]


def test_lanes_of_vmap_have_a_cache_each() -> None:
    layer, whole = make()
    hidden = layer.states(brainlite.HiddenState)
    step = vmap(layer.step, in_states={0: hidden}, out_states={0: hidden})
    assert_close(step(X[:, 0]), whole[:, 0])
    assert_close(step(X[:, 1:]), whole[:, 1:])


def test_a_single_sequence_has_no_batch_axis() -> None:
    layer, whole = make()
    init_all_states(layer, max_length=T)
    assert_close(for_loop(layer.step, X[1]), whole[1])


def test_padded_prompts_go_on_from_their_own_lengths() -> None:
    layer, whole = make()
    layer.step(X.at[1, 2:4].set(99.0)[:, :4])
    layer.cache.value = layer.cache.value._replace(length=jnp.asarray([4, 2, 4]))
    assert_close(layer.step(X[:, 2])[1], whole[1, 2])
    assert_close(layer.step(X[:, 3])[1], whole[1, 3])


def test_gradients_pass_through_the_cache() -> None:
    layer, _ = make()
    params = layer.states(brainlite.ParamState)

    def by_steps() -> Any:
        init_all_states(layer, batch_size=B, max_length=T)
        return (for_loop(layer.step, X.swapaxes(0, 1)) ** 2).sum()

    found = jit(grad(by_steps, params))()
    expected = grad(lambda: (layer(X, is_causal=True, need_weights=False)[0] ** 2).sum(), params)()
    for path, each in expected.items():
        for one, other in zip(
            *[v.values() if isinstance(v, dict) else [v] for v in (found[path], each)], strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-4)


def test_a_full_cache_is_an_error_and_under_a_transform_nan() -> None:
    layer, whole = make()
    layer.step(X[:, :4])
    with pytest.raises(InputError, match=r"cache is full(.|\n)*at most 6(.|\n)*4 .*, and 3 now"):
        layer.step(X[:, :3])
    assert_close(layer.step(X[:, 4]), whole[:, 4])  # the call that failed has changed nothing
    layer.step(X[:, 0])
    assert np.isnan(jit(layer.step)(X[:, 0])).all()
    with pytest.raises(InputError, match=r"cache is full(.|\n)*max_length"):
        layer.step(X[:, 0])
    assert_close(reset_all_states(layer, batch_size=B).step(X[:, 0]), whole[:, 0])
    partly = init_all_states(layer, batch_size=B, max_length=T)
    partly.step(X[:, :4])
    assert np.isnan(jit(partly.step)(X[:, :2])).all()


def test_what_does_not_fit_the_cache_is_refused() -> None:
    layer = MultiheadAttention(E, 2)
    with pytest.raises(StateMissingError, match=r"no cache(.|\n)*max_length=\.\.\."):
        layer.step(X[:, 0])
    init_all_states(layer, batch_size=2)  # as for other layers of a model
    assert not hasattr(layer, "cache")
    init_all_states(layer, batch_size=2, max_length=4)
    with pytest.raises(InputError, match=r"batch of the cache(.|\n)*\(2, 8\)(.|\n)*\(3, 8\)"):
        layer.step(X[:, 0])
    with pytest.raises(InputError, match=r"query is no(.|\n)*time, 8\)(.|\n)*\(2, 1, 7\)"):
        layer.step(X[:2, 0, :7])
    with pytest.raises(SizeError, match=r"max_length is no size"):
        init_all_states(layer, batch_size=2, max_length=-1)
    sized = init_all_states(MultiheadAttention(E, 2, kdim=3), batch_size=B, max_length=4)
    with pytest.raises(InputError, match=r"key is no(.|\n)*time, 3\)"):
        sized.step(X[:, 0])


def test_the_cache_has_the_type_of_the_computation_and_is_not_saved() -> None:
    layer = init_all_states(MultiheadAttention(E, 2).to("bfloat16"), batch_size=B, max_length=4)
    assert layer.cache.value.key.dtype == jnp.bfloat16
    assert layer.step(X[:, 0].astype(jnp.bfloat16)).dtype == jnp.bfloat16
    assert not any("cache" in name for name in layer.state_dict())
