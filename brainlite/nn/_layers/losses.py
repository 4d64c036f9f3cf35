"""Losses as modules: what the functions of their names compute, with the options kept."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from brainlite._given import own
from brainlite.nn._functional import classification_losses as classes
from brainlite.nn._functional import embedding_losses as vectors
from brainlite.nn._functional import regression_losses as numbers
from brainlite.nn._functional.classification_losses import (
    DIVERGENCE_REDUCTIONS,
    DivergenceReduction,
)
from brainlite.nn._functional.ctc import ctc_loss
from brainlite.nn._functional.reduction import (
    REDUCTIONS,
    Reduction,
    check_ranges,
    check_reduction,
)
from brainlite.nn._layers.families import continue_doc
from brainlite.nn._layers.layer import check_array
from brainlite.nn._modules.module import Module
from brainlite.typing import Array, ArrayLike

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
]


class _Loss(Module):
    """The base of losses: it keeps the options of a function and passes them on.

    Options that are None are no attributes of an object, so that it prints without them.

    Raises
    ------
    OptionError
        An option is out of its range.
    """

    weight: Array | None = None
    pos_weight: Array | None = None

    _function: ClassVar[Callable[..., Array]]
    _reductions: ClassVar[tuple[str, ...]] = REDUCTIONS
    _inputs: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        function = getattr(cls, "_function", None)
        if function is not None:
            type.__setattr__(cls, "_inputs", tuple(inspect.signature(function).parameters))
        init: Any = cls.__init__
        taken = inspect.signature(init).parameters
        text = None if function is None else function.__doc__
        continue_doc(cls, text, takes=taken, of_function=True)

    def __init__(self, *, reduction: str, **options: Any) -> None:
        check_reduction(type(self).__name__, reduction, self._reductions)
        check_ranges(type(self).__name__, **options)
        self.reduction: str = reduction
        for name, value in options.items():
            if name in ("weight", "pos_weight"):
                value = None if value is None else own(value)
            if value is not None:
                setattr(self, name, value)
        self._options: tuple[str, ...] = ("reduction", *options)

    def _compute(self, *inputs: ArrayLike) -> Array:
        for name, each in zip(self._inputs, inputs, strict=False):
            if not name.endswith("lengths"):  # which may be lists
                check_array(self, each, name, scalar=True)
        options = {name: getattr(self, name) for name in self._options}
        return type(self)._function(*inputs, **options)


class _PairLoss(_Loss):
    """The base of losses of an input and a target."""

    def update(self, input: ArrayLike, target: ArrayLike) -> Array:
        """Return the loss."""
        return self._compute(input, target)


class MSELoss(_PairLoss):
    """The squared error: see :func:`brainlite.nn.functional.mse_loss`."""

    _function = staticmethod(numbers.mse_loss)

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)


class L1Loss(_PairLoss):
    """The absolute error: see :func:`brainlite.nn.functional.l1_loss`."""

    _function = staticmethod(numbers.l1_loss)

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)


class SmoothL1Loss(_PairLoss):
    """The absolute error, rounded off: see :func:`brainlite.nn.functional.smooth_l1_loss`."""

    _function = staticmethod(numbers.smooth_l1_loss)

    def __init__(self, reduction: Reduction = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction, beta=beta)


class HuberLoss(_PairLoss):
    """Huber's loss: see :func:`brainlite.nn.functional.huber_loss`."""

    _function = staticmethod(numbers.huber_loss)

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction, delta=delta)


class PoissonNLLLoss(_PairLoss):
    """The likelihood of counts: see :func:`brainlite.nn.functional.poisson_nll_loss`."""

    _function = staticmethod(numbers.poisson_nll_loss)

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction, log_input=log_input, full=full, eps=eps)


class GaussianNLLLoss(_Loss):
    """The likelihood of numbers: see :func:`brainlite.nn.functional.gaussian_nll_loss`."""

    _function = staticmethod(numbers.gaussian_nll_loss)

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction, full=full, eps=eps)

    def update(self, input: ArrayLike, target: ArrayLike, var: ArrayLike) -> Array:
        """Return the loss."""
        return self._compute(input, target, var)


class CrossEntropyLoss(_PairLoss):
    """Cross entropy of logits, classes last: see :func:`brainlite.nn.functional.cross_entropy`."""

    _function = staticmethod(classes.cross_entropy)

    def __init__(
        self,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )


class NLLLoss(_PairLoss):
    """Minus the log probability, classes last: see :func:`brainlite.nn.functional.nll_loss`."""

    _function = staticmethod(classes.nll_loss)

    def __init__(
        self,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction, weight=weight, ignore_index=ignore_index)


class MultiMarginLoss(_PairLoss):
    """A margin between classes: see :func:`brainlite.nn.functional.multi_margin_loss`."""

    _function = staticmethod(classes.multi_margin_loss)

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction, p=p, margin=margin, weight=weight)


class BCELoss(_PairLoss):
    """Yes and no, from probabilities: see :func:`brainlite.nn.functional.binary_cross_entropy`."""

    _function = staticmethod(classes.binary_cross_entropy)

    def __init__(self, weight: ArrayLike | None = None, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction, weight=weight)


class BCEWithLogitsLoss(_PairLoss):
    """Yes and no: see :func:`brainlite.nn.functional.binary_cross_entropy_with_logits`."""

    _function = staticmethod(classes.binary_cross_entropy_with_logits)

    def __init__(
        self,
        weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
        pos_weight: ArrayLike | None = None,
    ) -> None:
        super().__init__(reduction=reduction, weight=weight, pos_weight=pos_weight)


class SoftMarginLoss(_PairLoss):
    """The logistic loss: see :func:`brainlite.nn.functional.soft_margin_loss`."""

    _function = staticmethod(classes.soft_margin_loss)

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)


class KLDivLoss(_PairLoss):
    """The Kullback-Leibler divergence: see :func:`brainlite.nn.functional.kl_div`."""

    _function = staticmethod(classes.kl_div)
    _reductions = DIVERGENCE_REDUCTIONS

    def __init__(self, reduction: DivergenceReduction = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction, log_target=log_target)


class HingeEmbeddingLoss(_PairLoss):
    """Pairs, by distance: see :func:`brainlite.nn.functional.hinge_embedding_loss`."""

    _function = staticmethod(vectors.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction, margin=margin)


class _ComparisonLoss(_Loss):
    """The base of losses of two inputs and a target."""

    def __init__(self, margin: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction, margin=margin)

    def update(self, input1: ArrayLike, input2: ArrayLike, target: ArrayLike) -> Array:
        """Return the loss."""
        return self._compute(input1, input2, target)


class CosineEmbeddingLoss(_ComparisonLoss):
    """Pairs, by angle: see :func:`brainlite.nn.functional.cosine_embedding_loss`."""

    _function = staticmethod(vectors.cosine_embedding_loss)


class MarginRankingLoss(_ComparisonLoss):
    """Pairs, by rank: see :func:`brainlite.nn.functional.margin_ranking_loss`."""

    _function = staticmethod(vectors.margin_ranking_loss)


class TripletMarginLoss(_Loss):
    """Triplets, by distance: see :func:`brainlite.nn.functional.triplet_margin_loss`."""

    _function = staticmethod(vectors.triplet_margin_loss)

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction, margin=margin, p=p, eps=eps, swap=swap)

    def update(self, anchor: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Array:
        """Return the loss."""
        return self._compute(anchor, positive, negative)


class CTCLoss(_Loss):
    """Labels that are not aligned: see :func:`brainlite.nn.functional.ctc_loss`; needs optax."""

    _function = staticmethod(ctc_loss)

    def __init__(
        self, blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction, blank=blank, zero_infinity=zero_infinity)

    def update(
        self,
        log_probs: ArrayLike,
        targets: ArrayLike,
        input_lengths: ArrayLike,
        target_lengths: ArrayLike,
    ) -> Array:
        """Return the loss."""
        return self._compute(log_probs, targets, input_lengths, target_lengths)
