from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.checkify import nan_checks

from brainlite.errors import InputError, OptionError
from brainlite.nn import functional
from brainlite.nn._functional import classification_losses
from brainlite.transform import checkify
from tests.closeness import assert_close
from tests.nn.functional.torch_losses import check, check_live

LOGITS = jnp.asarray(np.random.RandomState(0).randn(4, 3), jnp.float32)
CLASSES = jnp.array([0, 2, 1, 1])


def test_values_and_gradients_are_those_of_torch() -> None:
    check(classification_losses.__all__)


@pytest.mark.slow
def test_the_stored_results_are_those_of_torch_today() -> None:
    pytest.importorskip("torch")
    check_live(classification_losses.__all__, seed=21)


def test_classes_are_the_last_axis() -> None:
    image = jnp.moveaxis(jnp.stack([LOGITS, LOGITS * 2]), 1, 2)  # (B, C, L), as torch has it
    with pytest.raises(InputError, match=r"moveaxis\(input, 1, -1\)"):
        functional.cross_entropy(image, jnp.stack([CLASSES, CLASSES]))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_extreme_logits_give_finite_losses_and_gradients(dtype: str) -> None:
    extreme = jnp.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]], dtype)
    classes, soft = jnp.array([1, 0, 2]), jnp.full((3, 3), 1 / 3)
    losses: list[Any] = [
        partial(functional.cross_entropy, target=classes),
        partial(functional.cross_entropy, target=classes, label_smoothing=0.1),
        partial(functional.cross_entropy, target=soft),
        partial(functional.binary_cross_entropy_with_logits, target=soft),
        partial(functional.soft_margin_loss, target=jnp.sign(soft - 0.5)),
    ]
    for loss in losses:
        value, slope = jax.value_and_grad(partial(loss, reduction="sum"))(extreme)
        assert value.dtype == jnp.float32
        assert bool(jnp.isfinite(value)), loss
        assert slope.dtype == dtype
        assert bool(jnp.isfinite(slope).all()), loss
    sure = functional.cross_entropy(extreme, classes, reduction="none")
    np.testing.assert_allclose(sure, [2e4, np.log(3), 2e4], rtol=4e-3)


def test_small_losses_keep_their_digits() -> None:
    # log(1 + exp(-20)) is 2.06e-9; a difference of numbers near 20 would give 0.
    small = functional.binary_cross_entropy_with_logits(
        jnp.array([-20.0, 20.0]), jnp.array([0.0, 1.0])
    )
    assert_close(small, np.log1p(np.exp(-20)))


def test_certain_probabilities_give_finite_losses_and_gradients() -> None:
    x, y = jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([1.0, 0.0, 0.0, 1.0])
    loss = partial(functional.binary_cross_entropy, target=y, reduction="none")
    assert loss(x).tolist() == [100, 100, 0, 0]
    slope = jax.grad(lambda x: loss(x).sum())(x)
    assert bool(jnp.isfinite(slope).all())
    assert bool(jnp.isnan(functional.binary_cross_entropy(jnp.array([1.5]), jnp.array([1.0]))))


def test_a_masked_class_without_probability_counts_for_nothing() -> None:
    x = LOGITS.at[:, 0].set(-jnp.inf)
    soft = jnp.array([[0.0, 0.5, 0.5]] * 4)
    value, slope = jax.value_and_grad(functional.cross_entropy)(x, soft)
    assert_close(value, functional.cross_entropy(LOGITS[:, 1:], soft[:, 1:]))
    assert bool(jnp.isfinite(slope).all())


def test_ignored_samples_do_not_count() -> None:
    marked = jnp.array([0, -100, 1, -100])
    expected = functional.cross_entropy(LOGITS[::2], CLASSES[::2])
    for smoothing in (0.0, 0.2):
        part = functional.cross_entropy(LOGITS[::2], CLASSES[::2], label_smoothing=smoothing)
        found = functional.cross_entropy(LOGITS, marked, label_smoothing=smoothing)
        assert_close(found, part)
    each = functional.nll_loss(functional.log_softmax(LOGITS), marked, reduction="none")
    assert each[1] == each[3] == 0
    assert_close(each.sum() / 2, expected)
    assert bool(jnp.isnan(functional.cross_entropy(LOGITS, jnp.full(4, -100))))


@pytest.mark.parametrize(
    "function", [functional.cross_entropy, functional.nll_loss, functional.multi_margin_loss]
)
def test_an_index_that_is_no_class_is_noticed(function: Any) -> None:
    match = r"a target is no class(.|\n)*from 0 to 2(.|\n)*\[3, -1\]"
    with pytest.raises(InputError, match=match):
        function(LOGITS, jnp.array([0, 3, -1, 1]))
    traced = jax.jit(partial(function, reduction="none"))(LOGITS, jnp.array([0, 3, -1, 1]))
    assert jnp.isnan(traced).tolist() == [False, True, True, False]
    error, _ = checkify(function)(LOGITS, jnp.array([0, 3, 1, 1]))
    assert error.get() is None  # NaN is looked for where it was asked for
    checked = checkify(function, errors=nan_checks)
    assert "nan" in str(jax.jit(checked)(LOGITS, jnp.array([0, 3, 1, 1]))[0].get())


def test_targets_and_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"cross_entropy: the target(.|\n)*float32 of shape \(4,"):
        functional.cross_entropy(LOGITS, jnp.ones(4))
    with pytest.raises(InputError, match=r"holds no probabilities(.|\n)*int32 of shape \(4, 3\)"):
        functional.cross_entropy(LOGITS, jnp.ones((4, 3), int))
    with pytest.raises(InputError, match=r"cross_entropy: the target does(.|\n)*shape \(5,\)"):
        functional.cross_entropy(LOGITS, jnp.ones(5, int))
    with pytest.raises(InputError, match=r"not one weight for each class(.|\n)*shape \(4,\)"):
        functional.cross_entropy(LOGITS, CLASSES, weight=jnp.ones(4))
    with pytest.raises(InputError, match=r"weight does not fit(.|\n)*broadcasts to \(4, 3\)"):
        functional.binary_cross_entropy(jnp.ones((4, 3)), jnp.ones((4, 3)), weight=jnp.ones(4))
    with pytest.raises(InputError, match=r"with_logits: the weight(.|\n)*of shape \(2,\)"):
        functional.binary_cross_entropy_with_logits(LOGITS, LOGITS, pos_weight=jnp.ones(2))
    with pytest.raises(InputError, match=r"input and target differ(.|\n)*\(4, 3\), target \(4,\)"):
        functional.binary_cross_entropy_with_logits(LOGITS, jnp.ones(4))


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(OptionError, match=r"cross_entropy: label_smoothing is(.|\n)*-0.1"):
        functional.cross_entropy(LOGITS, CLASSES, label_smoothing=-0.1)
    with pytest.raises(OptionError, match=r"there is no such reduction(.|\n)*'average'"):
        functional.cross_entropy(LOGITS, CLASSES, reduction="average")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]  (a mistake)
    with pytest.raises(OptionError, match=r"multi_margin_loss: p is(.|\n)*p=0"):
        functional.multi_margin_loss(LOGITS, CLASSES, p=0)
    with pytest.raises(
        OptionError, match=r"kl_div: (.|\n)*'batchmean' or 'mean' or 'sum' or 'none'"
    ):
        functional.kl_div(LOGITS, LOGITS, "batch")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]  (a mistake)


def test_the_mean_over_the_batch_is_the_divergence() -> None:
    p, q = jax.nn.softmax(LOGITS), jax.nn.log_softmax(LOGITS[::-1])
    each = functional.kl_div(q, p, "none")
    assert_close(functional.kl_div(q, p, "batchmean"), each.sum() / 4)
    assert functional.kl_div(q, p.at[:, 0].set(0.0), "none")[:, 0].tolist() == [0] * 4


def test_what_is_sure_and_right_costs_nothing() -> None:
    sure, right = jnp.array([jnp.inf, -jnp.inf]), jnp.array([1.0, 0.0])
    loss = functional.binary_cross_entropy_with_logits
    assert loss(sure, right, reduction="none").tolist() == [0, 0]
    assert jax.grad(loss)(sure, right).tolist() == [0, 0]
    assert loss(sure, 1 - right, reduction="none").tolist() == [np.inf, np.inf]
    logs, never = jnp.array([0.0, -jnp.inf]), jnp.array([1.0, 0.0])
    assert functional.kl_div(logs, never, "none").tolist() == [0, 0]
    assert functional.kl_div(logs, logs, "none", log_target=True).tolist() == [0, 0]
    assert functional.kl_div(logs, never[::-1], "none").tolist() == [0, np.inf]
    slopes = jax.grad(lambda x: functional.kl_div(x, never, "sum"))(logs)
    assert slopes.tolist() == [-1, 0]
