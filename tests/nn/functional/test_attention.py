"""Attention without parameters: torch's values, dropout, half precision, and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError
from brainlite.nn.functional import scaled_dot_product_attention
from tests.closeness import assert_close
from tests.nn.attention.data import make_torch_attention as torch_side

STORED = np.load(torch_side.PATH)
X = brainlite.random.RandomState(1).randn(2, 4, 5, 8)


def compute(name: str, seed: int = 7) -> Any:
    shapes, given = torch_side.FUNCTION[name]
    q, k, v = [jnp.asarray(each) for each in torch_side.draw(shapes, seed).values()]
    call: dict[str, Any] = {
        k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in given.items()
    }
    return scaled_dot_product_attention(q, k, v, **call)


@pytest.mark.parametrize("name", torch_side.FUNCTION)
def test_values_are_those_of_torch(name: str) -> None:
    assert_close(compute(name), STORED[f"function-{name}"])


@pytest.mark.slow
def test_values_are_those_of_torch_itself() -> None:
    pytest.importorskip("torch")
    for name, expected in torch_side.compute_function(11).items():
        assert_close(compute(name.partition("-")[2], 11), expected)


@pytest.mark.parametrize("features", [8, 5])  # by jax, and by products of our own
def test_a_query_that_may_read_nothing_reads_zeros_without_nan(features: int) -> None:
    mask = jnp.ones((5, 5), bool).at[2].set(False)

    def run(x: Any) -> Any:
        return scaled_dot_product_attention(x, x, x[..., :features], mask)

    assert not run(X)[..., 2, :].any()
    assert run(X)[..., 1, :].all()
    assert np.isfinite(jax.grad(lambda x: run(x).sum())(X)).all()


def test_dropout_keeps_the_mean() -> None:
    brainlite.random.seed(0)
    ones = jnp.ones((400, 50, 1))
    y = scaled_dot_product_attention(ones, ones, ones, dropout_p=0.2)
    assert float(y.mean()) == pytest.approx(1, abs=0.01)
    assert float(y.std()) == pytest.approx(0.5 / np.sqrt(50), rel=0.05)
    assert not scaled_dot_product_attention(ones, ones, ones, dropout_p=1.0).any()


def test_the_output_has_the_type_of_the_input() -> None:
    for dtype in (jnp.bfloat16, jnp.float16):
        x = X.astype(dtype)
        y = scaled_dot_product_attention(x, x, x[..., :5])
        assert y.dtype == dtype
        np.testing.assert_allclose(
            y.astype(float), scaled_dot_product_attention(X, X, X[..., :5]), atol=0.03
        )


@pytest.mark.parametrize(
    ("arrays", "call", "text"),
    [
        ((X, X, X[:, :, :4]), {}, r"fit each other(.|\n)*\(2, 4, 4, 8\)"),
        ((X, X[..., :7], X), {}, r"fit each other(.|\n)*\(2, 4, 5, 7\)"),
        ((X, X[:, :2], X[:, :2]), {}, r"fit each other(.|\n)*enable_gqa=True"),
        ((X, X[:, :3], X[:, :3]), {"enable_gqa": True}, r"divisor of N"),
        ((X[0], X, X), {}, r"fit each other"),
        ((X[0, 0, 0],) * 3, {}, r"got: .*\(8,\), \(8,\)"),
        ((X, X, X), {"attn_mask": jnp.ones((4, 5), bool)}, r"broadcasts to \(2, 4, 5, 5\)"),
        ((X, X, X), {"attn_mask": jnp.ones((5, 5), int)}, r"bool or float(.|\n)*int32"),
    ],
)
def test_what_does_not_fit_is_refused(arrays: Any, call: Any, text: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)^scaled_dot_product_attention: .*{text}"):
        scaled_dot_product_attention(*arrays, **call)
