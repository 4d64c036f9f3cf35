import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import OptionError
from brainlite.nn import functional
from brainlite.nn._layers import losses
from brainlite.transform import jit
from brainlite.typing import Array
from tests.closeness import assert_close

X, Y, Z = (jnp.asarray(np.random.RandomState(n).uniform(0.1, 0.9, (4, 3))) for n in range(3))
SIGNS = jnp.where(X > 0.5, 1.0, -1.0)
CLASSES, WEIGHT = jnp.array([0, 2, 1, 1]), jnp.array([0.5, 2.0, 1.0])
LABELS, STEPS, COUNTS = jnp.array([[1, 2]] * 3), jnp.array([4] * 3), jnp.array([2] * 3)
LOGS = jnp.stack([X[:3]] * 4)

# A loss, its function, its options (none of them a default), and inputs.
TABLE: list[tuple[Any, Any, dict[str, Any], tuple[Any, ...]]] = [
    (nn.MSELoss, functional.mse_loss, {}, (X, Y)),
    (nn.L1Loss, functional.l1_loss, {}, (X, Y)),
    (nn.SmoothL1Loss, functional.smooth_l1_loss, {"beta": 0.2}, (X, Y)),
    (nn.HuberLoss, functional.huber_loss, {"delta": 0.2}, (X, Y)),
    (
        nn.PoissonNLLLoss,
        functional.poisson_nll_loss,
        {"log_input": False, "full": True, "eps": 0.1},
        (X, Y),
    ),
    (nn.GaussianNLLLoss, functional.gaussian_nll_loss, {"full": True, "eps": 0.5}, (X, Y, Z)),
    (
        nn.CrossEntropyLoss,
        functional.cross_entropy,
        {"weight": WEIGHT, "ignore_index": 1, "label_smoothing": 0.2},
        (X, CLASSES),
    ),
    (nn.NLLLoss, functional.nll_loss, {"weight": WEIGHT, "ignore_index": 1}, (X, CLASSES)),
    (
        nn.MultiMarginLoss,
        functional.multi_margin_loss,
        {"p": 2, "margin": 0.4, "weight": WEIGHT},
        (X, CLASSES),
    ),
    (nn.BCELoss, functional.binary_cross_entropy, {"weight": WEIGHT}, (X, Y)),
    (
        nn.BCEWithLogitsLoss,
        functional.binary_cross_entropy_with_logits,
        {"weight": WEIGHT, "pos_weight": WEIGHT + 1},
        (X, Y),
    ),
    (nn.SoftMarginLoss, functional.soft_margin_loss, {}, (X, SIGNS)),
    (nn.KLDivLoss, functional.kl_div, {"log_target": True}, (X, Y)),
    (nn.HingeEmbeddingLoss, functional.hinge_embedding_loss, {"margin": 0.4}, (X, SIGNS)),
    (
        nn.CosineEmbeddingLoss,
        functional.cosine_embedding_loss,
        {"margin": 0.4},
        (X, Y, SIGNS[:, 0]),
    ),
    (nn.MarginRankingLoss, functional.margin_ranking_loss, {"margin": 0.4}, (X, Y, SIGNS)),
    (
        nn.TripletMarginLoss,
        functional.triplet_margin_loss,
        {"margin": 0.4, "p": 3.0, "eps": 0.1, "swap": True},
        (X, Y, Z),
    ),
    (
        nn.CTCLoss,
        functional.ctc_loss,
        {"blank": 0, "zero_infinity": True},
        (LOGS, LABELS, STEPS, COUNTS),
    ),
]


@pytest.mark.parametrize(("loss", "function", "options", "inputs"), TABLE)
def test_a_loss_computes_what_its_function_does(
    loss: Any, function: Any, options: dict[str, Any], inputs: tuple[Any, ...]
) -> None:
    module = loss(**options, reduction="sum")
    assert_close(module(*inputs), function(*inputs, **options, reduction="sum"))
    with pytest.raises(OptionError, match=rf"{loss.__name__}: there is no such reduction"):
        loss(reduction="average")


def _narrow(array: Array) -> Array:
    return array.astype(jnp.int8) if jnp.issubdtype(array.dtype, jnp.integer) else array


@pytest.mark.parametrize("kind", [np.asarray, _narrow])
@pytest.mark.parametrize(("loss", "function", "options", "inputs"), TABLE)
def test_data_that_a_compiled_function_holds_is_taken(
    loss: Any, function: Any, options: dict[str, Any], inputs: tuple[Any, ...], kind: Any
) -> None:
    module, held = loss(**options), [kind(each) for each in inputs]
    # What is looked at outside is not to be computed by what is being traced.
    assert jax.eval_shape(lambda: module(*held)) == jax.eval_shape(module, *inputs)


def test_every_loss_is_listed_with_all_its_options() -> None:
    assert [loss.__name__ for loss, *_ in TABLE] == sorted(
        losses.__all__, key=[loss.__name__ for loss, *_ in TABLE].index
    )
    for loss, function, options, _ in TABLE:
        defaults = {
            name: each.default
            for name, each in inspect.signature(function).parameters.items()
            if each.default is not inspect.Parameter.empty
        }
        made = inspect.signature(loss.__init__).parameters
        assert {n: each.default for n, each in made.items() if n != "self"} == defaults, loss
        assert {"reduction", *options} == set(defaults), loss


def test_options_are_checked_when_a_loss_is_made() -> None:
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (nn.SmoothL1Loss, {"beta": -1.0}, "SmoothL1Loss: beta is out of its range"),
        (nn.HuberLoss, {"delta": 0.0}, "HuberLoss: delta is out of its range"),
        (nn.CrossEntropyLoss, {"label_smoothing": 1.5}, "CrossEntropyLoss: label_smoothing is"),
        (nn.MultiMarginLoss, {"p": 0}, "MultiMarginLoss: p is out of its range"),
        (nn.CTCLoss, {"blank": -1}, "CTCLoss: blank is out of its range"),
    ]
    for loss, options, match in wrong:
        with pytest.raises(OptionError, match=match):
            loss(**options)
    assert nn.KLDivLoss("batchmean").reduction == "batchmean"


def test_a_loss_prints_its_options_and_is_no_parameter() -> None:
    assert str(nn.HuberLoss(delta=0.5)) == "HuberLoss(\n  reduction='mean',\n  delta=0.5\n)"
    assert "weight" not in str(nn.CrossEntropyLoss())
    assert nn.CrossEntropyLoss().weight is None
    assert nn.CrossEntropyLoss(weight=WEIGHT).num_parameters() == 0


def test_jit_sees_a_changed_option() -> None:
    loss = nn.HuberLoss("sum", delta=0.5)
    run = jit(loss)
    assert run(X, Y) == pytest.approx(float(functional.huber_loss(X, Y, "sum", 0.5)))
    loss.delta = 0.1
    assert run(X, Y) == pytest.approx(float(functional.huber_loss(X, Y, "sum", 0.1)))
