"""No loss turns NaN into a number."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.nn import functional

PAIRS = [
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "kl_div"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss"),
    "hinge_embedding_loss",
]


def _spoilt(values: Any) -> Any:
    return values.at[1].set(jnp.nan)


def _assert_spoilt(each: Any) -> None:
    rows = jnp.isnan(each).reshape(len(each), -1).any(1)
    assert rows.tolist() == [False, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_in_the_input_or_the_target(name: str) -> None:
    loss = getattr(functional, name)
    x, y = jnp.full((3, 2), 0.4), jnp.ones((3, 2))
    _assert_spoilt(loss(_spoilt(x), y, reduction="none"))
    _assert_spoilt(loss(x, _spoilt(y), reduction="none"))
    assert np.isnan(loss(_spoilt(x), y))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss"])
def test_in_scores_of_classes(name: str) -> None:
    loss = getattr(functional, name)
    classes = jnp.array([0, 1, 1])
    _assert_spoilt(loss(_spoilt(jnp.full((3, 2), -0.4)), classes, reduction="none"))


def test_in_vectors_and_scores() -> None:
    a, sign = jnp.arange(1.0, 7).reshape(3, 2), jnp.array([1.0, -1.0, 1.0])
    for one, two in ((_spoilt(a), a), (a, _spoilt(a))):
        _assert_spoilt(functional.cosine_embedding_loss(one, two, sign, reduction="none"))
        _assert_spoilt(functional.triplet_margin_loss(one, two, a + 1, reduction="none"))
        ranks = functional.margin_ranking_loss(one[:, 0], two[:, 0], sign, reduction="none")
        _assert_spoilt(ranks)
        gauss = functional.gaussian_nll_loss(one, two, jnp.ones((3, 2)), reduction="none")
        _assert_spoilt(gauss)
