"""Layers that are linear in their input, with weights of a certain kind."""

import math
from typing import Any

import jax.numpy as jnp

from brainlite._given import to_size
from brainlite.errors import SizeError
from brainlite.nn import init
from brainlite.nn._layers.layer import Init, Layer, check_array, check_features
from brainlite.nn._layers.linear import Affine
from brainlite.nn._layers.weight_standardization import weight_standardization
from brainlite.nn._modules.module import Module
from brainlite.state import ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, DTypeLike, Size


class ScaledWSLinear(Affine[dict[str, Array]]):
    """A :class:`Linear` whose weight is standardised at every call.

    Parameters
    ----------
    in_size, out_size, w_init, b_init, w_mask, name, param_type, dtype, param_dtype
        As in :class:`Linear`. The mask is applied after the standardisation.
    ws_gain : bool
        Whether to learn a factor for each output, at first 1.
    eps : float
        The least variance, times the number of inputs, that is divided by.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (in, out), 'bias': (out,), 'gain': (1, out)}``, without what there is not.

    Raises
    ------
    SizeError, InputError, OptionError
        As in :class:`Linear`.

    See Also
    --------
    brainlite.nn.weight_standardization : the equation, and its references.

    Examples
    --------
    >>> brainlite.nn.ScaledWSLinear(10, 5)(jnp.ones((32, 10))).shape
    (32, 5)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        w_init: Init = init.KaimingNormal(),
        b_init: Init | None = init.ZeroInit(),
        w_mask: Init | None = None,
        ws_gain: bool = True,
        eps: float = 1e-4,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        shape = self._set_sizes(in_size, out_size)
        self._set_dtypes(dtype, param_dtype)
        self.w_mask: Array | None = None if w_mask is None else init.param(w_mask, shape)
        self.eps = eps
        params = self._make_params(w_init, b_init, shape)
        if ws_gain:
            params["gain"] = self._make(init.Constant(1.0), (1, shape[1]))
        self.weight: ParamState[dict[str, Array]] = param_type(params)

    def _effective(self, params: dict[str, Array]) -> dict[str, Array]:
        params = super()._effective(params)
        weight = weight_standardization(params["weight"], self.eps, params.get("gain"))
        return {**params, "weight": weight}


class SignedWLinear(Affine[Array]):
    r"""A map of the last axis by weights of given signs, :math:`y = x (|W| S)`; it has no bias.

    Parameters
    ----------
    in_size, out_size, w_init, name, param_type, dtype, param_dtype
        As in :class:`Linear`.
    w_sign : array, optional
        The signs S: anything that broadcasts to (in, out). By default all weights are positive.

    Attributes
    ----------
    weight : ParamState
        W, of shape (in, out) and any sign.

    Raises
    ------
    SizeError, InputError, OptionError
        As in :class:`Linear`.

    Examples
    --------
    >>> inhibitory = brainlite.nn.SignedWLinear(10, 5, w_sign=-1.0)
    >>> bool((inhibitory(jnp.ones(10)) < 0).all())
    True
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        w_init: Init = init.KaimingNormal(),
        w_sign: ArrayLike | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        shape = self._set_sizes(in_size, out_size)
        self._set_dtypes(dtype, param_dtype)
        if w_sign is not None:
            self.w_sign = init.param(w_sign, shape)
        self.weight: ParamState[Array] = param_type(self._make(w_init, shape))

    w_sign: Array | None = None

    def _effective(self, params: Array) -> dict[str, Array]:
        weight = jnp.abs(params)
        sign = self.w_sign
        return {"weight": weight if sign is None else weight * sign.astype(weight.dtype)}


class AllToAll(Affine[dict[str, Array]]):
    """Connections from every unit of one group to every unit of another, or of the same.

    Parameters
    ----------
    in_size, out_size, w_init, name, param_type, dtype, param_dtype
        As in :class:`Linear`.
    b_init : callable, array or None
        The bias, or what makes it; by default there is none.
    include_self : bool
        Whether unit i is connected to unit i; if not, the diagonal of the weight counts as 0.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (in, out)}``, and ``'bias': (out,)`` where there is one.

    Raises
    ------
    SizeError, InputError, OptionError
        As in :class:`Linear`.

    Examples
    --------
    >>> brainlite.nn.AllToAll(3, 3, 1.0, include_self=False)(jnp.arange(3.0))
    Array([3., 2., 1.], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        w_init: Init = init.KaimingNormal(),
        b_init: Init | None = None,
        include_self: bool = True,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        shape = self._set_sizes(in_size, out_size)
        self._set_dtypes(dtype, param_dtype)
        self.include_self = include_self
        params = self._make_params(w_init, b_init, shape)
        self.weight: ParamState[dict[str, Array]] = param_type(params)

    def _effective(self, params: dict[str, Array]) -> dict[str, Array]:
        params = super()._effective(params)
        weight = params["weight"]
        if self.include_self:
            return params
        diagonal = jnp.eye(weight.shape[0], weight.shape[1], dtype=weight.dtype)
        return {**params, "weight": weight * (1 - diagonal)}


class OneToOne(Layer):
    """A weight for each element: ``y = x * weight + bias``.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of one input, of the output and of the weight.
    w_init : callable or array
        The weight, or what makes it from its shape.
    b_init : callable, array or None
        The bias, or what makes it; by default there is none.
    name, param_type, dtype, param_dtype
        As in :class:`Linear`.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': in_size}``, and ``'bias'`` of the same shape where there is one.

    Raises
    ------
    SizeError
        The size is negative or not whole.
    InputError
        The last axes of the input are not in_size.
    OptionError
        A dtype is none of floats.

    Examples
    --------
    >>> brainlite.nn.OneToOne(3, w_init=2.0, b_init=1.0)(jnp.arange(3.0))
    Array([1., 3., 5.], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        w_init: Init = init.Normal(),
        b_init: Init | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        self.in_size = self.out_size = to_size(in_size, name="in_size", where="OneToOne")
        self._set_dtypes(dtype, param_dtype)
        inits = {"weight": w_init} if b_init is None else {"weight": w_init, "bias": b_init}
        self.weight: ParamState[dict[str, Array]] = param_type(
            {name: self._make(each, self.in_size) for name, each in inits.items()}
        )

    def update(self, x: Array) -> Array:
        """Multiply each element with its weight.

        Parameters
        ----------
        x : array, shape (..., *in_size)

        Returns
        -------
        array of the shape of x
        """
        size = self.in_size
        check_array(self, x)
        if x.shape[max(x.ndim - len(size), 0) :] != size:
            raise refused(
                self,
                "the input has the wrong shape",
                expected=f"an array of shape (..., {', '.join(map(str, size))})",
                got=f"an array of shape {x.shape}",
                fix=f"pass {math.prod(size)} elements in these axes, or make the layer for others",
            )
        x, params = self._cast(x, self.weight.value)
        y: Array = x * params["weight"]
        return y + params["bias"] if "bias" in params else y


class LoRA(Layer):
    r"""A map of low rank, :math:`y = x A B`, alone or added to what another layer returns.

    Parameters
    ----------
    in_features, lora_rank, out_features : int
        The sizes of input and output, and the rank between.
    base_module : Module, optional
        The layer to adapt, of the same sizes. It is trained too, unless it is frozen
        (``base_module.requires_grad_(False)``).
    kernel_init : callable or array
        What makes A and B.
    param_type : type
        The kind of state that holds A and B.
    in_size : int or sequence of int, optional
        The shape of one input, if it has axes before the last.
    lora_b_init : callable or array, optional
        What makes B, if not kernel_init. With ``init.ZeroInit()`` the layer starts as
        base_module does, as in the paper.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`.

    Attributes
    ----------
    weight : ParamState
        ``{'lora_a': (in, rank), 'lora_b': (rank, out)}``.

    Raises
    ------
    SizeError
        A size is negative or not whole, or in_size or base_module is of other sizes.
    OptionError
        A dtype is none of floats.

    References
    ----------
    Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022.

    Examples
    --------
    >>> base = brainlite.nn.Linear(10, 5).requires_grad_(False)
    >>> brainlite.nn.LoRA(10, 2, 5, base_module=base)(jnp.ones((32, 10))).shape
    (32, 5)
    """

    def __init__(
        self,
        in_features: int,
        lora_rank: int,
        out_features: int,
        *,
        base_module: Module | None = None,
        kernel_init: Init = init.LecunNormal(),
        param_type: type[ParamState[Any]] = ParamState,
        in_size: Size | None = None,
        lora_b_init: Init | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.in_size = in_features if in_size is None else in_size
        self.out_size = (*self.in_size[:-1], out_features)
        self.in_features = in_features
        self.out_features = out_features
        base = (None, None) if base_module is None else base_module._in_and_out_size()
        wanted = (in_features, in_features, out_features)
        for size, want in zip((self.in_size, *base), wanted, strict=True):
            if size is not None and size[-1:] != (want,):
                raise SizeError(
                    "the last axis of a size differs from the number of features",
                    where="LoRA",
                    expected=f"{want} in the last axis",
                    got=f"{size}",
                    fix="pass the in_features and out_features of base_module, and in_size to fit",
                )
        self._set_dtypes(dtype, param_dtype)
        if base_module is not None:
            self.base_module = base_module
        second = kernel_init if lora_b_init is None else lora_b_init
        self.weight: ParamState[dict[str, Array]] = param_type(
            {
                "lora_a": self._make(kernel_init, (in_features, lora_rank)),
                "lora_b": self._make(second, (lora_rank, out_features)),
            }
        )

    base_module: Module | None = None

    def update(self, x: Array) -> Array:
        """Map the last axis.

        Parameters
        ----------
        x : array, shape (..., in_features)

        Returns
        -------
        array, shape (..., out_features)
        """
        check_features(self, x, self.in_features)
        given, params = self._cast(x, self.weight.value)
        y: Array = given @ params["lora_a"] @ params["lora_b"]
        base: Any = self.base_module
        return y if base is None else y + base(x)
