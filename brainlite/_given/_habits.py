"""What people write who come from torch, and what it is called here.

One rule for all of it. What torch has and this library has not raises, and the message shows the
line as it is here. What both have with another meaning, and where the value looks like torch's, is
taken as it is meant here and warns once, with both ways to write it.
"""

import inspect
import warnings
from collections.abc import Mapping
from typing import NamedTuple, cast

import jax

from brainlite.errors import TorchHabitWarning

_GRADIENT = "gradients are values: `grad(loss, model.states(brainlite.ParamState))()` returns them"
_DEVICE = "jax places arrays: `jax.device_put(x, jax.devices()[0])`, or `jax.default_device`"

OF_MODULES: Mapping[str, str] = {
    "bias": "an item of the parameters, `layer.weight.value['bias']`; to set it write "
    "`layer.weight.value = {**layer.weight.value, 'bias': new}`",
    "buffers": "`model.states(brainlite.State)` has all states, parameters among them",
    "compile": "`brainlite.transform.jit(model)`",
    "cpu": _DEVICE,
    "cuda": _DEVICE,
    "extra_repr": "define `__display__`, which returns what is shown",
    "forward": "define `update`, and call the module: `model(x)`",
    "get_buffer": "a buffer is an attribute that holds a state: `model.name.value`",
    "get_extra_state": "a State keeps whatever changes, and `state_dict` has it",
    "ipu": _DEVICE,
    "mtia": _DEVICE,
    "named_buffers": "`model.states(brainlite.State).items()`",
    "register_backward_hook": _GRADIENT,
    "register_full_backward_hook": _GRADIENT,
    "register_full_backward_pre_hook": _GRADIENT,
    "register_module": "`add_module`, or an attribute",
    "register_parameter": "an attribute that holds a `brainlite.ParamState(array)`",
    "requires_grad": "`module.requires_grad_(False)` freezes its parameters; "
    "`parameter.requires_grad` is that of one",
    "set_extra_state": "a State keeps whatever changes, and `load_state_dict` puts it back",
    "set_submodule": "assign the attribute: `model.encoder.layers[0] = layer`",
    "share_memory": "arrays of jax do not change, and may be shared as they are",
    "to_empty": "`brainlite.transform.eval_shape(Net)` makes a model without values",
    "type": "`model.to(dtype)`",
    "xpu": _DEVICE,
    "zero_grad": f"nothing adds up, so nothing is set to zero; {_GRADIENT}",
}
"""What modules have in torch."""

OF_ARRAYS: Mapping[str, str] = {
    "backward": _GRADIENT,
    "bmm": "`a @ b`",
    "bool": "`x.astype(bool)`",
    "contiguous": "leave it out: arrays of jax have no strides",
    "cpu": "`numpy.asarray(x)`",
    "cuda": _DEVICE,
    "data": "leave it out: `jax.lax.stop_gradient(x)` stops gradients",
    "detach": "`jax.lax.stop_gradient(x)`",
    "dim": "`x.ndim`",
    "double": "`x.astype('float64')`",
    "expand": "`jnp.broadcast_to(x, shape)`",
    "expand_as": "`jnp.broadcast_to(x, y.shape)`",
    "fill_": "`jnp.full_like(x, value)`, and assign it",
    "float": "`x.astype('float32')`",
    "gather": "`jnp.take_along_axis(x, index, axis)`",
    "grad": _GRADIENT,
    "half": "`x.astype('float16')`",
    "index_select": "`jnp.take(x, index, axis)`",
    "int": "`x.astype(int)`",
    "is_cuda": _DEVICE,
    "long": "`x.astype(int)`",
    "masked_fill": "`jnp.where(mask, value, x)`",
    "new_zeros": "`jnp.zeros(shape, x.dtype)`",
    "numel": "`x.size`",
    "numpy": "`numpy.asarray(x)`",
    "permute": "`x.transpose(axes)`",
    "pow": "`x**y`",
    "requires_grad": _GRADIENT,
    "requires_grad_": _GRADIENT,
    "scatter": "`x.at[index].set(values)`",
    "softmax": "`brainlite.nn.softmax(x, -1)`",
    "split": "`jnp.split(x, places, axis)`",
    "sigmoid": "`brainlite.nn.sigmoid(x)`",
    "relu": "`brainlite.nn.relu(x)`",
    "tanh": "`jnp.tanh(x)`",
    "exp": "`jnp.exp(x)`",
    "log": "`jnp.log(x)`",
    "sqrt": "`jnp.sqrt(x)`",
    "abs": "`abs(x)`",
    "t": "`x.T`",
    "topk": "`jax.lax.top_k(x, k)`, along the last axis",
    "triu": "`jnp.triu(x)`",
    "type": "`x.astype(dtype)`",
    "unbind": "iterate over the array",
    "unsqueeze": "`jnp.expand_dims(x, axis)`, or `x[:, None]`",
    "view_as": "`x.reshape(y.shape)`",
    "zero_": "`jnp.zeros_like(x)`, and assign it",
}
"""What tensors have in torch and arrays of jax have not."""

_NO_MODE = (
    "leave it out: gradients are taken by `brainlite.transform.grad` alone, where it is called"
)

OF_NAMES: Mapping[str, str] = {
    "DataLoader": "`brainlite.nn.batches((x, y), 32)`",
    "Parameter": "`brainlite.ParamState(array)`",
    "as_tensor": "`jnp.asarray(values)`",
    "autograd": "`brainlite.transform.grad`",
    "cat": "`jnp.concatenate(arrays, axis)`",
    "clip_grad_norm_": "`clip_norm=` of an optimizer, or `brainlite.nn.clip_grad_norm(grads, 1.0)`",
    "compile": "`brainlite.transform.jit(f)`",
    "conv2d": "`brainlite.nn.Conv2d`, or `jax.lax.conv_general_dilated`",
    "cuda": _DEVICE,
    "device": _DEVICE,
    "dropout": "`brainlite.nn.Dropout`, which draws, and knows whether it is trained",
    "embedding": "`table[indices]`",
    "enable_grad": _NO_MODE,
    "from_numpy": "`jnp.asarray(array)`",
    "inference_mode": _NO_MODE,
    "interpolate": "`jax.image.resize`",
    "jit": "`brainlite.transform.jit(f)`",
    "linear": "`x @ weight + bias`",
    "load": "`brainlite.checkpoint.restore(path, model=model)`, or `brainlite.interop.torch`",
    "manual_seed": "`brainlite.random.seed(0)`",
    "max_pool2d": "`brainlite.nn.MaxPool2d(2, 2)`",
    "no_grad": _NO_MODE,
    "pad": "`jnp.pad`",
    "rand": "`brainlite.random.rand`",
    "randn": "`brainlite.random.randn`",
    "save": "`brainlite.checkpoint.save(path, model=model)`",
    "set_grad_enabled": _NO_MODE,
    "stack": "`jnp.stack(arrays, axis)`",
    "tensor": "`jnp.asarray(values)`",
    "utils": "`brainlite.nn.clip_grad_norm`, `brainlite.nn.pad_sequences`",
    "vmap": "`brainlite.transform.vmap(f)`",
    **{
        f"{theirs}_": f"initialisers make arrays: `brainlite.nn.init.{ours}()((4, 16))`, or give "
        "one to the layer"
        for theirs, ours in {
            "constant": "Constant",
            "eye": "Identity",
            "kaiming_normal": "KaimingNormal",
            "kaiming_uniform": "KaimingUniform",
            "normal": "Normal",
            "ones": "Constant",
            "orthogonal": "Orthogonal",
            "trunc_normal": "TruncatedNormal",
            "uniform": "Uniform",
            "xavier_normal": "XavierNormal",
            "xavier_uniform": "XavierUniform",
            "zeros": "ZeroInit",
        }.items()
    },
}
"""What torch has at its top, in nn, nn.functional, nn.init and nn.utils."""

OF_OPTIMIZERS: Mapping[str, str] = {
    "add_param_group": "`brainlite.optim.Group`, when it is made",
    "param_groups": "`optimizer.groups`, and `optimizer.lr` for the rate",
    "zero_grad": f"nothing adds up, so nothing is set to zero; {_GRADIENT}, and "
    "`optimizer.minimize(loss)` takes a step",
}
"""What optimizers have in torch."""

_BIAS = "b_init=None for no bias (bias=False); leave it out for zeros at first"
_IN_SIZE = "in_size, the shape of one sample with the channels last, as (28, 28, 1)"
_STATE = "leave it out: the hidden state lives in the cell"

OF_OPTIONS: Mapping[str, str | Mapping[str, str]] = {
    "_freeze": "freeze",
    "_weight": "embedding_init, or `Embedding.from_pretrained(table)`",
    "affine": "use_scale and use_bias",
    "batch_first": "leave it out: the batch comes first",
    "bias": {
        "Conv": "b_init=brainlite.nn.init.ZeroInit() for a bias; leave it out for none",
        "ConvTranspose": "b_init=brainlite.nn.init.ZeroInit() for a bias; leave it out for none",
        "BatchNorm": "affine=False for neither scale nor bias",
        "LayerNorm": "use_bias",
        "GroupNorm": "use_bias",
        "": _BIAS,
    },
    "device": _DEVICE,
    "dilation": {
        "MaxPool": "leave it out, and take every other element first: `x[:, ::2]`",
        "": "rhs_dilation",
    },
    "dim": "axis",
    "divisor_override": "leave it out, and multiply the output",
    "dtype": "param_dtype for the parameters, or `model.to(dtype)`",
    "elementwise_affine": "use_scale and use_bias (RMSNorm: use_scale)",
    "embedding_dim": "embedding_size",
    "enable_nested_tensor": "leave it out: there are no nested tensors",
    "end_dim": "end_axis",
    "eps": "epsilon",
    "hidden_size": "out_size",
    "in_channels": _IN_SIZE,
    "in_features": "in_size",
    "inplace": "leave it out: arrays of jax do not change",
    "input_size": "in_size",
    "mask_check": "leave it out: no mask is left out of account",
    "max_value": "max_val",
    "min_value": "min_val",
    "nonlinearity": {
        "RNNCell": "activation",
        "": "leave it out: GRU and LSTM have their own",
    },
    "normalized_shape": "in_size, and reduction_axes and feature_axes for more axes than the last",
    "num_channels": "in_size",
    "num_features": _IN_SIZE,
    "out_features": "out_size",
    "output_size": "target_size",
    "padding_mode": "leave it out: zeros",
    "proj_size": "leave it out: only an LSTM has a projection",
    "reduce": "reduction='none', 'mean' or 'sum'",
    "return_indices": "leave it out: an adaptive maximum does not say where it is",
    "size_average": "reduction='none', 'mean' or 'sum'",
    "sparse": "leave it out: gradients are dense",
    "start_dim": "start_axis",
    "unflattened_size": "sizes",
    "values": "parameters",
}
"""Options that torch has under a name that is none here; for a class or its base, or for all."""


class Doubt(NamedTuple):
    """An option that may be meant as torch means it: what was given, and both ways to write it."""

    given: str
    meaning: str  # of what was given, here
    theirs: str  # how to write here what it means in torch
    ours: str  # how to write what it means here, so that nobody asks


def instead(kind: type, option: str) -> str | None:
    """Return what is written here for an option of torch's, if it is known."""
    known = OF_OPTIONS.get(option)
    if known is None or isinstance(known, str):
        return known
    names = (name for base in kind.__mro__ for name in (base.__name__, base.__name__[:-2]))
    return next((known[name] for name in names if name in known), known[""])


def no_such_name(owner: str, name: str, names: Mapping[str, str] = OF_NAMES) -> AttributeError:
    """Return the error for a name that a module of Python, or an object, does not have."""
    known = names.get(name)
    text = f"{owner} has no attribute {name!r}"
    return AttributeError(text if known is None else f"{text}. torch's `{name}` is here: {known}")


class Elsewhere:
    """An attribute that torch's modules have and those here have not: it is not set, either.

    One that was set would be a plain attribute, which nothing reads.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, node: object, owner: type | None = None) -> "Elsewhere":
        if node is None:
            return self
        raise AttributeError(self._name)  # the module has its own error for names it lacks

    def __set__(self, node: object, value: object) -> None:
        raise no_such_name(type(node).__name__, self._name, OF_MODULES)


_asked: set[tuple[str, str]] = set()


def ask(kind: type, doubt: Doubt) -> None:
    """Warn, once for each class and value, that an option means something else in torch."""
    if (kind.__name__, doubt.given) in _asked:
        return
    _asked.add((kind.__name__, doubt.given))
    warnings.warn(
        f"{kind.__name__}({doubt.given}) {doubt.meaning}. Write {doubt.theirs} for what torch "
        f"means by it, or {doubt.ours} for this. (Shown once.)",
        TorchHabitWarning,
        stacklevel=_outside(),
    )


def warn_once(topic: str, text: str) -> None:
    """Warn of a habit of torch's that no option shows, once for each topic."""
    if (topic, "") not in _asked:
        _asked.add((topic, ""))
        warnings.warn(f"{text} (Shown once.)", TorchHabitWarning, stacklevel=_outside())


def _outside() -> int:
    """Return how far above the caller the code is that is not ours, for a warning there."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("brainlite."):
        frame, level = frame.f_back, level + 1
    return level


_NO_VALUE = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
_UNKNOWN = (
    "arrays have no values while a function is compiled or differentiated: return them, and take "
    "`x.item()`, `float(x)` or `numpy.asarray(x)` of what comes out; `jax.debug.print` shows "
    "values, and `brainlite.transform.cond` chooses by one"
)


def add_hint(error: object) -> None:
    """Add to an error of jax about an array what torch's habit behind it is called here."""
    note = None
    if isinstance(
        error, jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError
    ):
        note = _UNKNOWN
    elif isinstance(error, AttributeError) and isinstance(error.obj, jax.Array):
        known = OF_ARRAYS.get(error.name or "")
        note = None if known is None else f"torch's `{error.name}` is here: {known}"
    if note is not None and note not in getattr(error, "__notes__", ()):
        cast("BaseException", error).add_note(note)
