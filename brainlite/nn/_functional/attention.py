"""Attention without parameters: which values each query reads, and how much of each."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite._given import broadcasts
from brainlite.errors import InputError
from brainlite.nn._functional.kernel import kernel, of_arrays
from brainlite.random import bernoulli, split_key
from brainlite.typing import Array, Key, Shape


class Masks(NamedTuple):
    """What limits attention; both broadcast to (..., N, T, S), and None limits nothing."""

    keep: Array | None = None  # True where a query may read a value
    bias: Array | None = None  # added to the logits

    def __and__(self, other: "Masks") -> "Masks":
        """Limit by both."""
        keeps = [each.keep for each in (self, other) if each.keep is not None]
        biases = [each.bias for each in (self, other) if each.bias is not None]
        return Masks(
            keeps[0] & keeps[1] if len(keeps) == 2 else next(iter(keeps), None),
            _added(*biases) if len(biases) == 2 else next(iter(biases), None),
        )


def _added(one: Array, two: Array) -> Array:
    """Add two masks. The least number is a usual one for "do not read": twice it is finite here."""
    total = one + two
    finfo: Any = jnp.finfo  # which has no types
    return jnp.maximum(total, finfo(total.dtype).min)


def read_mask(mask: Array) -> Masks:
    """Return a mask of bools (True where reading is allowed) or of floats (added to the logits)."""
    if mask.dtype == bool:
        return Masks(mask)
    keep = mask > -jnp.inf  # infinities would make NaN where a query may read nothing
    return Masks(keep, jnp.where(keep, mask, 0))


def close_future(masks: Masks, queries: int, keys: int) -> Masks:
    """Let no query read what comes after it."""
    return masks & Masks(jnp.tril(jnp.ones((queries, keys), bool)))


@kernel("causal", "scale")
def attend(
    query: Array,
    key: Array,
    value: Array,
    masks: Masks,
    causal: bool = False,
    scale: float | None = None,
) -> Array:
    """Return what each query reads, (..., T, N, H), from keys and values (..., S, K, H).

    ``N`` is a multiple of ``K``. A query that may read nothing gets zeros.
    """
    dtype = jnp.result_type(query, key, value)
    if not (query.size and key.size):
        return jnp.zeros(query.shape, dtype)
    if causal and masks.keep is not None:  # together they may leave a query nothing to read
        masks, causal = close_future(masks, query.shape[-3], key.shape[-3]), False
    keep, alive = _alive(masks.keep)
    lead = query.shape[:-3]
    exact = _exact(dtype)
    q, k, v = [each.reshape(-1, *each.shape[-3:]).astype(exact) for each in (query, key, value)]
    bias, keep = [_flat(each, lead) for each in (masks.bias, keep)]
    out = jax.nn.dot_product_attention(q, k, v, bias, keep, scale=scale, is_causal=causal)
    out = out.reshape(query.shape).astype(dtype)
    return out if alive is None else jnp.where(alive.swapaxes(-3, -2), out, 0)


@kernel("causal", "scale")
def weigh(
    query: Array, key: Array, masks: Masks, causal: bool = False, scale: float | None = None
) -> Array:
    """Return how much of each value each query reads, (..., N, T, S); see :func:`attend`."""
    if causal:
        masks = close_future(masks, query.shape[-3], key.shape[-3])
    keep, alive = _alive(masks.keep)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    dtype = jnp.promote_types(query.dtype, jnp.float32)
    kind, exact = query.dtype, _exact(jnp.result_type(query, key))
    query, key = query.astype(exact), key.astype(exact)
    key = jnp.repeat(key, query.shape[-2] // key.shape[-2], -2)
    logits = scale * jnp.einsum("...tnh,...snh->...nts", query, key, preferred_element_type=dtype)
    if masks.bias is not None:
        logits = logits + masks.bias.astype(dtype)
    if keep is not None:
        logits = jnp.where(keep, logits, -jnp.inf)
    weights = jax.nn.softmax(logits).astype(kind)
    return weights if alive is None else jnp.where(alive, weights, 0)


@kernel()
def mix(weights: Array, value: Array) -> Array:
    """Return the values (..., S, K, H) in these shares, (..., T, N, H)."""
    value = jnp.repeat(value, weights.shape[-3] // value.shape[-2], -2)
    out: Array = jnp.einsum("...nts,...snh->...tnh", weights, value)
    return out


def _exact(dtype: Any) -> Any:
    """Return the type to multiply in: XLA has no product of float16 into float32 on CPU."""
    on_cpu = jax.default_backend() == "cpu"
    return jnp.dtype(jnp.float32) if dtype == jnp.float16 and on_cpu else dtype


def _alive(keep: Array | None) -> tuple[Array | None, Array | None]:
    """Let queries that may read nothing read all, and say which ones are not of these.

    So the softmax and its derivative are finite; what these queries read is put to zero afterwards.
    """
    if keep is None:
        return None, None
    keep = keep.reshape((1,) * (3 - keep.ndim) + keep.shape)
    alive = keep.any(-1, keepdims=True)
    return keep | ~alive, alive


def _flat(mask: Array | None, lead: Shape) -> Any:
    if mask is None:
        return None
    mask = mask.reshape((1,) * (len(lead) + 3 - mask.ndim) + mask.shape)
    if mask.ndim > 4:
        mask = jnp.broadcast_to(mask, (*lead, *mask.shape[-3:]))
    return mask.reshape(-1, *mask.shape[-3:])


@of_arrays
def scaled_dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Array:
    r"""Return :math:`\mathrm{softmax}(q k^T / \sqrt{E} + mask)\, v`, as the function of torch does.

    Parameters
    ----------
    query, key, value : array, shapes (..., N, T, E), (..., N, S, E) and (..., N, S, V)
        The axis N of heads, and those before it, may be missing.
    attn_mask : array, broadcast to (..., N, T, S), optional
        Of bools, True where a query *may* read: the opposite of what :class:`MultiheadAttention`
        and torch's layer mean. Of floats, added to the logits.
    dropout_p : float
        The probability that a weight is zero. Whoever calls this does so in training only.
    is_causal : bool
        Whether query t reads the keys 0 to t only; together with ``attn_mask``, both hold.
    scale : float, optional
        In place of :math:`1 / \sqrt{E}`.
    enable_gqa : bool
        Whether keys and values may have fewer heads, a divisor of N: each serves several queries.

    Returns
    -------
    array, shape (..., N, T, V)
        Where a query may read nothing, zeros.

    Raises
    ------
    InputError
        The shapes do not fit each other, or the mask is one of whole numbers.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017, and the documentation of
    ``torch.nn.functional.scaled_dot_product_attention``. Ainslie et al., "GQA", EMNLP 2023.

    Examples
    --------
    >>> x = jnp.ones((2, 4, 10, 8))
    >>> brainlite.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True).shape
    (2, 4, 10, 8)
    """
    _check_shapes(query, key, value, attn_mask, enable_gqa)
    plain = query.ndim == 2
    # (..., N, T, E) -> (..., T, N, E)
    q, k, v = [each[:, None] if plain else each.swapaxes(-3, -2) for each in (query, key, value)]
    masks = Masks() if attn_mask is None else read_mask(attn_mask)
    if dropout_p or key.shape[-1] != value.shape[-1]:
        weights = weigh(q, k, masks, is_causal, scale)
        out = mix(dropped(weights, dropout_p, split_key()) if dropout_p else weights, v)
    else:
        out = attend(q, k, v, masks, is_causal, scale)
    return out[:, 0] if plain else out.swapaxes(-3, -2)


@kernel("rate")
def dropped(x: Array, rate: float, key: Key) -> Array:
    """Return ``x`` with a part of its elements zero, and the others larger."""
    kept = bernoulli(1 - rate, x.shape, key)
    return jnp.where(kept, x / (1 - rate if rate < 1 else 1), 0)


def _check_shapes(
    query: Array, key: Array, value: Array, mask: Array | None, grouped: bool
) -> None:
    """Raise where queries, keys, values and mask do not fit each other."""
    shapes = tuple([each.shape for each in (query, key, value)])
    heads, few = query.shape[-3:-2], key.shape[-3:-2]  # (N,), or () without this axis
    if (
        not query.ndim == key.ndim == value.ndim >= 2
        or key.shape[:-1] != value.shape[:-1]
        or (*key.shape[:-3], key.shape[-1]) != (*query.shape[:-3], query.shape[-1])
        or not (heads == few or (grouped and few[0] > 0 and heads[0] % few[0] == 0))
    ):
        raise InputError(
            "query, key and value do not fit each other",
            where="scaled_dot_product_attention",
            expected="query (..., N, T, E), key (..., N, S, E) and value (..., N, S, V)",
            got=f"arrays of shapes {shapes}",
            fix="bring the arrays to these shapes; with enable_gqa=True, key and value may have a "
            "divisor of N heads",
        )
    full = (*query.shape[:-1], key.shape[-2])
    if mask is not None and not (broadcasts(mask.shape, full) and is_mask(mask)):
        raise InputError(
            "attn_mask does not fit query and key",
            where="scaled_dot_product_attention",
            expected=f"an array of bool or float that broadcasts to {full}",
            got=f"an array of {mask.dtype} and shape {mask.shape}",
            fix="give it the axes heads, queries and keys; a bool is True where reading is allowed",
        )


def is_mask(mask: Array) -> bool:
    """Say whether these are bools or floats."""
    return mask.dtype == bool or jnp.issubdtype(mask.dtype, jnp.floating)
