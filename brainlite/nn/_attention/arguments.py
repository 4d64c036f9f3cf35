"""What attention may be made and called with: options, sequences that fit, masks as in torch."""

import math

from brainlite._given import broadcasts, check_option
from brainlite.errors import InputError
from brainlite.nn._functional.attention import Masks, is_mask, read_mask
from brainlite.nn._layers.layer import check_array
from brainlite.nn._modules.module import Module
from brainlite.state._face import refused
from brainlite.typing import Array, Shape


def check_heads(kind: str, heads: tuple[str, int], size: tuple[str, int], dropout: float) -> None:
    """Raise unless the heads divide the features, and dropout is a probability."""
    (name, count), (whole, features) = heads, size
    divides = count > 0 and features % count == 0
    check_option(kind, name, count, divides, f"a divisor of {whole}={features}")
    check_option(kind, "dropout", dropout, 0 <= dropout <= 1, "a probability, 0 to 1")


def check_sequence(layer: Module, name: str, x: Array, size: int) -> None:
    """Raise unless this is a sequence with this number of features."""
    check_array(layer, x, name)
    if x.ndim < 2 or x.shape[-1] != size:
        raise refused(
            layer,
            f"{name} is no sequence, or has the wrong number of features",
            expected=f"an array of shape (..., time, {size})",
            got=f"an array of shape {x.shape}",
            fix=f"pass {size} features, or make the layer with other sizes; a sequence of "
            "vectors has a time axis before the features",
        )


def check_sequences(layer: Module, sizes: Shape, query: Array, key: Array, value: Array) -> None:
    """Raise unless these are sequences with these numbers of features, for the same batch."""
    given = {"query": query, "key": key, "value": value}
    for (name, each), size in zip(given.items(), sizes, strict=True):
        check_sequence(layer, name, each, size)
    if key.shape[:-1] != value.shape[:-1] or key.shape[:-2] != query.shape[:-2]:
        raise refused(
            layer,
            "query, key and value do not fit each other",
            expected="the same batch axes, and as many values as keys",
            got=", ".join(f"{name} of shape {each.shape}" for name, each in given.items()),
            fix="bring them to shapes (..., T, features) and twice (..., S, features)",
        )


def read_masks(
    layer: Module, heads: int, mask: Array | None, padding: Array | None, query: Array, keys: int
) -> Masks:
    """Return both masks of a call as one."""
    lead, queries = query.shape[:-2], query.shape[-2]
    full = (*lead, heads, queries, keys)
    masks = Masks()
    if mask is not None:
        check_array(layer, mask, "attn_mask")
        folded = (math.prod(lead) * heads, queries, keys)  # as torch has them
        mask = mask.reshape(full) if mask.shape == folded else mask
        good = mask.ndim in (2, len(full)) and mask.shape[-2:] == full[-2:]
        if not (good and broadcasts(mask.shape, full) and is_mask(mask)):
            expected = f"shape {full[-2:]}, {full} or {folded}; batch axes and heads may be 1"
            raise _refused_mask(layer, "attn_mask", expected, mask)
        masks = read_mask(_allowed(mask))
    if padding is not None:
        check_array(layer, padding, "key_padding_mask")
        if padding.shape != (*lead, keys) or not is_mask(padding):
            raise _refused_mask(layer, "key_padding_mask", f"shape {(*lead, keys)}", padding)
        masks &= read_mask(_allowed(padding)[..., None, None, :])
    return masks


def _allowed(mask: Array) -> Array:
    """Turn round a mask of bools: in torch's layer True forbids."""
    return ~mask if mask.dtype == bool else mask


def _refused_mask(layer: Module, name: str, expected: str, mask: Array) -> InputError:
    return refused(
        layer,
        f"{name} does not fit the sequences",
        expected=f"an array of bool or float, of {expected}",
        got=f"an array of {mask.dtype} and shape {mask.shape}",
        fix="give it an entry for each key (the last axis); a bool is True where it is not read",
    )
