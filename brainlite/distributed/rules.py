"""Specs for the layers of this library, to be cut over an axis of a mesh that is not the data's.

Tensor parallelism: each device computes some of the features of a layer. A layer that is cut by
its outputs (:func:`column`) and the next one that is cut by its inputs (:func:`row`) need one sum
over the devices between them, since what lies between is cut in the same way. Attention and
recurrent layers are cut by heads and by hidden units (:func:`heads`). The numbers are those of the
whole layer, up to rounding.

Examples
--------
>>> from brainlite import distributed
>>> from brainlite.distributed import rules
>>> mesh = distributed.mesh(data=-1, model=1)
>>> model = distributed.make(
...     lambda: brainlite.nn.TransformerEncoderLayer(16, 4, 32), mesh, rules.transformer("model")
... )
>>> model.linear1.weight.sharding["weight"].spec
P(None, 'model')
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from jax.sharding import PartitionSpec

from brainlite.distributed._layout import WHOLE, make_spec
from brainlite.graph import PathContains
from brainlite.typing import Filter

__all__ = ["column", "heads", "row", "transformer"]

RuleFunction: TypeAlias = Callable[[str, Any], PartitionSpec]


def _at(axis: str, place: int, ndim: int) -> PartitionSpec:
    spec: PartitionSpec = make_spec(*(axis if n == place % ndim else None for n in range(ndim)))
    return spec


def column(axis: str) -> RuleFunction:
    """Return the spec that cuts a layer by its outputs: ``Linear``, ``Conv``, ``Embedding``.

    The last axis of weights and biases is cut. What follows has cut features: a :func:`row`, or an
    elementwise layer and then one.

    Parameters
    ----------
    axis : str
        The axis of the mesh.

    Returns
    -------
    callable
        From the name of an array and the array to its spec.

    Examples
    --------
    >>> brainlite.distributed.rules.column("model")("weight", jnp.zeros((8, 16)))
    P(None, 'model')
    """

    def spec(_name: str, leaf: Any) -> PartitionSpec:
        return _at(axis, -1, leaf.ndim) if leaf.ndim else WHOLE

    return spec


def row(axis: str) -> RuleFunction:
    """Return the spec that cuts a layer by its inputs; an ``Embedding`` by its rows.

    The axis before the last of weights is cut, and biases are whole: after the product, one sum
    over the devices makes the output whole.

    Parameters
    ----------
    axis : str
        The axis of the mesh.

    Returns
    -------
    callable
        From the name of an array and the array to its spec.

    Examples
    --------
    >>> brainlite.distributed.rules.row("model")("weight", jnp.zeros((8, 16)))
    P('model', None)
    """

    def spec(_name: str, leaf: Any) -> PartitionSpec:
        return _at(axis, -2, leaf.ndim) if leaf.ndim > 1 else WHOLE

    return spec


def heads(axis: str) -> RuleFunction:
    """Return the spec that cuts attention by heads, and recurrent layers by hidden units.

    For ``MultiheadAttention``, ``RNN``, ``GRU`` and ``LSTM``, whose weights lie as those of torch
    do: outputs first. The map behind the heads (``out_proj``) and the projection of an LSTM
    (``weight_hr``) are cut by their inputs, and biases are whole. Where one weight holds queries,
    keys and values, or the gates of a cell, one behind the other, their parts change places
    between the devices.

    Parameters
    ----------
    axis : str
        The axis of the mesh. It should divide the number of heads, or of hidden units.

    Returns
    -------
    callable
        From the name of an array and the array to its spec.

    Examples
    --------
    >>> cut = brainlite.distributed.rules.heads("model")
    >>> cut("attention.in_proj_weight", jnp.zeros((48, 16)))
    P('model', None)
    """
    after = row(axis)

    def spec(name: str, leaf: Any) -> PartitionSpec:
        parts = name.split(".")
        if leaf.ndim < 2:  # biases: small, and several stand one behind the other
            return WHOLE
        if "out_proj" in parts:
            return after(name, leaf)
        last = parts[-1]
        if last.startswith(("weight_hr", "bias_k", "bias_v")):
            return _at(axis, -1, leaf.ndim)
        return _at(axis, 0, leaf.ndim)

    return spec


def transformer(axis: str) -> list[tuple[Filter, RuleFunction]]:
    """Return rules for ``Transformer``, its encoder and decoder, and their layers.

    Attention is cut by heads, the first map of the network behind it by its outputs, the second
    by its inputs. What is left is whole, unless rules are appended: ``(..., fsdp(mesh, "data"))``.

    Parameters
    ----------
    axis : str
        The axis of the mesh.

    Returns
    -------
    list of (Filter, callable)

    Examples
    --------
    >>> len(brainlite.distributed.rules.transformer("model"))
    3
    """
    return [
        ([PathContains("self_attn"), PathContains("multihead_attn")], heads(axis)),
        (PathContains("linear1"), column(axis)),
        (PathContains("linear2"), row(axis)),
    ]
