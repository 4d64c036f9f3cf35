"""The loss of a sequence of labels whose alignment to the input is not known."""

from importlib import import_module
from typing import Any

import jax.numpy as jnp

from brainlite._given import whole
from brainlite.errors import InputError
from brainlite.nn._functional.kernel import broadcasting, of_arrays
from brainlite.nn._functional.reduction import Reduction, as_floats, check_ranges, reduce_loss
from brainlite.typing import Array, ArrayLike


@of_arrays
@broadcasting
def ctc_loss(
    log_probs: ArrayLike,
    targets: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Array:
    """Return minus the log probability of the labels under all their alignments.

    Parameters
    ----------
    log_probs : array_like, shape (T, B, C) or (T, C)
        Log probabilities; logits are normalised, which torch's does not do.
    targets : array_like of int, shape (B, S) or (S,)
        Labels, filled up at their ends with anything. torch also takes the labels of a batch put
        behind one another; here they are padded. A label that is the blank or no class makes the
        loss of its sequence NaN.
    input_lengths, target_lengths : array_like of int, shape (B,) or ()
        How many steps and labels count; more than there are make NaN.
    blank : int
        The class that stands for no label.
    reduction : str
        ``'mean'`` of the losses over the numbers of their labels, ``'sum'``, or ``'none'`` for the
        loss of each sequence.
    zero_infinity : bool
        Whether the loss is 0, not infinite, where there are too few steps for the labels. Its
        gradient is 0 in both cases.

    Returns
    -------
    array, shape (), or that of the losses with ``'none'``

    Raises
    ------
    InputError
        The shapes do not belong together, or labels or lengths are no whole numbers.
    ImportError
        optax is not installed.
    OptionError
        ``blank`` is negative, or there is no such reduction.

    References
    ----------
    Graves, Fernández, Gomez and Schmidhuber, "Connectionist temporal classification", ICML 2006.
    optax computes it.

    Examples
    --------
    >>> F = brainlite.nn.functional
    >>> log_probs = jnp.log(jnp.full((2, 3), 1 / 3))  # two steps, three classes
    >>> loss = F.ctc_loss(log_probs, jnp.array([1]), jnp.array(2), jnp.array(1), reduction="sum")
    >>> bool(jnp.allclose(jnp.exp(-loss), 3 / 9))  # 11, 01 and 10 of nine ways
    True
    """
    check_ranges("ctc_loss", blank=blank)
    (x,) = as_floats("ctc_loss", log_probs)
    shapes = [jnp.shape(each) for each in (targets, input_lengths, target_lengths)]
    _check_inputs(
        x, [*map(jnp.result_type, (targets, input_lengths, target_lengths))], shapes, blank
    )
    batch = x.shape[1:-1]
    size = batch[0] if batch else 1
    # One more than there are, so that there is one.
    labels = jnp.pad(whole(targets).reshape(size, shapes[0][-1]), ((0, 0), (0, 1)))
    steps, counts = (whole(each).reshape(size, 1) for each in (input_lengths, target_lengths))
    logits = jnp.moveaxis(x.reshape(len(x), size, x.shape[-1]), 0, 1)
    beyond = jnp.arange(labels.shape[1]) >= counts
    late = jnp.arange(len(x)) >= steps
    # What does not count must not meet the arithmetic, where 0 times NaN is a gradient.
    logits = jnp.where(late[..., None], 0, logits)
    known = beyond | ((labels >= 0) & (labels < x.shape[-1]) & (labels != blank))
    right = known.all(1) & ((steps <= len(x)) & (counts <= shapes[0][-1]))[:, 0]
    labels = jnp.where(beyond, blank, labels)
    loss = _optax().ctc_loss(
        logits, late.astype(x.dtype), labels, beyond.astype(x.dtype), blank_id=blank
    )
    # Labels need a step each, and a blank between two that are equal.
    twice = jnp.sum((labels[:, 1:] == labels[:, :-1]) & ~beyond[:, 1:], 1, keepdims=True)
    possible = (steps >= counts + twice)[:, 0]
    loss = jnp.where(possible, loss, 0 if zero_infinity else jnp.inf)
    loss = jnp.where(right, loss, jnp.nan)
    if reduction == "mean":
        loss = loss / jnp.maximum(counts[:, 0], 1)
    return reduce_loss("ctc_loss", loss.reshape(batch), reduction)


def _check_inputs(x: Array, kinds: list[Any], shapes: list[Any], blank: int) -> None:
    """Raise for arguments of shapes or types that do not go together."""
    batch = x.shape[1:-1]
    fits = x.ndim in (2, 3) and shapes[0][:-1] == batch and len(shapes[0]) == x.ndim - 1
    whole = all(jnp.issubdtype(kind, jnp.integer) for kind in kinds)
    if fits and whole and shapes[1] == shapes[2] == batch and blank < x.shape[-1]:
        return
    raise InputError(
        "the arguments do not belong together",
        where="ctc_loss",
        expected="log_probs (T, B, C) with more than `blank` classes, and whole numbers: targets "
        "(B, S), lengths (B,) and (B,); or all without the axis B",
        got=f"log_probs {x.shape}, blank={blank}, "
        + ", ".join(f"{kind} {shape}" for kind, shape in zip(kinds, shapes, strict=True)),
        fix="put time first and classes last, and pad the targets, batch first",
    )


def _optax() -> Any:
    try:
        return import_module("optax")
    except ImportError as error:
        raise ImportError(
            "ctc_loss needs optax, which is not installed: pip install brainlite[train]"
        ) from error
