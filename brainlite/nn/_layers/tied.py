"""An affine layer whose weight is the table of an embedding."""

from typing import Any

import jax.numpy as jnp

from brainlite.errors import OptionError, SizeError
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.embedding import Embedding
from brainlite.nn._layers.layer import Init, Layer, check_features
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.state import ParamState
from brainlite.typing import Array, DTypeLike


class TiedLinear(Layer):
    r"""The readout of a language model that shares its weight with the embedding of the input.

    :math:`y = x E^\top + b` for the table :math:`E` of an embedding, whose rows are the classes.
    The table is one parameter: it is counted, saved, differentiated and trained once, and a
    gradient is the sum of both uses. In torch this is ``head.weight = embedding.weight``, whose
    names and layout ``load_torch_state_dict`` and ``to_torch_state_dict`` have.

    Parameters
    ----------
    embedding : Embedding
        The layer whose table is used, of rows with one axis.
    b_init : callable, array or None
        The bias, or what makes it from its shape (num_embeddings,); by default none.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the bias.
    dtype : dtype, optional
        What the layer computes in, as in :class:`Linear`. The bias has the type of the table.

    Attributes
    ----------
    embedding : Embedding
        The same object that was given.
    bias : ParamState or None

    Raises
    ------
    OptionError
        What was given is no Embedding.
    SizeError
        The rows of the table have several axes.
    InputError
        The last axis of the input is not the size of a row.

    References
    ----------
    Press and Wolf, "Using the output embedding to improve language models", EACL 2017.

    Examples
    --------
    >>> words = brainlite.nn.Embedding(1000, 16)
    >>> readout = brainlite.nn.TiedLinear(words)
    >>> readout(words(jnp.array([3, 7]))).shape
    (2, 1000)
    >>> model = brainlite.nn.Sequential(words, readout)
    >>> model.num_parameters()
    16000
    """

    def __init__(
        self,
        embedding: Embedding,
        b_init: Init | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        self.in_size, self.out_size = _sizes(embedding)
        self._set_dtypes(dtype, None)
        self.embedding: Embedding = embedding
        self.bias: ParamState[Array] | None = None
        if b_init is not None:
            bias = self._make(b_init, self.out_size).astype(embedding.weight.value.dtype)
            self.bias = param_type(bias)

    def update(self, x: Array) -> Array:
        """Map the last axis.

        Parameters
        ----------
        x : array, shape (..., in)

        Returns
        -------
        array, shape (..., num_embeddings)
        """
        check_features(self, x, self.in_size[-1])
        params = {"table": self.embedding.weight.value}
        if self.bias is not None:
            params["bias"] = self.bias.value
        y: Array = _scores(*self._cast(params, x))
        return y

    def _torch_views(self) -> list[TorchView]:
        views = [view_of(self.embedding.weight, {"weight": TorchLayout()})]
        return views if self.bias is None else [*views, view_of(self.bias, {"bias": TorchLayout()})]


def _sizes(embedding: object) -> tuple[tuple[int], tuple[int]]:
    """Return the sizes of input and output, or raise where this is no table of vectors."""
    if not isinstance(embedding, Embedding):
        raise OptionError(
            "a weight can be shared with an embedding only",
            where="TiedLinear",
            expected="an Embedding, the layer itself",
            got=f"a {type(embedding).__name__}",
            fix="pass the layer: `nn.TiedLinear(self.embedding)`; to use another weight twice, "
            "compute with its `.value`",
        )
    if len(embedding.embedding_size) != 1:
        raise SizeError(
            "the rows of the embedding are no vectors",
            where="TiedLinear",
            expected="an embedding_size of one axis",
            got=f"embedding_size={embedding.embedding_size}",
            fix="make the embedding with one size, and reshape what it returns",
        )
    return (embedding.embedding_size[0],), (embedding.num_embeddings,)


@kernel()
def _scores(params: dict[str, Array], x: Array) -> Array:
    y: Array = jnp.dot(x, params["table"].T)
    return y + params["bias"] if "bias" in params else y
