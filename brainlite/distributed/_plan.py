"""What rules will do to a model, before they do it: a table."""

import math
from collections.abc import Callable
from typing import Any

from brainlite.display._face import Table, rich_table, terminal_text
from brainlite.distributed._layout import AnyMesh, ModelLayout, Placed, Rules, lay_out
from brainlite.graph import Node
from brainlite.nn._face import in_bytes
from brainlite.state import State
from brainlite.state._face import spec_text, type_text
from brainlite.transform import eval_shape


class Plan:
    """What :func:`plan` returns: a table as text when printed, and as HTML in a notebook.

    Attributes
    ----------
    arrays : list of (name, array, sharding, rule)
        Every array, in the order of the model.
    bytes, device_bytes : int
        What all of them take together, and what one device holds.
    largest : int
        The bytes of the largest array: what a device needs beside its own while it is made.
    """

    def __init__(self, layout: ModelLayout, mesh: AnyMesh) -> None:
        self.arrays: list[Placed] = layout.arrays
        self._mesh = mesh
        sizes = [_bytes(each) for each in self.arrays]
        self.bytes: int = sum(whole for whole, _ in sizes)
        self.device_bytes: int = sum(part for _, part in sizes)
        self.largest: int = max((whole for whole, _ in sizes), default=0)

    def specs(self) -> dict[str, str]:
        """Return the spec of each array by name, as text."""
        return {each.name: spec_text(each.where) for each in self.arrays}

    def _table(self) -> Table:
        """Return the plan as rows for print and for a page."""
        header = ["array", "type", "spec", "bytes", "per device", "rule"]
        rows = [
            [
                each.name,
                type_text(each.leaf),
                spec_text(each.where),
                *[f"{size:,}" for size in _bytes(each)],
                "" if each.rule is None else str(each.rule),
            ]
            for each in self.arrays
        ]
        mesh = ", ".join(f"{name}={size}" for name, size in self._mesh.shape.items())
        footer = [
            f"mesh: {mesh} ({math.prod(self._mesh.shape.values())} devices)",
            f"all arrays: {in_bytes(self.bytes)}; on one device: {in_bytes(self.device_bytes)}",
        ]
        return Table(header, rows, footer, [3, 4, 5], [1])

    def __repr__(self) -> str:
        return self._table().text()

    def __str__(self) -> str:
        return terminal_text(self._table())

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __rich_console__(self, _console: object, options: Any) -> Any:
        yield rich_table(self._table(), options.max_width)

    def _repr_html_(self) -> str:
        return self._table().html()


def _bytes(each: Placed) -> tuple[int, int]:
    """Return the bytes of an array, and of the part that one device holds."""
    shape: tuple[int, ...] = getattr(each.leaf, "shape", ())
    size = int(each.leaf.dtype.itemsize) if hasattr(each.leaf, "dtype") else 8
    part: tuple[int, ...] = each.where.shard_shape(shape)
    return math.prod(shape) * size, math.prod(part) * size


def plan(model: Any, mesh: AnyMesh, rules: Rules = ()) -> Plan:
    """Return what rules will do to a model: how each array is cut, and what a device holds.

    Parameters
    ----------
    model : Module, other graph, or callable
        The model, or the function that makes it, which is not computed.
    mesh : Mesh or AbstractMesh
        The devices. An abstract one, ``jax.sharding.AbstractMesh((250, 4), ("data", "model"))``,
        needs none.
    rules : sequence of (Filter, spec)
        See :func:`make`.

    Returns
    -------
    Plan
        Prints as a table.

    Raises
    ------
    OptionError, ShardingError
        As :func:`make` raises them.
    FilterError
        A rule begins with something that is no filter.

    Examples
    --------
    >>> from jax.sharding import AbstractMesh, PartitionSpec
    >>> mesh = AbstractMesh((2, 4), ("data", "model"))
    >>> rules = [(..., {"weight": PartitionSpec(None, "model")})]
    >>> brainlite.distributed.plan(lambda: brainlite.nn.Linear(8, 16), mesh, rules)
    array          type           spec              bytes  per device  rule
    -----------------------------------------------------------------------
    weight.bias    float32[16]    P()                  64          64     0
    weight.weight  float32[8,16]  P(None, 'model')    512         128     0
    -----------------------------------------------------------------------
    mesh: data=2, model=4 (8 devices)
    all arrays: 576 B; on one device: 192 B
    """
    return Plan(lay_out(abstract(model), mesh, rules), mesh)


def abstract(model: Any) -> Any:
    """Return a model as it is or, of a function that makes one, the model without values."""
    factory: Callable[[], Any] | None = (
        None if isinstance(model, Node | State) or not callable(model) else model
    )
    return model if factory is None else eval_shape(factory)
