"""What a transformation remembers, as states: one for each parameter, by the parameter's name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

import jax
import jax.numpy as jnp
from typing_extensions import TypeVar

from brainlite.state import LongTermState, ParamState
from brainlite.state._face import AnyState, replicated, same_structure
from brainlite.typing import Array, Path

T = TypeVar("T", default=Array)

ABSENT: tuple[()] = ()
"""What stands for a parameter that takes no part in a step, in trees of them: nothing to jax."""


class OptimState(LongTermState[T]):
    """What an optimizer remembers from step to step. ``model.half()`` does not touch it.

    Parameters
    ----------
    value, name, tag
        As for :class:`brainlite.state.State`.

    Examples
    --------
    >>> momentum = brainlite.optim.OptimState(jnp.zeros(3))
    """

    __slots__ = ()
    __keeps_type__: ClassVar[bool] = True
    __keeps_dtype__: ClassVar[bool] = True


class Interned:
    """The base of values of which equal ones are one object.

    To a compiled function an attribute that is no number or text is the same if it is the same
    object; so equal optimizers share a compilation.
    """

    _known: ClassVar[WeakValueDictionary[Any, Any]] = WeakValueDictionary()

    def __new__(cls, *parts: Any) -> Self:
        try:
            made: Self = Interned._known.setdefault((cls, parts), object.__new__(cls))
        except TypeError:  # something that cannot be hashed: an object of its own
            return object.__new__(cls)
        return made

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(vars(self).values())


@dataclass(frozen=True, eq=False)
class SlotLayout(Interned):
    """How the tree that a transformation remembers comes apart into states, and together again.

    Attributes
    ----------
    structure : PyTreeDef
        That of the tree, in which each dict by parameter is a leaf.
    leaves : tuple of (str, bool)
        For each leaf its name, and whether it is a dict by parameter.
    empty : tuple of (str, path, object)
        What stands in such a dict where nothing is remembered of a parameter.
    """

    structure: Any
    leaves: tuple[tuple[str, bool], ...]
    empty: tuple[tuple[str, Path, Any], ...]

    @classmethod
    def of(
        cls, tree: Any, names: Mapping[Path, str]
    ) -> tuple["SlotLayout", dict[str, dict[str, OptimState[Any]]], dict[str, OptimState[Any]]]:
        """Take a tree apart: the layout, the states by parameter, and all others."""

        def by_parameter(tree: Any) -> bool:
            return isinstance(tree, dict) and tree.keys() == names.keys()

        keyed, structure = jax.tree_util.tree_flatten_with_path(tree, is_leaf=by_parameter)
        slots: dict[str, dict[str, OptimState[Any]]] = {}
        others: dict[str, OptimState[Any]] = {}
        leaves: list[tuple[str, bool]] = []
        empty: list[tuple[str, Path, Any]] = []
        for name, (_, leaf) in zip(_short_names([keys for keys, _ in keyed]), keyed, strict=True):
            leaves.append((name, by_parameter(leaf)))
            if not by_parameter(leaf):
                others[name] = OptimState(_strong(leaf))
                continue
            slots[name] = {}
            for path, value in leaf.items():
                if jax.tree.leaves(value):
                    slots[name][names[path]] = OptimState(jax.tree.map(_strong, value))
                else:
                    empty.append((name, path, value))
        return cls(structure, tuple(leaves), tuple(empty)), slots, others

    def join(self, slots: Mapping[str, Mapping[Path, Any]], others: Mapping[str, Any]) -> Any:
        """Return the tree of these values."""
        filled = {name: dict(values) for name, values in slots.items()}
        for name, path, value in self.empty:
            filled[name][path] = value
        leaves = [filled[name] if mirrors else others[name] for name, mirrors in self.leaves]
        return self.structure.unflatten(leaves)

    def part(self, tree: Any) -> tuple[dict[str, dict[Path, Any]], dict[str, Any]]:
        """Return the values in a tree that has this layout: the counterpart of :meth:`join`."""
        values = zip(self.leaves, self.structure.flatten_up_to(tree), strict=True)
        slots: dict[str, dict[Path, Any]] = {}
        others: dict[str, Any] = {}
        for (name, mirrors), value in values:
            if mirrors:
                slots[name] = value
            else:
                others[name] = value
        return slots, others


def _short_names(paths: Iterable[Any]) -> list[str]:
    """Name each leaf by as many of its last keys as tell it from the others."""
    full = [tuple(_text(key) for key in keys) for keys in paths]
    return [_short_name(each, full) for each in full]


def _short_name(path: tuple[str, ...], others: list[tuple[str, ...]]) -> str:
    for count in range(1, len(path)):
        end = path[-count:]
        if not end[0].isdigit() and sum(other[-count:] == end for other in others) == 1:
            return ".".join(end)
    return ".".join(path)


def _text(key: Any) -> str:
    for name in ("name", "key", "idx"):
        found = getattr(key, name, None)
        if found is not None:
            return ".".join(map(str, found)) if isinstance(found, tuple) else str(found)
    return str(key)


def _strong(leaf: Any) -> Any:
    """Return a leaf as an array of the dtype that it will keep: no Python number, not weak."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf
    array = leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)
    return fitted(array, array)


def fitted(new: Any, old: Any) -> Any:
    """Return an array with the dtype of another; it is not weak."""
    if isinstance(new, jax.Array) and new.dtype == old.dtype and not getattr(new, "weak_type", 0):
        return new
    return jax.lax.convert_element_type(new, old.dtype)


def beside(param: AnyState, where: Any, remembered: AnyState) -> Any:
    """Return where a thing that is remembered of a parameter is to live: in like shards, or whole.

    So a compiled step finds everything where it leaves it, and is compiled once.
    """
    alike = same_structure(param.value, remembered.value) and all(
        map(_same_shape, jax.tree.leaves(param.value), jax.tree.leaves(remembered.value))
    )
    if not alike:
        return jax.tree.map(lambda _: replicated(where), remembered.value)
    return where


def _same_shape(param: Any, remembered: Any) -> bool:
    # Of complex numbers moments are kept as pairs, along one more axis.
    return bool(param.shape == remembered.shape[: param.ndim])


def is_trained(state: AnyState) -> bool:
    """Say whether a state takes part in training now. Compiled functions see a change."""
    return not isinstance(state, ParamState) or state.requires_grad


def real_type(dtype: Any) -> Any:
    """Return the dtype of the real part of numbers."""
    finfo: Any = jnp.finfo  # untyped in jax
    return finfo(dtype).dtype


def apply(fun: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function of arrays to each in a tree; of a model without values, to their types."""
    if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(value)):
        return jax.eval_shape(lambda tree: jax.tree.map(fun, tree), value)
    return jax.tree.map(fun, value)
