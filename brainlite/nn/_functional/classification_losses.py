"""Losses of classes: torch's names, arguments and meanings, but classes are the last axis.

torch has the classes on axis 1; here they are the last axis, as channels are everywhere in the
library, with any number of batch axes in front. Losses are computed and returned in float32 at
least. An index that is no class raises :class:`~brainlite.errors.InputError`; under a transform its
value is unknown, and it makes the loss NaN.
"""

from typing import Final, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import explicit_spec, whole
from brainlite._jax_compat import Tracer
from brainlite.errors import InputError
from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.nn._functional.reduction import (
    Reduction,
    as_floats,
    check_ranges,
    check_reduction,
    reduce_loss,
    same_shape,
)
from brainlite.typing import Array, ArrayLike, Shape

__all__ = [
    "DIVERGENCE_REDUCTIONS",
    "DivergenceReduction",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "kl_div",
    "multi_margin_loss",
    "nll_loss",
    "soft_margin_loss",
]

DivergenceReduction: TypeAlias = Literal["batchmean", "mean", "sum", "none"]
DIVERGENCE_REDUCTIONS: Final = ("batchmean", "mean", "sum", "none")


@of_arrays
def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """Return the cross entropy between a target and the softmax of the input.

    Parameters
    ----------
    input : array_like, shape (..., C)
        Logits. The classes are the last axis; torch has them on axis 1.
    target : array_like, shape (...) of int, or (..., C) of float
        The class, or the probability of each class.
    weight : array_like, shape (C,), optional
        The weight of each class.
    ignore_index : int
        A target that does not count; for classes only.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each sample. The mean of classes is
        weighted with the weights of the targets; if all are ignored, it is NaN.
    label_smoothing : float
        From 0 to 1: how much of the target is spread over all classes evenly.

    Returns
    -------
    array, shape () or (...)

    Raises
    ------
    InputError
        The target is neither, a class is out of range, or the weight has another shape.
    OptionError
        There is no such reduction, or ``label_smoothing`` is out of range.

    References
    ----------
    Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, for the
    smoothing.

    Examples
    --------
    >>> logits = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> brainlite.nn.functional.cross_entropy(logits, jnp.array([0, 2]), reduction="none")
    Array([0.551..., 1.098...], dtype=float32)
    """
    _see_classes("cross_entropy", input, target, ignore_index)
    return _cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


@kernel("ignore_index", "reduction", "label_smoothing")
def _cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: int,
    reduction: Reduction,
    label_smoothing: float,
) -> Array:
    """Return the loss of logits, for classes or for probabilities."""
    where = "cross_entropy"
    check_ranges(where, label_smoothing=label_smoothing, ignore_index=ignore_index)
    (x,) = as_floats(where, input)
    if x.ndim and jnp.shape(target) == x.shape:
        (soft,) = as_floats(where, _check_probabilities(where, target))
        logs, scale = jax.nn.log_softmax(x), _class_weight(where, weight, x)
        soft = soft * (1 - label_smoothing) + label_smoothing / x.shape[-1]
        # A class without probability counts for nothing, even where its logit is -inf.
        loss = -jnp.sum(jnp.where(soft == 0, 0, soft * logs) * scale, -1)
        return reduce_loss(where, loss, reduction)
    logs = jax.nn.log_softmax(_heeded(x, target, ignore_index))
    scale = _class_weight(where, weight, logs)
    loss, counts = _of_classes(where, logs, target, scale, ignore_index)
    if label_smoothing:
        spread = -jnp.mean(logs * scale, -1)
        spread = jnp.where(whole(target) == ignore_index, 0, spread)
        loss = (1 - label_smoothing) * loss + label_smoothing * spread
    return reduce_loss(where, loss, reduction, total=jnp.sum(counts))


@of_arrays
def nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Array:
    """Return minus the log probability of the target.

    Parameters
    ----------
    input : array_like, shape (..., C)
        Log probabilities. The classes are the last axis; torch has them on axis 1.
    target : array_like of int, shape (...)
        The class.
    weight, ignore_index, reduction
        As for :func:`cross_entropy`, which raises the same errors.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.nll_loss(jnp.array([[-0.5, -2.0], [-3.0, -1.0]]), jnp.array([0, 1]))
    Array(0.75, dtype=float32)
    """
    _see_classes("nll_loss", input, target, ignore_index)
    return _nll_loss(input, target, weight, ignore_index, reduction)


@kernel("ignore_index", "reduction")
def _nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: int,
    reduction: Reduction,
) -> Array:
    (logs,) = as_floats("nll_loss", input)
    logs = _heeded(logs, target, ignore_index)
    scale = _class_weight("nll_loss", weight, logs)
    loss, counts = _of_classes("nll_loss", logs, target, scale, ignore_index)
    return reduce_loss("nll_loss", loss, reduction, total=jnp.sum(counts))


@of_arrays
def multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Return by how much other scores come closer to that of the target than a margin.

    ``sum(max(0, margin - input[target] + input[other])**p) / C`` over all classes but the target.

    Parameters
    ----------
    input : array_like, shape (..., C)
        Scores. The classes are the last axis.
    target : array_like of int, shape (...)
        The class.
    p : int
        The power, 1 or more.
    margin : float
        How far the other scores should stay below.
    weight : array_like, shape (C,), optional
        The weight of each class, taken of the target; the mean is over samples all the same.
    reduction
        As for :func:`cross_entropy`, which raises the same errors.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.multi_margin_loss(jnp.array([0.0, 0.0]), jnp.array(0))
    Array(0.5, dtype=float32)
    """
    _see_classes("multi_margin_loss", input, target)
    return _multi_margin_loss(input, target, p, margin, weight, reduction)


@kernel("p", "margin", "reduction")
def _multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int,
    margin: float,
    weight: ArrayLike | None,
    reduction: Reduction,
) -> Array:
    """Return the hinge of each wrong class against the right one."""
    where = "multi_margin_loss"
    check_ranges(where, p=p)
    (x,) = as_floats(where, input)
    scale = _class_weight(where, weight, x)
    classes, known = _known_classes(where, target, x.shape)
    at = jnp.where(known, classes, 0)[..., None]
    short = jnp.maximum(margin - _picked(x, at[..., 0])[..., None] + x, 0) ** p
    others = jnp.sum(jnp.where(jnp.arange(x.shape[-1]) == at, 0, short), -1)
    loss = jnp.where(known, others * _picked(scale, at[..., 0]) / x.shape[-1], jnp.nan)
    return reduce_loss(where, loss, reduction)


@of_arrays
@kernel("reduction")
def binary_cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Return the cross entropy of yes and no, from probabilities.

    Logarithms are -100 at least, with no gradient below; an input outside of 0 to 1 gives NaN.
    :func:`binary_cross_entropy_with_logits` is exact where a sigmoid is 0 or 1.

    Parameters
    ----------
    input, target : array_like
        Probabilities, arrays of one shape.
    weight : array_like, optional
        Multiplied with the loss, to whose shape it broadcasts. The mean is over elements.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each element.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, the numbers are complex, or the weight does not fit.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.binary_cross_entropy``, which bounds the logarithms likewise.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.binary_cross_entropy(jnp.array([0.0, 1.0]), jnp.array([1.0, 1.0]))
    Array(50., dtype=float32)
    """
    x, y = same_shape("binary_cross_entropy", input=input, target=target)
    loss = -(y * _clamped_log(x) + (1 - y) * _clamped_log(1 - x))
    return reduce_loss("binary_cross_entropy", loss, reduction, weight)


@of_arrays
@kernel("reduction")
def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    pos_weight: ArrayLike | None = None,
) -> Array:
    """Return the cross entropy of yes and no, from logits.

    Parameters
    ----------
    input : array_like
        Logits: a sigmoid makes probabilities of them.
    target : array_like
        Probabilities, of the shape of the input.
    weight, reduction
        As for :func:`binary_cross_entropy`.
    pos_weight : array_like, optional
        The weight of a yes, such as one for each last axis: it broadcasts to the input.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, the numbers are complex, or a weight does not fit.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.binary_cross_entropy_with_logits(jnp.array([200.0, -200.0]), jnp.array([0.0, 0.0]))
    Array(100., dtype=float32)
    """
    where = "binary_cross_entropy_with_logits"
    x, y = same_shape(where, input=input, target=target)
    yes = reduce_loss(where, jax.nn.softplus(-x), "none", pos_weight)
    no = jax.nn.softplus(x)
    # What is sure and right costs nothing, where 0 times infinity would be NaN.
    yes, no = _unless(y == 0, yes), _unless(y == 1, no)
    return reduce_loss(where, y * yes + (1 - y) * no, reduction, weight)


@of_arrays
@kernel("reduction")
def soft_margin_loss(input: ArrayLike, target: ArrayLike, reduction: Reduction = "mean") -> Array:
    """Return the logistic loss, ``log(1 + exp(-target * input))``.

    Parameters
    ----------
    input, target : array_like
        Scores, and 1 or -1 for each.
    reduction : str
        ``'mean'``, ``'sum'``, or ``'none'`` for the loss of each element.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        There is no such reduction.

    References
    ----------
    ``torch.nn.functional.soft_margin_loss``.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.soft_margin_loss(jnp.array([-200.0, 200.0]), jnp.ones(2))
    Array(100., dtype=float32)
    """
    x, y = same_shape("soft_margin_loss", input=input, target=target)
    return reduce_loss("soft_margin_loss", jax.nn.softplus(-y * x), reduction)


@of_arrays
@kernel("reduction", "log_target")
def kl_div(
    input: ArrayLike,
    target: ArrayLike,
    reduction: DivergenceReduction = "mean",
    log_target: bool = False,
) -> Array:
    """Return the Kullback-Leibler divergence of the target from the input, for each element.

    Parameters
    ----------
    input : array_like
        Log probabilities.
    target : array_like
        Probabilities, of the shape of the input.
    reduction : str
        ``'batchmean'`` is the divergence as mathematics has it: the sum over the length of the
        first axis. ``'mean'`` is over elements, as torch's is; ``'sum'``; or ``'none'``.
    log_target : bool
        Whether the target is log probabilities, too.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes differ, or the numbers are complex.
    OptionError
        There is no such reduction.

    References
    ----------
    Kullback and Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22:79,
    1951.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> F.kl_div(jnp.log(jnp.full(2, 0.5)), jnp.full(2, 0.5))
    Array(0., dtype=float32)
    """
    check_reduction("kl_div", reduction, DIVERGENCE_REDUCTIONS)
    x, y = same_shape("kl_div", input=input, target=target)
    if log_target:
        never = y == -jnp.inf
        loss = jnp.exp(y) * (_unless(never, y) - _unless(never, x))
    else:
        loss = jax.scipy.special.xlogy(y, y) - y * _unless(y == 0, x)
    if reduction != "batchmean":
        return reduce_loss("kl_div", loss, reduction)
    return reduce_loss("kl_div", loss, "mean", total=loss.shape[0] if loss.ndim else 1)


def _unless(never: Array, x: Array) -> Array:
    """Return x, but 0 where it is infinite and does not count."""
    return jnp.where(never & jnp.isinf(x), 0, x)


def _clamped_log(x: Array) -> Array:
    """Return log(x), -100 at least, with a finite gradient at 0."""
    zero = x == 0
    return jnp.where(zero, -100.0, jnp.maximum(jnp.log(jnp.where(zero, 1, x)), -100.0))


def _heeded(x: Array, target: ArrayLike, ignore_index: int) -> Array:
    """Return the input with zeros for samples that are ignored, which may be NaN."""
    if jnp.shape(target) != x.shape[:-1]:
        return x  # an error, soon
    return jnp.where((whole(target) == ignore_index)[..., None], 0, x)


def _of_classes(
    where: str, logs: Array, target: ArrayLike, scale: Array, ignore_index: int
) -> tuple[Array, Array]:
    """Return for each sample the weighted -log p of its class, and the weight; 0 if ignored."""
    classes, known = _known_classes(where, target, logs.shape)
    at = jnp.where(known, classes, 0)
    found = _picked(logs, at)
    ignored = classes == ignore_index
    counts = jnp.where(ignored, 0, jnp.where(known, _picked(scale, at), jnp.nan))
    return jnp.where(ignored, 0, -found * counts), counts


def _picked(x: Array, at: Array) -> Array:
    """Return the element of each row, or of the only row, that stands at a place."""
    if explicit_spec(at) is None and explicit_spec(x) is None:
        return x[at] if x.ndim == 1 else jnp.take_along_axis(x, at[..., None], -1)[..., 0]
    # jax cannot say how a gather from what is cut is to be laid out; of a sum it can.
    return jnp.where(jnp.arange(x.shape[-1]) == at[..., None], x, 0).sum(-1)


def _class_weight(where: str, weight: ArrayLike | None, x: Array) -> Array:
    """Return the weight of each class, by default 1."""
    shape = x.shape[-1:]
    if weight is None:
        return jnp.ones(shape, x.dtype)
    if jnp.shape(weight) == shape:
        return jnp.asarray(weight, x.dtype)
    raise InputError(
        "there is not one weight for each class",
        where=where,
        expected=f"a weight of shape {shape}; the classes are the last axis of the input",
        got=f"a weight of shape {jnp.shape(weight)}",
        fix="give each class a weight; samples are weighted after reduction='none'",
    )


def _known_classes(where: str, target: ArrayLike, shape: Shape) -> tuple[Array, Array]:
    """Return the classes, and which of them there are."""
    kind = jnp.result_type(target)
    if not shape or jnp.shape(target) != shape[:-1] or not jnp.issubdtype(kind, jnp.integer):
        fix = "put the classes last (`jnp.moveaxis(input, 1, -1)` for torch's layout), and turn "
        fix += "float classes into whole numbers (`target.astype(int)`)"
        if jnp.shape(target) == (*shape[:-1], 1):
            fix = "take the last axis away: `target[..., 0]`"
        elif jnp.shape(target) == shape:
            fix = "pass floats for one-hot targets or probabilities: `target.astype(float)`"
        raise InputError(
            "the target does not fit the input",
            where=where,
            expected=f"classes: whole numbers of shape {shape[:-1]}, for input (..., C)",
            got=f"{kind} of shape {jnp.shape(target)}, for input {shape}",
            fix=fix,
        )
    classes = whole(target)
    return classes, (classes >= 0) & (classes < shape[-1])


def _see_classes(
    where: str, input: ArrayLike, target: ArrayLike, ignore_index: int | None = None
) -> None:
    """Raise where it can be seen that a target is no class."""
    shape = jnp.shape(input)
    if isinstance(target, Tracer) or not shape or jnp.shape(target) != shape[:-1]:
        return
    seen = np.asarray(target)  # by numpy, which computes while a function is traced, too
    strange = ((seen < 0) | (seen >= shape[-1])) & (seen != ignore_index)
    if np.any(strange):
        raise InputError(
            "a target is no class",
            where=where,
            expected=f"classes from 0 to {shape[-1] - 1}",
            got=f"{seen[strange][:5].tolist()} among them",
            fix="count classes from 0; mark samples that do not count with ignore_index",
        )


def _check_probabilities(where: str, target: ArrayLike) -> ArrayLike:
    """Return targets that are floats, as probabilities are, or raise."""
    kind = jnp.result_type(target)
    if jnp.issubdtype(kind, jnp.floating):
        return target
    raise InputError(
        "the target has the shape of the input, but holds no probabilities",
        where=where,
        expected="probabilities as floats, or a class for each sample without the last axis",
        got=f"{kind} of shape {jnp.shape(target)}",
        fix="pass one class for each sample, or turn the target into floats",
    )
