"""The decoder of a transformer: each step reads its own sequence, then another one."""

from typing import Any, ClassVar

from brainlite.nn._attention.arguments import check_sequence
from brainlite.nn._attention.multihead import MultiheadAttention
from brainlite.nn._attention.transformer import Function, TransformerLayer, TransformerStack
from brainlite.nn._layers.layer import check_features
from brainlite.nn._layers.layer_norm import LayerNorm
from brainlite.typing import Array


class CrossAttention(MultiheadAttention):
    """Attention to another sequence, which is there as a whole: no step leaves anything to keep."""

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Make no cache."""


class TransformerDecoderLayer(TransformerLayer):
    r"""Attention of a sequence to itself, then to another, then two affine maps, as in torch.

    :math:`x' = norm(x + attention(x))`, :math:`x'' = norm(x' + attention(x', memory))` and
    :math:`y = norm(x'' + W_2 \phi(W_1 x''))`. Time is always the axis before the features.

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps
        As in :class:`TransformerEncoderLayer`; dropout is the probability to *drop*.
    norm_first, bias, dtype, param_dtype, name
        As in :class:`TransformerEncoderLayer`.

    Attributes
    ----------
    self_attn, multihead_attn : MultiheadAttention
        To the sequence itself, and to the other one.
    linear1, linear2 : Linear
    norm1, norm2, norm3 : LayerNorm

    Raises
    ------
    SizeError, OptionError
        As in :class:`TransformerEncoderLayer`.

    References
    ----------
    .. [1] Vaswani et al., "Attention is all you need", NeurIPS 2017.
    .. [2] The documentation of ``torch.nn.TransformerDecoderLayer``.

    Examples
    --------
    >>> layer = brainlite.nn.TransformerDecoderLayer(16, 4, dim_feedforward=32).eval()
    >>> layer(jnp.ones((2, 5, 16)), jnp.ones((2, 10, 16)), tgt_is_causal=True).shape
    (2, 5, 16)
    """

    _attentions: ClassVar[dict[str, type[MultiheadAttention]]] = {
        "self_attn": MultiheadAttention,
        "multihead_attn": CrossAttention,
    }

    multihead_attn: MultiheadAttention
    norm3: LayerNorm

    def update(
        self,
        tgt: Array,
        memory: Array,
        tgt_mask: Array | None = None,
        memory_mask: Array | None = None,
        tgt_key_padding_mask: Array | None = None,
        memory_key_padding_mask: Array | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Array:
        """Run over a sequence.

        Parameters
        ----------
        tgt : array, shape (..., T, d_model)
        memory : array, shape (..., S, d_model)
            The other sequence: what an encoder returns.
        tgt_mask, tgt_key_padding_mask : array, optional
            The ``attn_mask`` and the ``key_padding_mask`` of :class:`MultiheadAttention`, of shapes
            (T, T) and (..., T): of bools, True where a step must *not* be read; or of floats.
        memory_mask, memory_key_padding_mask : array, optional
            The same for the other sequence, of shapes (T, S) and (..., S).
        tgt_is_causal, memory_is_causal : bool
            Whether step t reads the steps 0 to t only. Unlike in torch no mask is needed.

        Returns
        -------
        array, shape (..., T, d_model)

        Raises
        ------
        InputError
            An argument does not fit the layer or the other arguments.
        """
        check_sequence(self, "tgt", tgt, self.in_size[0])

        def attend(x: Array) -> Array:
            return self.self_attn(
                x,
                key_padding_mask=tgt_key_padding_mask,
                need_weights=False,
                attn_mask=tgt_mask,
                is_causal=tgt_is_causal,
            )[0]

        return self._run(
            tgt, attend, memory, memory_mask, memory_key_padding_mask, memory_is_causal
        )

    def step(
        self, tgt: Array, memory: Array, memory_key_padding_mask: Array | None = None
    ) -> Array:
        """Read on, as :meth:`MultiheadAttention.step` does; see :meth:`TransformerDecoder.step`.

        Parameters
        ----------
        tgt : array, shape ([batch,] d_model) or ([batch,] T, d_model)
            One step, or several.
        memory : array, shape ([batch,] S, d_model)
        memory_key_padding_mask : array, shape ([batch,] S), optional

        Returns
        -------
        array, of the shape of ``tgt``
        """
        check_features(self, tgt, self.in_size[0])
        single = tgt.ndim < memory.ndim
        xs = tgt[..., None, :] if single else tgt
        out = self._run(xs, self.self_attn.step, memory, None, memory_key_padding_mask)
        return out[..., 0, :] if single else out

    def _run(
        self,
        x: Array,
        attend: Function,
        memory: Array,
        mask: Array | None,
        padding: Array | None,
        causal: bool = False,
    ) -> Array:
        """Run the parts of the layer; ``attend`` is its attention to the sequence itself."""
        check_sequence(self, "memory", memory, self.in_size[0])
        x, memory = self._cast(x, memory)

        def read(x: Array) -> Array:
            return self.multihead_attn(
                x,
                memory,
                key_padding_mask=padding,
                need_weights=False,
                attn_mask=mask,
                is_causal=causal,
            )[0]

        x = self._around(self._around(x, attend, self.norm1), read, self.norm2)
        return self._around(x, self._feed, self.norm3)


class TransformerDecoder(TransformerStack[TransformerDecoderLayer]):
    """Layers of a decoder that follow each other and read the same other sequence, as in torch.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        What the layers are copies of, as in :class:`TransformerEncoder`.
    num_layers, norm, name
        As in :class:`TransformerEncoder`.

    Attributes
    ----------
    layers : ModuleList of TransformerDecoderLayer
    norm : callable or None

    Raises
    ------
    SizeError
        num_layers is negative or not whole.

    References
    ----------
    The documentation of ``torch.nn.TransformerDecoder``.

    Examples
    --------
    >>> layer = brainlite.nn.TransformerDecoderLayer(16, 4, 32)
    >>> model = brainlite.nn.TransformerDecoder(layer, 2).eval()
    >>> tgt, memory = jnp.ones((2, 5, 16)), jnp.ones((2, 10, 16))
    >>> whole = model(tgt, memory, tgt_is_causal=True)

    Step by step:

    >>> model = brainlite.nn.init_all_states(model, batch_size=2, max_length=5)
    >>> bool(jnp.allclose(model.step(tgt[:, 0], memory), whole[:, 0], atol=1e-5))
    True
    """

    def __init__(
        self,
        decoder_layer: TransformerDecoderLayer,
        num_layers: int,
        norm: Function | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(decoder_layer, num_layers, norm, name)

    def update(
        self,
        tgt: Array,
        memory: Array,
        tgt_mask: Array | None = None,
        memory_mask: Array | None = None,
        tgt_key_padding_mask: Array | None = None,
        memory_key_padding_mask: Array | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Array:
        """Run over a sequence.

        Parameters
        ----------
        tgt, memory : array, shapes (..., T, d_model) and (..., S, d_model)
        tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask : array, optional
            What is not read, as in :class:`TransformerDecoderLayer`.
        tgt_is_causal, memory_is_causal : bool
            Whether step t reads the steps 0 to t only.

        Returns
        -------
        array, shape (..., T, d_model)
        """
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, tgt_is_causal, memory_is_causal)
        return self._finish(tgt)

    def step(
        self, tgt: Array, memory: Array, memory_key_padding_mask: Array | None = None
    ) -> Array:
        """Read on: each layer attends to these steps and to all before, and to the other sequence.

        One step after the other gives what ``update(tgt, memory, tgt_is_causal=True)`` gives at
        once. Before the first, ``init_all_states(model, batch_size=..., max_length=...)`` makes
        caches for the attention of the sequence to itself.

        Parameters
        ----------
        tgt : array, shape ([batch,] d_model) or ([batch,] T, d_model)
            One step, or several.
        memory : array, shape ([batch,] S, d_model)
        memory_key_padding_mask : array, shape ([batch,] S), optional

        Returns
        -------
        array, of the shape of ``tgt``

        Raises
        ------
        InputError, StateMissingError
            As in :meth:`TransformerEncoder.step`.
        """
        for layer in self.layers:
            tgt = layer.step(tgt, memory, memory_key_padding_mask)
        return self._finish(tgt)
