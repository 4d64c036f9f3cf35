"""The affine layer, and what is common to its kinds."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import jax.numpy as jnp

from brainlite._given import Elsewhere, is_quantity, to_size
from brainlite.errors import SizeError, StateValueError
from brainlite.nn import init
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import Init, Layer, check_features
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.state import ParamState
from brainlite.state._face import locate, type_text
from brainlite.typing import Array, DTypeLike, Size

P = TypeVar("P")


class Affine(Layer, Generic[P]):
    """The base of layers that map the last axis by a matrix, which they make of parameters."""

    __display_compact__ = False  # it prints as on the page of the tutorial

    w_mask: Array | None = None
    weight: ParamState[P]

    if not TYPE_CHECKING:
        bias = Elsewhere()

    def _set_sizes(self, in_size: Size, out_size: Size) -> tuple[int, int]:
        """Set the sizes, and return the shape of the matrix."""
        kind = type(self).__name__
        self.in_size = to_size(in_size, name="in_size", where=kind)
        self.out_size = to_size(out_size, name="out_size", where=kind)
        if not self.in_size or not self.out_size or self.in_size[:-1] != self.out_size[:-1]:
            raise SizeError(
                "the leading axes of in_size and out_size differ",
                where=kind,
                expected="sizes that agree in all axes but the last",
                got=f"in_size={self.in_size}, out_size={self.out_size}",
                fix=f"pass sizes of equal rank; a {kind} maps the last axis only",
            )
        return self.in_size[-1], self.out_size[-1]

    def _make_params(self, w_init: Init, b_init: Init | None, shape: Size) -> dict[str, Array]:
        """Return weight and bias; the bias, where there is one, has the last axis of the weight."""
        params = {"weight": self._make(w_init, shape)}
        if b_init is not None:
            params["bias"] = self._make(b_init, params["weight"].shape[-1])
        return params

    def _effective(self, params: Any) -> dict[str, Array]:
        """Return the weight and the bias that parameters stand for: here themselves."""
        if isinstance(params, dict):
            return params
        raise StateValueError(
            "the parameters are no dict of a weight and a bias: another state was put in place",
            where=locate(self.weight) or type(self).__name__,
            expected="{'weight': ..., 'bias': ...}",
            got=type_text(params),
            fix="to share the table of an embedding, make the layer by `nn.TiedLinear(embedding)`; "
            "to change the numbers, write to `.weight.value`",
        )

    def update(self, x: Array) -> Array:
        """Map the last axis.

        Parameters
        ----------
        x : array, shape (..., in)

        Returns
        -------
        array, shape (..., out)
        """
        check_features(self, x, self.in_size[-1])
        weight: Any = self.weight.value
        if self.dtype is not None:
            x, weight = self._cast(x, weight)
        return affine(self._effective(weight), self.w_mask, x)


class Linear(Affine[dict[str, Array]]):
    r"""An affine map of the last axis, :math:`y = x W + b`.

    Parameters
    ----------
    in_size, out_size : int or sequence of int
        The sizes of input and output. Of several axes only the last is mapped; the others must
        agree.
    w_init : callable or array
        The weight, or what makes it from its shape (in_size[-1], out_size[-1]).
    b_init : callable, array or None
        The bias, or what makes it from its shape (out_size[-1],); None for no bias.
    w_mask : callable, array or None
        Multiplied with the weight at every call; or what makes it from the shape of the weight.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the parameters.
    dtype, param_dtype : dtype, optional
        What the layer computes in, and the type of the parameters. By default input and parameters
        are promoted, and parameters have the type of ``environ.set_precision``.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (in, out), 'bias': (out,)}``; without ``'bias'`` where there is none.

    Raises
    ------
    SizeError
        A size is negative or not whole, or the leading axes differ.
    InputError
        The last axis of the input is not in_size[-1].
    OptionError
        A dtype is none of floats.
    StateValueError
        At the call: ``weight`` was replaced by a state that holds no dict, as the table of an
        embedding (see :class:`TiedLinear`).

    References
    ----------
    .. [1] He et al., "Delving Deep into Rectifiers", 2015: the default initialiser.

    Examples
    --------
    >>> brainlite.nn.Linear((10,), (5,))(jnp.ones((32, 10))).shape
    (32, 5)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        w_init: Init = init.KaimingNormal(),
        b_init: Init | None = init.ZeroInit(),
        w_mask: Init | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        shape = self._set_sizes(in_size, out_size)
        self._set_dtypes(dtype, param_dtype)
        self.w_mask: Array | None = None if w_mask is None else init.param(w_mask, shape)
        self.weight: ParamState[dict[str, Array]] = param_type(
            self._make_params(w_init, b_init, shape)
        )

    def _torch_views(self) -> list[TorchView]:
        """Say how torch names and lays out the weight, which is transposed there, and the bias."""
        return [
            view_of(
                self.weight,
                {
                    "weight": TorchLayout("weight", _transposed, _transposed),
                    "bias": TorchLayout("bias"),
                },
                flat="weight",
            )
        ]


def _transposed(weight: Any) -> Any:
    return weight.T


@kernel()
def affine(params: dict[str, Array], mask: Array | None, x: Array) -> Array:
    """Compute the map on arrays alone."""
    weight = params["weight"]
    if mask is not None:
        weight = weight * mask.astype(weight.dtype)  # the model may have been cast
    # A quantity knows the product, and its unit; jax knows that of arrays.
    y: Array = x @ weight if is_quantity(weight) or is_quantity(x) else jnp.dot(x, weight)
    return y + params["bias"] if "bias" in params else y
