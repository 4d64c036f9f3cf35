from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError, OptionError
from brainlite.nn import functional
from brainlite.nn._functional import embedding_losses
from tests.closeness import assert_close
from tests.nn.functional.torch_losses import check, check_live

A, B = (jnp.asarray(np.random.RandomState(n).randn(4, 3), jnp.float32) for n in (0, 1))
SIGNS = jnp.array([1.0, -1.0, -1.0, 1.0])


def test_values_and_gradients_are_those_of_torch() -> None:
    check(embedding_losses.__all__)


@pytest.mark.slow
def test_the_stored_results_are_those_of_torch_today() -> None:
    pytest.importorskip("torch")
    check_live(embedding_losses.__all__, seed=21)


def test_cosine_similarity_is_the_cosine() -> None:
    a, b = np.asarray(A, np.float64), np.asarray(B, np.float64)
    norms = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    assert_close(functional.cosine_similarity(A, B), (a * b).sum(-1) / norms[0] / norms[1])
    assert_close(functional.cosine_similarity(A.T, B.T, 0), functional.cosine_similarity(A, B))
    assert functional.cosine_similarity(A[:, None], B).shape == (4, 4)
    value, slope = jax.value_and_grad(lambda a: functional.cosine_similarity(a, B).sum())(
        jnp.zeros((4, 3))
    )
    assert value == 0
    assert bool(jnp.isfinite(slope).all())


def test_targets_other_than_1_and_minus_1_make_nan() -> None:
    labels = jnp.array([0.0, 1.0, -1.0, 1.0])  # 0 where -1 is meant
    cosines = functional.cosine_embedding_loss(A, B, labels, reduction="none")
    assert jnp.isnan(cosines).tolist() == [True, False, False, False]
    assert bool(jnp.isnan(functional.hinge_embedding_loss(A[:, 0], labels)))


def test_shapes_that_differ_are_refused() -> None:
    wrong: list[tuple[Any, tuple[Any, ...], str]] = [
        (functional.cosine_embedding_loss, (A, B, A), r"cosine \(4,\), target \(4, 3\)"),
        (functional.cosine_embedding_loss, (A, B[:2], SIGNS), r"input1 \(4, 3\), input2 \(2, 3\)"),
        (functional.hinge_embedding_loss, (A, SIGNS), r"input \(4, 3\), target \(4,\)"),
        (functional.margin_ranking_loss, (A, B, SIGNS), r"input2 \(4, 3\), target \(4,\)"),
        (functional.triplet_margin_loss, (A, B, A[:1]), r"negative \(1, 3\)"),
    ]
    for function, inputs, match in wrong:
        with pytest.raises(InputError, match=match):
            function(*inputs)
    with pytest.raises(OptionError, match=r"triplet_margin_loss: p is(.|\n)*p=0.5"):
        functional.triplet_margin_loss(A, B, A, p=0.5)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("swap", [False, True])
def test_triplets_at_no_distance_have_a_value_and_a_gradient(p: float, swap: bool) -> None:
    anchor = jnp.array([[1.0, 2.0], [0.0, 0.0]])
    other = jnp.array([[1.0, 5.0], [3.0, -4.0]])

    def loss(a: Any, b: Any, c: Any) -> Any:
        return functional.triplet_margin_loss(a, b, c, 20.0, p, 0.0, swap, "sum")

    lengths = np.linalg.norm(np.asarray(other - anchor, np.float64), p, axis=-1)
    assert_close(loss(anchor, anchor, other), (20.0 - lengths).sum())
    near, same, far = jax.grad(loss, (0, 1, 2))(anchor, anchor, other)
    way = np.asarray(other - anchor, np.float64)
    share = np.abs(way) / lengths[:, None]
    slope = np.sign(way) * (share == 1 if p == np.inf else share ** (p - 1))
    assert_close(far, -slope)
    assert_close(near + same, slope)
    assert np.isfinite(near).all()
    assert jnp.isnan(loss(anchor * jnp.nan, anchor, other))
