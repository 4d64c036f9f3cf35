"""Losses: functions, and the modules that keep their options."""

from collections.abc import Callable
from typing import assert_type

from jax import Array

from brainlite import nn
from brainlite.nn import functional as f


def functions(x: Array, y: Array, n: Array) -> None:
    assert_type(f.mse_loss(x, y), Array)
    assert_type(f.l1_loss(x, y, "sum"), Array)
    assert_type(f.smooth_l1_loss(x, y, beta=0.5), Array)
    assert_type(f.huber_loss(x, y, "none", 0.5), Array)
    assert_type(f.poisson_nll_loss(x, y, full=True), Array)
    assert_type(f.gaussian_nll_loss(x, y, 0.5), Array)
    assert_type(f.cross_entropy(x, n, weight=y, label_smoothing=0.1), Array)
    assert_type(f.nll_loss(x, n, ignore_index=-1), Array)
    assert_type(f.multi_margin_loss(x, n, p=2), Array)
    assert_type(f.binary_cross_entropy(x, y, reduction="sum"), Array)
    assert_type(f.binary_cross_entropy_with_logits(x, y, pos_weight=y), Array)
    assert_type(f.soft_margin_loss(x, y), Array)
    assert_type(f.kl_div(x, y, "batchmean", log_target=True), Array)
    assert_type(f.hinge_embedding_loss(x, y), Array)
    assert_type(f.cosine_similarity(x, y, axis=0), Array)
    assert_type(f.cosine_embedding_loss(x, x, y), Array)
    assert_type(f.margin_ranking_loss(x, x, y), Array)
    assert_type(f.triplet_margin_loss(x, x, y, swap=True), Array)
    assert_type(f.ctc_loss(x, n, n, n, zero_infinity=True), Array)


def modules(x: Array, y: Array, n: Array) -> None:
    pairs: list[Callable[[Array, Array], Array]] = [
        nn.MSELoss(),
        nn.L1Loss("sum"),
        nn.SmoothL1Loss(beta=0.5),
        nn.HuberLoss("none", 0.5),
        nn.PoissonNLLLoss(full=True),
        nn.CrossEntropyLoss(weight=y, label_smoothing=0.1),
        nn.NLLLoss(ignore_index=-1),
        nn.MultiMarginLoss(p=2),
        nn.BCELoss(),
        nn.BCEWithLogitsLoss(pos_weight=y),
        nn.SoftMarginLoss(),
        nn.KLDivLoss("batchmean"),
        nn.HingeEmbeddingLoss(),
    ]
    assert_type(pairs[0](x, y), Array)
    assert_type(nn.CrossEntropyLoss()(x, n), Array)
    assert_type(nn.GaussianNLLLoss(full=True)(x, y, 0.5), Array)
    assert_type(nn.CosineEmbeddingLoss(0.2)(x, x, y), Array)
    assert_type(nn.MarginRankingLoss()(x, x, y), Array)
    assert_type(nn.TripletMarginLoss(swap=True)(x, x, y), Array)
    assert_type(nn.CTCLoss(blank=1)(x, n, n, n), Array)
