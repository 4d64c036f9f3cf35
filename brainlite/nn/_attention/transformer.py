"""What the layers of a transformer share, and what their stacks share."""

import copy
from collections.abc import Callable
from typing import ClassVar, Generic, Literal, TypeAlias

import jax
from typing_extensions import TypeVar

from brainlite._given import placed_like, to_size
from brainlite.errors import OptionError
from brainlite.nn import init
from brainlite.nn._attention.arguments import check_heads
from brainlite.nn._attention.multihead import MultiheadAttention
from brainlite.nn._layers.activations import GELU, ReLU
from brainlite.nn._layers.dropout import Dropout
from brainlite.nn._layers.layer import Layer
from brainlite.nn._layers.layer_norm import LayerNorm
from brainlite.nn._layers.linear import Linear
from brainlite.nn._modules.containers import ModuleList
from brainlite.nn._modules.module import Module
from brainlite.nn._modules.torch_names import find_views
from brainlite.typing import Array, DTypeLike

Function: TypeAlias = Callable[[Array], Array]
_ACTIVATIONS: dict[str, type[ReLU] | type[GELU]] = {"relu": ReLU, "gelu": GELU}


class TransformerLayer(Layer):
    """The base of the layers: attentions, then two affine maps, each with what goes around it."""

    # In torch's order, which is that of the parameters.
    _attentions: ClassVar[dict[str, type[MultiheadAttention]]] = {"self_attn": MultiheadAttention}

    self_attn: MultiheadAttention
    norm1: LayerNorm
    norm2: LayerNorm

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Literal["relu", "gelu"] | Function = "relu",
        layer_norm_eps: float = 1e-5,
        *,
        norm_first: bool = False,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        kind = type(self).__name__
        self.name = name
        self.in_size = self.out_size = to_size(d_model, "d_model", kind)
        [size], [heads] = self.in_size, to_size(nhead, "nhead", kind)
        [hidden] = to_size(dim_feedforward, "dim_feedforward", kind)
        check_heads(kind, ("nhead", heads), ("d_model", size), dropout)
        self._set_dtypes(dtype, param_dtype)
        self.norm_first: bool = norm_first
        self.activation: Function = _to_activation(activation, kind)
        for each, attention in self._attentions.items():
            part = attention(size, heads, dropout, bias, dtype=dtype, param_dtype=param_dtype)
            setattr(self, each, part)
        xavier, zeros = init.XavierUniform(), init.ZeroInit() if bias else None
        self.linear1: Linear = Linear(
            size, hidden, xavier, zeros, dtype=dtype, param_dtype=param_dtype
        )
        self.linear2: Linear = Linear(
            hidden, size, xavier, zeros, dtype=dtype, param_dtype=param_dtype
        )
        for number in range(len(self._attentions) + 1):
            norm = LayerNorm(
                size, epsilon=layer_norm_eps, use_bias=bias, dtype=dtype, param_dtype=param_dtype
            )
            setattr(self, f"norm{number + 1}", norm)
        self.dropout: Dropout = Dropout(p=dropout)

    def _around(self, x: Array, part: Function, norm: LayerNorm) -> Array:
        """Add to ``x`` what a part makes of it, and normalise before or after."""
        if self.norm_first:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))

    def _feed(self, x: Array) -> Array:
        """Map each step by itself."""
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _to_activation(given: str | Function, kind: str) -> Function:
    """Return the function that is meant; 'gelu' is the exact one, as in torch."""
    if isinstance(given, str) and given in _ACTIVATIONS:
        return _ACTIVATIONS[given]()
    if isinstance(given, str) or not callable(given):
        raise OptionError(
            "there is no such activation",
            where=kind,
            expected=f"one of {', '.join(map(repr, _ACTIVATIONS))}, or a function of an array",
            got=f"activation={given!r}",
            fix="pass the function itself, for example brainlite.nn.silu",
        )
    return given


L = TypeVar("L", bound=TransformerLayer)


class TransformerStack(Module, Generic[L]):
    """The base of the stacks: layers that follow each other, and a normalisation at the end."""

    def __init__(
        self, layer: L, num_layers: int, norm: Function | None = None, name: str | None = None
    ) -> None:
        [count] = to_size(num_layers, "num_layers", type(self).__name__)
        self.name = name
        self.in_size = self.out_size = layer.in_size
        self.layers: ModuleList[L] = ModuleList(
            _copied(layer, anew=number > 0) for number in range(count)
        )
        self.norm: Function | None = norm

    def _finish(self, x: Array) -> Array:
        """Normalise what the last layer returned."""
        return x if self.norm is None else self.norm(x)


def _copied(layer: L, *, anew: bool) -> L:
    """Return a copy, perhaps with its matrices drawn anew, as ``torch.nn.Transformer`` draws."""
    twin = copy.deepcopy(layer)
    for _, view in find_views(twin) if anew else ():
        old = view.state.value
        arrays = {
            name: init.XavierUniform()(array.shape) if array.ndim == 2 else array
            for name, array in view.take(old).items()
        }
        view.state.value = jax.tree.map(placed_like, view.put(old, arrays), old)
    return twin
