import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError
from brainlite.nn import functional
from tests.closeness import assert_close
from tests.nn.functional.torch_losses import check, check_live

LOGS = jax.nn.log_softmax(jnp.asarray(np.random.RandomState(0).randn(5, 2, 4), jnp.float32))
LABELS = jnp.array([[1, 2, 3], [1, 1, -1]])
STEPS, COUNTS = jnp.array([5, 3]), jnp.array([3, 2])


def test_values_and_gradients_are_those_of_torch() -> None:
    check(["ctc_loss"])


@pytest.mark.slow
def test_the_stored_results_are_those_of_torch_today() -> None:
    pytest.importorskip("torch")
    check_live(["ctc_loss"], seed=21)


def test_labels_without_enough_steps_have_an_infinite_loss() -> None:
    few = jnp.array([2, 2])  # of three labels, and of two equal ones
    assert (
        functional.ctc_loss(LOGS, LABELS, few, COUNTS, reduction="none").tolist() == [jnp.inf] * 2
    )
    assert functional.ctc_loss(LOGS, LABELS, few, COUNTS, zero_infinity=True) == 0
    slope = jax.grad(functional.ctc_loss)(LOGS, LABELS, few, COUNTS, zero_infinity=True)
    assert bool((slope == 0).all())


def test_a_sequence_may_come_without_a_batch() -> None:
    each = functional.ctc_loss(LOGS, LABELS, STEPS, COUNTS, reduction="none")
    alone = functional.ctc_loss(LOGS[:, 0], LABELS[0], STEPS[0], COUNTS[0], reduction="none")
    assert alone.shape == ()
    assert_close(alone, each[0])
    # The rest of a row of labels, and steps after the end, say nothing.
    other = functional.ctc_loss(LOGS.at[3:, 1].set(7.0), LABELS.at[1, 2].set(2), STEPS, COUNTS)
    assert_close(other, functional.ctc_loss(LOGS, LABELS, STEPS, COUNTS))


def test_labels_and_lengths_that_cannot_be_make_nan() -> None:
    for wrong in (LABELS.at[1, 0].set(0), LABELS.at[1, 0].set(4)):  # the blank, and no class
        loss = functional.ctc_loss(LOGS, wrong, STEPS, COUNTS, reduction="none")
        assert jnp.isnan(loss).tolist() == [False, True]
    assert bool(jnp.isnan(functional.ctc_loss(LOGS, LABELS, STEPS + 1, COUNTS)))


def test_arguments_that_do_not_belong_together_are_refused() -> None:
    match = r"ctc_loss: the arguments(.|\n)*got: +log_probs \(5, 2, 4\), blank=0, "
    with pytest.raises(InputError, match=match + r"int32 \(3, 2\)"):
        functional.ctc_loss(LOGS, LABELS.T, STEPS, COUNTS)
    with pytest.raises(InputError, match=match + r"float32 \(2, 3\)"):
        functional.ctc_loss(LOGS, LABELS * 1.0, STEPS, COUNTS)
    with pytest.raises(InputError, match=r"blank=4"):
        functional.ctc_loss(LOGS, LABELS, STEPS, COUNTS, blank=4)


def test_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optax", None)
    with pytest.raises(ImportError, match=r"pip install brainlite\[train\]"):
        functional.ctc_loss(LOGS, LABELS, STEPS, COUNTS)
