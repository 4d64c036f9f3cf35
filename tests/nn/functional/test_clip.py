from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError
from brainlite.nn._functional.clip import clip_grad_norm

GRADS: dict[str, Any] = {"w": jnp.array([[3.0, -4.0]]), "b": (jnp.array([12.0]),)}
FLAT = np.array([3.0, -4.0, 12.0])


@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, None, "inf", float("inf"), "-inf"])
def test_all_gradients_are_scaled_together(norm_type: float | str | None) -> None:
    order = 2.0 if norm_type is None else float(norm_type)
    expected = np.linalg.norm(FLAT, order)
    clipped, norm = clip_grad_norm(GRADS, 1.5, norm_type, return_norm=True)
    assert set(clipped) == {"w", "b"}
    assert clipped["w"].shape == (1, 2)
    np.testing.assert_allclose(norm, expected, rtol=1e-6)
    flat = np.concatenate([np.ravel(clipped["w"]), np.ravel(clipped["b"][0])])
    np.testing.assert_allclose(flat, FLAT * 1.5 / expected, rtol=1e-6)


def test_small_gradients_stay_as_they_are() -> None:
    clipped = clip_grad_norm(GRADS, 100.0)
    assert all(map(np.array_equal, jax.tree.leaves(clipped), jax.tree.leaves(GRADS)))


def test_gradients_of_zero_stay_zero() -> None:
    clipped, norm = clip_grad_norm({"w": jnp.zeros(3)}, 0.0, return_norm=True)
    assert (clipped["w"].tolist(), float(norm)) == ([0.0] * 3, 0.0)


def test_no_gradients_have_norm_zero() -> None:
    nothing: list[jax.Array] = []
    clipped, norm = clip_grad_norm(nothing, 1.0, return_norm=True)
    assert (clipped, float(norm)) == ([], 0.0)
    assert clip_grad_norm([jnp.zeros((0, 3))], 1.0, "inf", return_norm=True)[1] == 0.0


def test_dtypes_are_kept_and_powers_do_not_overflow() -> None:
    grads = {"w": jnp.full(4, 6e4, jnp.float16), "v": jnp.full(2, 1e30)}
    clipped, norm = clip_grad_norm(grads, 1.0, return_norm=True)
    assert clipped["w"].dtype == jnp.float16
    np.testing.assert_allclose(norm, np.sqrt(2) * 1e30, rtol=1e-6)
    np.testing.assert_allclose(clipped["v"], np.sqrt(0.5), rtol=1e-6)


def test_it_works_under_jit_with_a_traced_limit() -> None:
    clipped = jax.jit(clip_grad_norm)(GRADS, 6.5)
    np.testing.assert_allclose(clipped["b"][0], 6.0, rtol=1e-6)


@pytest.mark.parametrize("norm_type", [0, 0.5, "two", float("nan"), -2])
def test_an_unknown_norm_is_refused(norm_type: float | str) -> None:
    with pytest.raises(OptionError, match=rf"'-inf'\n  got:      norm_type={norm_type!r}"):
        clip_grad_norm(GRADS, 1.0, norm_type)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(OptionError, match=r"max_norm >= 0\n  got:      max_norm=-1\.0"):
        clip_grad_norm(GRADS, -1.0)
