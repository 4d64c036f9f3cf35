from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError
from brainlite.nn._functional.clip import clip_grad_norm
from tests.closeness import assert_close

GRADS: dict[str, Any] = {"w": jnp.array([[3.0, -4.0]]), "b": (jnp.array([12.0]),)}
FLAT = np.array([3.0, -4.0, 12.0])


@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, None, "inf", float("inf"), "-inf"])
def test_all_gradients_are_scaled_together(norm_type: float | str | None) -> None:
    order = 2.0 if norm_type is None else float(norm_type)
    expected = np.linalg.norm(FLAT, order)
    clipped, norm = clip_grad_norm(GRADS, 1.5, norm_type, return_norm=True)
    assert set(clipped) == {"w", "b"}
    assert clipped["w"].shape == (1, 2)
    assert_close(norm, expected)
    flat = np.concatenate([np.ravel(clipped["w"]), np.ravel(clipped["b"][0])])
    assert_close(flat, FLAT * 1.5 / expected)


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
    assert_close(norm, np.sqrt(2) * 1e30)
    assert_close(clipped["v"], np.sqrt(0.5))


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, "inf"])
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1e38, 1e38], "float32"),
        ([3e38, -3e38, 1.0], "float32"),  # whose norm no float32 holds
        ([1e-37, 1e-30], "float32"),
        ([6e4, -6e4, 6e4], "float16"),
        ([1e38, 3e38], "bfloat16"),
    ],
)
def test_huge_gradients_are_clipped_right(
    values: list[float], dtype: str, norm_type: float | str
) -> None:
    given = jnp.array(values, dtype)
    wide = np.asarray(given, np.float64)
    norm = np.linalg.norm(wide, float(norm_type))
    limit = float(norm / 4) if norm < 1 else 1.0
    clipped, found = clip_grad_norm([given], limit, norm_type, return_norm=True)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(found, np.float32(norm), rtol=1e-5)
    half = {"float16": 1e-3, "bfloat16": 8e-3}.get(dtype, 1e-5)
    short = np.asarray(clipped[0], float)
    np.testing.assert_allclose(short, wide * (limit / norm), rtol=half, atol=1e-38)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, "inf"])
def test_infinite_gradients_leave_nothing_and_nan_leaves_nan(norm_type: float | str) -> None:
    grads = {"w": jnp.array([1.0, -jnp.inf]), "b": jnp.array(2.0)}
    clipped, norm = clip_grad_norm(grads, 1.0, norm_type, return_norm=True)
    assert float(norm) == np.inf
    np.testing.assert_array_equal(clipped["w"], [0.0, np.nan])
    assert float(clipped["b"]) == 0
    grads["b"] = jnp.array(jnp.nan)
    clipped, norm = clip_grad_norm(grads, 1.0, norm_type, return_norm=True)
    assert all(bool(jnp.isnan(leaf).all()) for leaf in (*jax.tree.leaves(clipped), norm))


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, "inf", "-inf"])
def test_the_derivative_at_zero_gradients_is_finite(norm_type: float | str) -> None:
    def clipped(x: Any) -> Any:
        out, norm = clip_grad_norm([x], 1.0, norm_type, return_norm=True)
        return out[0].sum() + norm

    for at in ([0.0, 0.0], [0.0, 5.0]):
        assert bool(jnp.isfinite(jax.grad(clipped)(jnp.array(at))).all())


def test_it_works_under_jit_with_a_traced_limit() -> None:
    clipped = jax.jit(clip_grad_norm)(GRADS, 6.5)
    assert_close(clipped["b"][0], 6.0)


@pytest.mark.parametrize("norm_type", [0, 0.5, "two", float("nan"), -2])
def test_an_unknown_norm_is_refused(norm_type: float | str) -> None:
    with pytest.raises(OptionError, match=rf"'-inf'\n  got:      norm_type={norm_type!r}"):
        clip_grad_norm(GRADS, 1.0, norm_type)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(OptionError, match=r"max_norm >= 0, one number\n  got:      max_norm=-1\.0"):
        clip_grad_norm(GRADS, -1.0)
