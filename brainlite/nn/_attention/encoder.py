"""The encoder of a transformer: each step reads the sequence it stands in."""

from brainlite.nn._attention.arguments import check_sequence
from brainlite.nn._attention.transformer import Function, TransformerLayer, TransformerStack
from brainlite.nn._layers.layer import check_features
from brainlite.typing import Array


class TransformerEncoderLayer(TransformerLayer):
    r"""Attention of a sequence to itself, then two affine maps of each step, as in torch.

    :math:`x' = norm(x + attention(x))` and :math:`y = norm(x' + W_2 \phi(W_1 x'))`. Time is always
    the axis before the features, and batch axes stand in front: torch's ``batch_first=True``.

    Parameters
    ----------
    d_model : int
        The number of features of input and output.
    nhead : int
        How many heads the attention has: a divisor of d_model.
    dim_feedforward : int
        The number of features between the two affine maps.
    dropout : float
        The probability to *drop* an element, as in torch, while the layer trains: of what
        attention and maps add to their input, of the features between the maps, and of the weights
        of the attention. (``nn.Dropout(prob)`` takes the probability to keep.)
    activation : {'relu', 'gelu'} or callable
        :math:`\phi`; 'gelu' is the exact one.
    layer_norm_eps : float
        The epsilon of the normalisations.
    norm_first : bool
        Whether to normalise what attention and maps read, :math:`x + attention(norm(x))`, which
        trains more easily in deep models, rather than their sums.
    bias : bool
        Whether attention, maps and normalisations have biases.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`.
    name : str, optional
        A name of its own.

    Attributes
    ----------
    self_attn : MultiheadAttention
    linear1, linear2 : Linear
        Their weights are drawn by ``XavierUniform``, as ``torch.nn.Transformer`` does.
    norm1, norm2 : LayerNorm

    Raises
    ------
    SizeError, OptionError
        A size is negative or not whole, nhead is no divisor, dropout is no probability, or there
        is no such activation.

    References
    ----------
    .. [1] Vaswani et al., "Attention is all you need", NeurIPS 2017.
    .. [2] Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020:
       norm_first.
    .. [3] The documentation of ``torch.nn.TransformerEncoderLayer``.

    Examples
    --------
    >>> layer = brainlite.nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, norm_first=True)
    >>> layer.eval()(jnp.ones((2, 10, 16)), is_causal=True).shape
    (2, 10, 16)
    """

    def update(
        self,
        src: Array,
        src_mask: Array | None = None,
        src_key_padding_mask: Array | None = None,
        is_causal: bool = False,
    ) -> Array:
        """Run over a sequence.

        Parameters
        ----------
        src : array, shape (..., T, d_model)
        src_mask, src_key_padding_mask : array, optional
            The ``attn_mask`` and the ``key_padding_mask`` of :class:`MultiheadAttention`: of bools,
            True where a step must *not* be read; or of floats, added to the logits.
        is_causal : bool
            Whether step t reads the steps 0 to t only. Unlike in torch no mask is needed.

        Returns
        -------
        array, shape (..., T, d_model)

        Raises
        ------
        InputError
            An argument does not fit the layer or the other arguments.
        """
        check_sequence(self, "src", src, self.in_size[0])

        def attend(x: Array) -> Array:
            return self.self_attn(
                x,
                key_padding_mask=src_key_padding_mask,
                need_weights=False,
                attn_mask=src_mask,
                is_causal=is_causal,
            )[0]

        return self._run(src, attend)

    def step(self, src: Array) -> Array:
        """Read on, as :meth:`MultiheadAttention.step` does; see :meth:`TransformerEncoder.step`.

        Parameters
        ----------
        src : array, shape ([batch,] d_model) or ([batch,] T, d_model)
            One step, or several.

        Returns
        -------
        array, of the shape of ``src``
        """
        check_features(self, src, self.in_size[0])
        return self._run(src, self.self_attn.step)

    def _run(self, x: Array, attend: Function) -> Array:
        [x] = self._cast(x)
        return self._around(self._around(x, attend, self.norm1), self._feed, self.norm2)


class TransformerEncoder(TransformerStack[TransformerEncoderLayer]):
    """Layers of a transformer that follow each other, as in torch.

    With ``is_causal=True`` it is what is known as a decoder-only model. The layers are compiled one
    by one: the time to compile grows with their number.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        What the layers are copies of. The first has its parameters; those after it have matrices
        of their own, drawn by ``XavierUniform``. (In torch all copies start equal.)
    num_layers : int
        How many there are.
    norm : callable, optional
        Applied at the end, for example a :class:`LayerNorm`: with ``norm_first`` nothing else
        normalises the output.
    name : str, optional
        A name of its own.

    Attributes
    ----------
    layers : ModuleList of TransformerEncoderLayer
    norm : callable or None

    Raises
    ------
    SizeError
        num_layers is negative or not whole.

    References
    ----------
    The documentation of ``torch.nn.TransformerEncoder``.

    Examples
    --------
    >>> layer = brainlite.nn.TransformerEncoderLayer(16, 4, 32, norm_first=True)
    >>> model = brainlite.nn.TransformerEncoder(layer, 2, brainlite.nn.LayerNorm(16)).eval()
    >>> x = jnp.ones((2, 10, 16))
    >>> whole = model(x, is_causal=True)

    Step by step, with what the steps before leave in the caches:

    >>> model = brainlite.nn.init_all_states(model, batch_size=2, max_length=10)
    >>> steps = brainlite.transform.for_loop(model.step, x.swapaxes(0, 1))
    >>> bool(jnp.allclose(steps.swapaxes(0, 1), whole, atol=1e-5))
    True
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Function | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm, name)

    def update(
        self,
        src: Array,
        mask: Array | None = None,
        src_key_padding_mask: Array | None = None,
        is_causal: bool = False,
    ) -> Array:
        """Run over a sequence.

        Parameters
        ----------
        src : array, shape (..., T, d_model)
        mask, src_key_padding_mask : array, optional
            What is not read, as in :class:`TransformerEncoderLayer`.
        is_causal : bool
            Whether step t reads the steps 0 to t only.

        Returns
        -------
        array, shape (..., T, d_model)
        """
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return self._finish(src)

    def step(self, src: Array) -> Array:
        """Read on: each layer attends to these steps and to all before, which caches keep.

        One step after the other gives what ``update(src, is_causal=True)`` gives at once. Before
        the first, ``init_all_states(model, batch_size=..., max_length=...)`` makes the caches.

        Parameters
        ----------
        src : array, shape ([batch,] d_model) or ([batch,] T, d_model)
            One step, or several.

        Returns
        -------
        array, of the shape of ``src``

        Raises
        ------
        InputError
            The input does not fit the layer or the batch of the caches, or a cache is full (under
            a transform the output is NaN then).
        StateMissingError
            There are no caches.
        """
        for layer in self.layers:
            src = layer.step(src)
        return self._finish(src)
