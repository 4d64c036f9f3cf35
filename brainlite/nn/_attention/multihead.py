"""Attention with several heads, over whole sequences and step by step."""

import jax.numpy as jnp

from brainlite._given import to_size
from brainlite.nn import init
from brainlite.nn._attention.arguments import check_heads, check_sequences, read_masks
from brainlite.nn._attention.cache import Stepwise
from brainlite.nn._functional.attention import (
    Masks,
    attend,
    close_future,
    dropped,
    mix,
    weigh,
)
from brainlite.nn._functional.kernel import broadcasting
from brainlite.nn._layers.linear import Linear
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.random import split_key
from brainlite.state import ParamState
from brainlite.typing import Array, DTypeLike, Shape


class MultiheadAttention(Stepwise):
    r"""Attention with several heads, as in torch: each query reads a mixture of the values.

    :math:`\mathrm{softmax}(q_h k_h^T / \sqrt{d})\, v_h` for each head h, where :math:`q_h`,
    :math:`k_h` and :math:`v_h` are affine maps of query, key and value to :math:`d` features, and
    an affine map of what the heads read. Time is always the axis before the features, and batch
    axes stand in front: torch's ``batch_first=True``.

    Parameters
    ----------
    embed_dim : int
        The number of features of queries and outputs.
    num_heads : int
        How many heads share them: a divisor of embed_dim.
    dropout : float
        The probability that a weight of the attention is zero, while the layer trains.
    bias : bool
        Whether the affine maps have biases.
    add_bias_kv : bool
        Whether a key and a value that are parameters follow those of the input.
    add_zero_attn : bool
        Whether a key and a value of zeros follow.
    kdim, vdim : int, optional
        The numbers of features of keys and values; by default embed_dim.
    name : str, optional
        A name of its own.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`. The softmax is in float32 at least.

    Attributes
    ----------
    in_proj_weight, in_proj_bias, bias_k, bias_v : ParamState
        As torch has them: (3 embed_dim, embed_dim) for queries, keys and values together. With
        other kdim or vdim there are ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight``.
    out_proj : Linear
        The map of what the heads read.
    cache : HiddenState
        Keys, values and length of what :meth:`step` has read: see :meth:`init_state`.

    Raises
    ------
    SizeError, OptionError
        A size is negative or not whole, num_heads is no divisor, or dropout is no probability.

    References
    ----------
    .. [1] Vaswani et al., "Attention is all you need", NeurIPS 2017.
    .. [2] The documentation of ``torch.nn.MultiheadAttention``.

    Examples
    --------
    >>> layer = brainlite.nn.MultiheadAttention(16, 4)
    >>> x = jnp.ones((2, 10, 16))
    >>> output, weights = layer(x, x, x, is_causal=True)
    >>> output.shape, weights.shape
    ((2, 10, 16), (2, 10, 10))
    """

    in_proj_weight: ParamState[Array]
    in_proj_bias: ParamState[Array] | None = None
    bias_k: ParamState[Array] | None = None
    bias_v: ParamState[Array] | None = None

    embed_dim: int
    num_heads: int
    kdim: int
    vdim: int

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        kind = type(self).__name__
        self.name = name
        self.in_size = self.out_size = to_size(embed_dim, "embed_dim", kind)
        [self.embed_dim] = self.in_size
        [self.num_heads] = to_size(num_heads, "num_heads", kind)
        [self.kdim] = to_size(embed_dim if kdim is None else kdim, "kdim", kind)
        [self.vdim] = to_size(embed_dim if vdim is None else vdim, "vdim", kind)
        self.dropout: float = dropout
        self.add_zero_attn: bool = add_zero_attn
        check_heads(kind, ("num_heads", self.num_heads), ("embed_dim", self.embed_dim), dropout)
        self._set_dtypes(dtype, param_dtype)
        xavier = init.XavierUniform()
        for each, columns in self._weights():
            rows = self.embed_dim * (3 if each == "in_proj_weight" else 1)
            setattr(self, each, ParamState(self._make(xavier, (rows, columns))))
        if bias:
            self.in_proj_bias = ParamState(self._make(init.ZeroInit(), (3 * self.embed_dim,)))
        zeros = init.ZeroInit() if bias else None
        self.out_proj: Linear = Linear(
            embed_dim, embed_dim, xavier, zeros, dtype=dtype, param_dtype=param_dtype
        )
        if add_bias_kv:
            for each in ("bias_k", "bias_v"):
                value = self._make(init.XavierNormal(), (1, self.embed_dim))
                setattr(self, each, ParamState(value[None]))

    def _weights(self) -> list[tuple[str, int]]:
        """Return the names of the weights of the first maps, and their input features."""
        if self.kdim == self.vdim == self.embed_dim:
            return [("in_proj_weight", self.embed_dim)]
        sizes = (self.embed_dim, self.kdim, self.vdim)
        return [(f"{each}_proj_weight", n) for each, n in zip("qkv", sizes, strict=True)]

    def update(
        self,
        query: Array,
        key: Array | None = None,
        value: Array | None = None,
        key_padding_mask: Array | None = None,
        need_weights: bool = True,
        attn_mask: Array | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Array, Array | None]:
        """Let each query read the values.

        Parameters
        ----------
        query : array, shape (..., T, embed_dim)
        key, value : array, shapes (..., S, kdim) and (..., S, vdim), optional
            By default the query, and the key.
        key_padding_mask : array, shape (..., S), optional
            Of bools, True where a key must *not* be read, as in torch; or of floats, added to the
            logits.
        need_weights : bool
            Whether to return the weights; without them less memory is used.
        attn_mask : array, shape (T, S), (..., num_heads, T, S) or (B * num_heads, T, S), optional
            The same for each query. Batch axes and that of the heads may be 1.
        average_attn_weights : bool
            Whether to return the mean of the weights over the heads.
        is_causal : bool
            Whether query t reads the keys 0 to t only; together with ``attn_mask``, both hold.

        Returns
        -------
        output : array, shape (..., T, embed_dim)
            Where a query may read nothing, it reads zeros (in torch, NaN).
        weights : array, shape (..., T, S) or (..., num_heads, T, S); or None
            As applied: in training, after the dropout.

        Raises
        ------
        InputError
            An argument does not fit the layer or the other arguments.
        """
        key = query if key is None else key
        value = key if value is None else value
        check_sequences(self, (self.embed_dim, self.kdim, self.vdim), query, key, value)
        masks = read_masks(self, self.num_heads, attn_mask, key_padding_mask, query, key.shape[-2])
        q, k, v = self._project(query, key, value)
        out, weights = self._read(q, k, v, masks, is_causal, need_weights)
        if weights is not None and average_attn_weights:
            weights = weights.mean(-3)
        return out, weights

    @broadcasting
    def _project(self, query: Array, key: Array, value: Array) -> list[Array]:
        """Map queries, keys and values, each to (..., time, heads, features of a head)."""
        weights: list[Array] = [getattr(self, name).value for name, _ in self._weights()]
        bias = [] if self.in_proj_bias is None else [self.in_proj_bias.value]
        inputs = [query] if query is key is value else [query, key, value]
        count = len(inputs)
        if len(weights) == 1 < count:
            weights = jnp.split(weights[0], count)
        if bias and count > 1:
            bias = jnp.split(bias[0], count)
        maps = [x @ w.T for x, w in zip(self._cast(*inputs), self._cast(*weights), strict=True)]
        if bias:
            maps = [y + b for y, b in zip(maps, self._cast(*bias), strict=True)]
        if count == 1:  # one product in place of three
            maps = jnp.split(maps[0], 3, -1)
        heads = (self.num_heads, self.embed_dim // self.num_heads)
        return [each.reshape(*each.shape[:-1], *heads) for each in maps]

    def _read(
        self, q: Array, k: Array, v: Array, masks: Masks, causal: bool, need_weights: bool
    ) -> tuple[Array, Array | None]:
        """Return the output, and the weights of each head if they are needed."""
        if self.bias_k is not None or self.add_zero_attn:
            if causal:
                masks, causal = close_future(masks, q.shape[-3], k.shape[-3]), False
            k, v, masks = self._extend(k, v, masks)
        drops = self.dropout > 0 and self.training
        weights = weigh(q, k, masks, causal) if need_weights or drops else None
        if weights is None:
            out = attend(q, k, v, masks, causal)
        else:
            weights = dropped(weights, self.dropout, split_key()) if drops else weights
            out = mix(weights, v)
        return self.out_proj(
            out.reshape(*out.shape[:-2], self.embed_dim)
        ), weights if need_weights else None

    def _extend(self, k: Array, v: Array, masks: Masks) -> tuple[Array, Array, Masks]:
        """Append the key and value that are parameters, and those that are zero."""
        shape = (*k.shape[:-3], 1, *k.shape[-2:])
        extra = 0
        if self.bias_k is not None and self.bias_v is not None:
            ends = [each.value.reshape(k.shape[-2:]) for each in (self.bias_k, self.bias_v)]
            k, v = [
                _append(x, end, shape) for x, end in zip((k, v), self._cast(*ends), strict=True)
            ]
            extra += 1
        if self.add_zero_attn:
            k, v = [_append(x, jnp.zeros((), x.dtype), shape) for x in (k, v)]
            extra += 1
        keep, bias = [
            None
            if each is None
            else jnp.pad(each, [(0, 0)] * (each.ndim - 1) + [(0, extra)], constant_values=filling)
            for each, filling in zip(masks, (True, 0), strict=True)
        ]
        return k, v, Masks(keep, bias)

    def _torch_views(self) -> list[TorchView]:
        names = [name for name, _ in self._weights()] + ["in_proj_bias", "bias_k", "bias_v"]
        states = {name: getattr(self, name) for name in names}
        return [view_of(s, {name: TorchLayout()}) for name, s in states.items() if s is not None]


def _append(x: Array, end: Array, shape: Shape) -> Array:
    """Append one time step."""
    return jnp.concatenate([x, jnp.broadcast_to(end, shape)], -3)
