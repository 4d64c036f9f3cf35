"""The one matrix of a cell as torch has it: apart for input and hidden state, with two biases."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from brainlite.errors import StateDictError
from brainlite.nn._modules.torch_names import Arrays, TorchView
from brainlite.state import ParamState
from brainlite.state._face import locate
from brainlite.typing import Array


def torch_view(
    state: ParamState[dict[str, Array]],
    num_in: int,
    order: Sequence[int] = (0,),
    extra: Sequence[float] = (0,),
) -> TorchView:
    """Return torch's view of a weight (num_in + H, gates H) and its bias.

    Parameters
    ----------
    state : ParamState
        ``{'weight': ..., 'bias': ...}``, or without the bias.
    num_in : int
        How many rows belong to the input.
    order : sequence of int
        Where torch's gates are among those here; each gate of torch is named once.
    extra : sequence of float
        What the cell adds to each of torch's gates, which torch has in its bias.
    """
    biased = "bias" in state.value
    back = [order.index(gate) for gate in range(len(order))]
    if any(extra) and not biased:
        raise StateDictError(
            "this cell has no bias, but adds a constant to a gate, which torch has in its bias",
            where=locate(state),
            expected="a cell with a bias",
            got="b_init=None",
            fix="make the cell with its bias, which may be zero",
        )

    def take(value: Any) -> Arrays:
        weight = _gates(value["weight"].T, order)
        arrays = {"weight_ih": weight[:, :num_in], "weight_hh": weight[:, num_in:]}
        if biased:
            bias = _gates(value["bias"], order)
            arrays["bias_ih"] = bias + _constant(bias, extra)
            arrays["bias_hh"] = jnp.zeros_like(bias)
        return arrays

    def put(old: Any, arrays: Arrays) -> Any:
        weight = jnp.concatenate([arrays["weight_ih"], arrays["weight_hh"]], 1)
        new = {"weight": _gates(weight, back).T}
        if biased:
            bias = jnp.asarray(arrays["bias_ih"]) + jnp.asarray(arrays["bias_hh"])
            new["bias"] = _gates(bias - _constant(bias, extra), back)
        return {**old, **new}

    return TorchView(state, take, put)


def _gates(array: Array, order: Sequence[int]) -> Array:
    """Return rows in another order of the gates."""
    parts = array.reshape(len(order), -1, *array.shape[1:])
    return parts[jnp.asarray(order)].reshape(array.shape)


def _constant(bias: Array, extra: Sequence[float]) -> Array:
    return jnp.repeat(jnp.asarray(extra, bias.dtype), bias.size // len(extra))
