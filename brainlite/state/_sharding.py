"""Where values live: the shardings that states declare, and values that are put there.

A sharding is a tree of :class:`jax.sharding.NamedSharding` in the structure of a value. What a
state declares holds for each value that it gets: a compiled function returns it so, and what is
written outside of one is put there.
"""

import functools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from brainlite._given import explicit_spec
from brainlite._jax_compat import Tracer
from brainlite.errors import ShardingError
from brainlite.state._fit import same_structure, type_text
from brainlite.state._locate import locate

FIELD = "__sharding__"  # under which it is among the fields of a state

_make_spec: Any = PartitionSpec  # its constructor has no types


def spread(state: Any, value: Any, sharding: Any) -> Any:
    """Return a sharding for each array of a value, from one for all of them or a tree of them.

    Raises
    ------
    ShardingError
        The value cannot be laid out so.
    """
    if isinstance(sharding, NamedSharding) and value is not None:
        sharding = jax.tree.map(lambda _: sharding, value)
    check_sharding(state, value, sharding)
    return sharding


def check_sharding(state: Any, value: Any, sharding: Any) -> None:
    """Raise unless a value, perhaps an abstract one, can be laid out as a state declares."""
    if value is None:  # not set yet
        return
    if not same_structure(sharding, value):
        raise ShardingError(
            f"the sharding of this {type(state).__name__} has another structure than its value",
            where=locate(state),
            expected=f"one NamedSharding, or a tree of them like {type_text(value)}",
            got=str(jax.tree.map(spec_text, sharding)),
            fix="assign `state.sharding` in the structure of the value",
        )
    found = next(_complaints(value, sharding), None)
    if found is None:
        return
    inside, leaf, expected, got = found
    raise ShardingError(
        f"this {type(state).__name__} cannot be laid out over the devices as it declares",
        where=locate(state),
        expected=f"of {inside!r} {expected}" if inside else expected,
        got=f"{got} for {type_text(leaf)}",
        fix="choose another spec or size, or give the declaration up: `state.sharding = None`",
    )


class Complaint(NamedTuple):
    """What keeps an array from being laid out: its name in the value, and what does not fit."""

    inside: str
    leaf: Any
    expected: str
    got: str


def _complaints(value: Any, sharding: Any) -> Iterator[Complaint]:
    wheres = jax.tree.leaves(sharding)
    leaves = jax.tree_util.tree_leaves_with_path(value)
    for (inside, leaf), where in zip(leaves, wheres, strict=True):
        misfit = misfit_of(leaf, where)
        if misfit is not None:
            yield Complaint(jax.tree_util.keystr(inside, simple=True, separator="."), leaf, *misfit)


def misfit_of(leaf: Any, where: Any) -> tuple[str, str] | None:
    """Say what is expected of an array, and what came, if it cannot be laid out so."""
    if not isinstance(where, NamedSharding):
        return "a jax.sharding.NamedSharding", repr(where)
    shape: tuple[int, ...] = getattr(leaf, "shape", ())
    text = spec_text(where)
    if len(where.spec) > len(shape):
        return f"a spec of at most {len(shape)} axes", f"{text} of {len(where.spec)}"
    for axis, names in enumerate(where.spec):
        if names is PartitionSpec.UNCONSTRAINED:
            return "names of axes of the mesh, or None", text
        parts = math.prod(where.mesh.shape[name] for name in _names(names))
        if shape[axis] % parts:
            return f"axis {axis} in {parts} equal parts", f"{text} of {dict(where.mesh.shape)}"
    return None


def _names(part: Any) -> tuple[str, ...]:
    return () if part is None else part if isinstance(part, tuple) else (part,)


def placed(state: Any, value: Any) -> Any:
    """Return a value where a state declares it to be: the same arrays if they are there."""
    sharding = state.__sharding__
    if value is None or (isinstance(value, jax.Array) and _place_of(value) == sharding):
        return value
    check_sharding(state, value, sharding)
    return jax.tree.map(put_array, value, sharding)


def _place_of(array: jax.Array) -> Any:
    return None if isinstance(array, Tracer) else array.sharding


def fits(value: Any, sharding: Any) -> bool:
    """Say whether a value is made of arrays that can be laid out so."""
    if value is None:
        return True
    kinds = jax.Array | np.ndarray | jax.ShapeDtypeStruct
    if not all(isinstance(leaf, kinds) for leaf in jax.tree.leaves(value)):
        return False
    return same_structure(sharding, value) and not any(_complaints(value, sharding))


def differing_spec(old: Any, new: Any) -> tuple[str, str] | None:
    """Return the specs of two values as their types have them, on explicit axes, if they differ."""
    for one, other in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True):
        then, now = explicit_spec(one), explicit_spec(other)
        if then is not now and _trimmed(then) != _trimmed(now):
            return spec_text(_make_spec(*(then or ()))), spec_text(_make_spec(*(now or ())))
    return None


def has_explicit_spec(value: Any) -> bool:
    """Say whether an array of the value is laid out on explicit axes."""
    return any(explicit_spec(leaf) is not None for leaf in jax.tree.leaves(value))


def _trimmed(spec: Any) -> tuple[Any, ...]:
    entries = [*(spec or ())]
    while entries and entries[-1] is None:
        entries.pop()
    return tuple(entries)


def put_array(leaf: Any, where: NamedSharding) -> Any:
    """Return an array laid out so: the same one if it is already. Keys, and several processes."""
    if isinstance(leaf, Tracer):
        return leaf
    if isinstance(leaf, jax.ShapeDtypeStruct):
        weak: bool = getattr(leaf, "weak_type", False)
        struct: Any = jax.ShapeDtypeStruct  # its constructor has no types
        return struct(leaf.shape, leaf.dtype, sharding=where, weak_type=weak)
    if isinstance(leaf, jax.Array):
        if leaf.sharding == where:
            return leaf
        if not leaf.is_fully_addressable:
            return _moved(where)(leaf)
    if where.is_fully_addressable:
        # What is numpy's is copied: on a CPU jax would take over its memory.
        return jax.device_put(np.array(leaf) if isinstance(leaf, np.ndarray) else leaf, where)
    # Across processes jax compares what each of them puts, which takes a message for each array.
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        replicated = NamedSharding(where.mesh, _make_spec())
        data = put_array(np.asarray(jax.random.key_data(leaf)), replicated)
        return _wrapped(jax.random.key_impl(leaf), where)(data)
    host = np.array(leaf)
    return jax.make_array_from_callback(host.shape, where, lambda index: host[index])


@functools.cache
def _moved(where: NamedSharding) -> Callable[[Any], Any]:
    moved: Callable[[Any], Any] = jax.jit(lambda array: array, out_shardings=where)
    return moved


@functools.cache
def _wrapped(impl: Any, where: NamedSharding) -> Callable[[Any], Any]:
    wrapped: Callable[[Any], Any] = jax.jit(
        lambda data: jax.random.wrap_key_data(data, impl=impl), out_shardings=where
    )
    return wrapped


def with_axis(sharding: Any, axis: int) -> Any:
    """Return the sharding of values that have one more axis, which is cut over no devices."""

    def wider(where: NamedSharding) -> NamedSharding:
        entries = [*where.spec, *[None] * (axis - len(where.spec))]
        return NamedSharding(where.mesh, _make_spec(*entries[:axis], None, *entries[axis:]))

    return jax.tree.map(wider, sharding)


def replicated(sharding: Any) -> NamedSharding:
    """Return where an array is that is whole on each device of the mesh of a sharding."""
    first: NamedSharding = jax.tree.leaves(sharding)[0]
    return NamedSharding(first.mesh, _make_spec())


def mesh_of(sharding: Any) -> Any:
    """Return the mesh of a sharding of a value; None where there is none."""
    return next((where.mesh for where in jax.tree.leaves(sharding)), None)


def without_axis(sharding: Any, axis: int) -> Any:
    """Return the sharding of values that have one axis less."""

    def narrower(where: NamedSharding) -> NamedSharding:
        entries = [*where.spec]
        return NamedSharding(where.mesh, _make_spec(*entries[:axis], *entries[axis + 1 :]))

    return jax.tree.map(narrower, sharding)


def spec_text(where: Any) -> str:
    """Return the spec of a sharding as text: ``P('data', None)``."""
    spec = getattr(where, "spec", where)
    return f"P({', '.join(map(repr, spec))})" if isinstance(spec, PartitionSpec) else repr(where)


class Portable:
    """A sharding in a copy or a pickle: by names, sizes and the numbers of the devices.

    Parameters
    ----------
    sharding : tree of NamedSharding
        What is declared.
    """

    def __init__(self, sharding: Any) -> None:
        self.sharding: Any = sharding

    def __deepcopy__(self, memo: object) -> "Portable":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        leaves: list[NamedSharding]
        structure: Any
        leaves, structure = jax.tree.flatten(self.sharding)
        shape = structure.unflatten(range(len(leaves)))
        return _ported, (shape, [_parts(where) for where in leaves])


def _parts(where: NamedSharding) -> tuple[Any, ...]:
    mesh = where.mesh
    assert isinstance(mesh, Mesh)
    numbers = [device.id for device in mesh.devices.flat]
    kinds = [kind.name for kind in mesh.axis_types]
    return (mesh.axis_names, mesh.devices.shape, kinds, numbers, tuple(where.spec))


def _ported(shape: Any, parts: Sequence[tuple[Any, ...]]) -> Portable:
    """Return what was pickled; nothing where this program has no such devices."""
    devices = {device.id: device for device in jax.devices()}
    made: list[NamedSharding] = []
    for names, sizes, kinds, numbers, spec in parts:
        if not devices.keys() >= set(numbers):
            mesh = dict(zip(names, sizes, strict=True))
            warnings.warn(
                f"a state was pickled on {len(numbers)} devices {mesh}, and "
                f"here are {len(devices)}: it declares no sharding any more. Place the model anew.",
                stacklevel=2,
            )
            return Portable(None)
        grid = np.array([devices[number] for number in numbers]).reshape(sizes)
        types = tuple(AxisType[kind] for kind in kinds)
        made.append(NamedSharding(Mesh(grid, names, axis_types=types), _make_spec(*spec)))
    return Portable(jax.tree.map(lambda number: made[number], shape))


def packed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a state as they may be copied deeply and pickled."""
    if FIELD not in fields:
        return fields
    return {**fields, FIELD: Portable(fields[FIELD])}


def unpacked(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a state from those that were packed."""
    packed = fields.get(FIELD)
    if not isinstance(packed, Portable):
        return fields
    rest = {name: value for name, value in fields.items() if name != FIELD}
    return rest if packed.sharding is None else {**rest, FIELD: packed.sharding}
