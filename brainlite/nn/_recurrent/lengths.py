"""Sequences of different lengths: padding them to one array, and telling which steps count."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import complaint_of, whole
from brainlite._jax_compat import Tracer
from brainlite.errors import InputError, OptionError
from brainlite.nn._functional.kernel import broadcasting
from brainlite.nn._layers.layer import check_array
from brainlite.nn._modules.module import Module
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, Shape


def pad_sequences(
    sequences: Sequence[ArrayLike],
    batch_first: bool = False,
    padding_value: float = 0.0,
    bucket: int | Sequence[int] = 1,
) -> tuple[Array, Array]:
    """Put sequences of different lengths into one array, filled up at their ends.

    ``torch.nn.utils.rnn.pad_sequence``, with the lengths that the recurrent layers ask for. There
    is nothing to sort and nothing to pack.

    Parameters
    ----------
    sequences : sequence of arrays, shape (length, ...)
        They agree in all axes but the first.
    batch_first : bool
        Whether the result is (B, T, ...) rather than (T, B, ...).
    padding_value : float
        What stands after the end of a sequence.
    bucket : int or sequence of int
        Which lengths T are allowed: the multiples of a number, or the ones listed. A function under
        ``jit`` is compiled once for each T, so a few of them keep that bounded.

    Returns
    -------
    padded : array, shape (T, B, ...) or (B, T, ...)
    lengths : array of int, shape (B,)

    Raises
    ------
    InputError
        There is no sequence, or they do not fit together.
    OptionError
        ``bucket`` is not positive, or no length in it is large enough; or whole numbers are to be
        padded with what they cannot be.

    Examples
    --------
    >>> padded, lengths = brainlite.nn.pad_sequences([jnp.ones((3, 2)), jnp.ones((5, 2))], bucket=8)
    >>> padded.shape, lengths
    ((8, 2, 2), Array([3, 5], dtype=int32))
    """
    arrays = [jnp.asarray(each) for each in sequences]
    shapes = [each.shape for each in arrays]
    if not arrays or () in shapes or len({shape[1:] for shape in shapes}) > 1:
        raise InputError(
            "these sequences cannot be put into one array",
            where="pad_sequences",
            expected="one array or more, of shapes (length, ...) that differ in the length only",
            got=f"shapes {shapes}",
            fix="give all sequences the same features",
        )
    steps = _bucketed(max(len(each) for each in arrays), bucket)
    dtype = jnp.result_type(*arrays)
    _check_padding(padding_value, dtype)
    # Filled by numpy where it can be: jax would compile a copy for each length.
    rows = arrays if any(isinstance(each, Tracer) for each in arrays) else jax.device_get(arrays)
    library: Any = jnp if rows is arrays else np
    rest = [(0, 0)] * (arrays[0].ndim - 1)
    padded = [
        library.pad(row, [(0, steps - len(row)), *rest], constant_values=padding_value)
        for row in rows
    ]
    stacked = library.stack(padded, axis=0 if batch_first else 1)
    return jnp.asarray(stacked, dtype), jnp.asarray([len(row) for row in rows], jnp.int32)


def _check_padding(value: Any, dtype: Any) -> None:
    """Raise unless whole numbers of this type can be padded with the value."""
    expected = complaint_of(value, dtype)
    if expected is None:
        return
    raise OptionError(
        "the sequences cannot hold what they are padded with",
        where="pad_sequences",
        expected=expected,
        got=f"padding_value={value!r}",
        fix="pass another value, or sequences of another dtype",
    )


def _bucketed(steps: int, bucket: int | Sequence[int]) -> int:
    """Return the smallest allowed length that is not below ``steps``."""
    if isinstance(bucket, int):
        fitting = [-(-steps // bucket) * bucket] if bucket > 0 else []
    else:
        fitting = [size for size in bucket if size >= steps]
    if fitting:
        return min(fitting)
    raise OptionError(
        "no bucket fits the longest sequence",
        where="pad_sequences",
        expected=f"a positive number, or lengths of which one is {steps} or more",
        got=f"bucket={bucket!r}",
        fix="add a longer bucket, or cut the sequences",
    )


def to_lengths(lengths: ArrayLike | Sequence[int] | None) -> ArrayLike | None:
    """Return lengths as an array: they may be a list, as in torch."""
    if isinstance(lengths, list | tuple):
        if any(isinstance(each, Tracer) for each in lengths):  # an argument of a compiled function
            return jnp.stack(lengths)
        return np.asarray(lengths) if lengths else np.zeros(0, np.int32)
    given: Any = lengths
    found: ArrayLike | None = given
    return found


def mask_from_lengths(
    lengths: ArrayLike | Sequence[int], steps: int | None = None, batch_first: bool = False
) -> Array:
    """Return which steps of padded sequences count, for ``mask=`` of layers, losses and metrics.

    Parameters
    ----------
    lengths : array of int, shape (B,)
        The number of steps of each sequence, as :func:`pad_sequences` returns it.
    steps : int, optional
        The number of steps T of the padded sequences; by default that of the longest. It is needed
        where the lengths are traced.
    batch_first : bool
        Whether the result is (B, T) rather than (T, B).

    Returns
    -------
    array of bool, shape (T, B) or (B, T)

    Raises
    ------
    InputError
        The lengths are no whole numbers from 0 to ``steps``, or ``steps`` is needed.

    Examples
    --------
    >>> brainlite.nn.mask_from_lengths([1, 3], batch_first=True)
    Array([[ True, False, False],
           [ True,  True,  True]], dtype=bool)
    """
    given: Any = to_lengths(lengths)
    counts, traced = whole(given), isinstance(given, Tracer)
    fits = counts.ndim == 1 and jnp.issubdtype(counts.dtype, jnp.integer)
    known = np.asarray(counts) if fits and not traced and counts.size else np.zeros(1, np.int32)
    most = int(known.max()) if steps is None else steps
    if not fits or (traced and steps is None) or known.min() < 0 or known.max() > most:
        raise InputError(
            "these lengths make no mask",
            where="mask_from_lengths",
            expected=f"whole numbers from 0 to steps={steps}, of shape (B,); steps= under jit",
            got=f"{counts.dtype} of shape {counts.shape}" + ("" if traced else f": {given!s}"[:80]),
            fix="pass lengths as brainlite.nn.pad_sequences returns them, and steps=len(padded)",
        )
    mask = jnp.arange(most)[:, None] < counts[None]
    return mask.T if batch_first else mask


@broadcasting
def valid_steps(steps: int, lengths: Array | None, mask: Array | None) -> Array | None:
    """Return which steps count, (T, B), given the lengths (B,) or a mask (T, B).

    Of a sequence whose length is none all count: see :func:`are_lengths`.
    """
    if lengths is None:
        return mask
    return (jnp.arange(steps)[:, None] < lengths) | ~are_lengths(steps, lengths)


def are_lengths(steps: int, lengths: Array) -> Array:
    """Return for each sequence (B,) whether its length is a number of steps.

    Where that is not known before it runs, a sequence for which it is not becomes NaN: it would be
    left out, or padding would be read, in silence.
    """
    return (lengths >= 0) & (lengths <= steps)


def check_marks(
    layer: Module,
    shape: Shape,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    reset: ArrayLike | None,
    batch_first: bool,
) -> None:
    """Raise unless lengths, mask and reset fit a sequence whose steps have this shape."""
    if lengths is not None and mask is not None:
        raise refused(
            layer,
            "both lengths and mask were given",
            expected="one of them",
            got="lengths and mask",
            fix="leave out lengths, which the mask tells as well",
        )
    for name, given in (("lengths", lengths), ("mask", mask), ("reset", reset)):
        if given is not None:
            check_array(layer, given, name, scalar=True)
    for name, given in (("mask", mask), ("reset", reset)):
        if given is not None and (np.shape(given) != shape or jnp.result_type(given) != jnp.bool_):
            raise refused(
                layer,
                f"{name} does not fit the input",
                expected=f"bool of shape {shape}, one for each step",
                got=f"{jnp.result_type(given)} of shape {np.shape(given)}",
                fix=f"compute {name} from the input that goes with it",
            )
    if lengths is not None:
        _check_lengths(layer, shape, lengths, batch_first)


def _check_lengths(layer: Module, shape: Shape, lengths: ArrayLike, batch_first: bool) -> None:
    """Raise for lengths that are not one whole number within the steps for each sequence."""
    *batch, steps = shape if batch_first else shape[::-1]
    kind = jnp.result_type(lengths)
    traced = isinstance(lengths, Tracer)  # its values are not known before it runs
    fits = np.shape(lengths) == tuple(batch) and jnp.issubdtype(kind, jnp.integer)
    values = np.asarray(0) if traced or not fits else np.asarray(lengths)
    if fits and not np.any((values < 0) | (values > steps)):
        return
    raise refused(
        layer,
        "lengths do not fit the input",
        expected=f"whole numbers from 0 to {steps}, of shape {tuple(batch)}",
        got=f"{kind} of shape {np.shape(lengths)}" + ("" if traced else f": {lengths!s}"),
        fix="give the number of steps of each sequence, as brainlite.nn.pad_sequences returns it",
    )
