"""A model as a plain dict of named arrays, and back."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import as_numpy, beyond, placed_like
from brainlite._jax_compat import Tracer
from brainlite.errors import GraphError, StateDictError
from brainlite.graph import Node, StateDict
from brainlite.graph._face import dotted
from brainlite.nn._modules.tree import iter_places
from brainlite.random import RandomState
from brainlite.state import ShortTermState
from brainlite.state._face import AnyState
from brainlite.typing import Array, ArrayLike, Path

# What a model keeps beyond a run, and can be written down: not the activity of a run, and not the
# generators, whose place is a checkpoint.
PASSING = (ShortTermState, RandomState)


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find, and what it had no use for, by name.

    Attributes
    ----------
    missing_keys, unexpected_keys : list of str
        The names.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Entry(NamedTuple):
    """One array in a model: the state it is in, and which of its leaves it is."""

    state: AnyState
    number: int
    leaf: Any


class Loadable(Node):
    """A node whose values can be taken out and put back by name.

    The names are dotted paths, through attributes, keys and indices down to each array:
    ``'layers.0.weight.bias'``. There is an entry for each parameter and each other state that
    outlives a run; short-term and hidden states and random generators are left out. A state
    that is tied, reached by several names, has an entry for each, as in torch.
    """

    def state_dict(self) -> dict[str, Array]:
        """Return the arrays of this module and all below, by name.

        Raises
        ------
        GraphError
            Two arrays would have one name.

        Examples
        --------
        >>> list(brainlite.nn.GRUCell(2, 3).state_dict())
        ['Wrz.weight.bias', 'Wrz.weight.weight', 'Wh.weight.bias', 'Wh.weight.weight']
        """
        return {name: jnp.asarray(entry.leaf) for name, entry in entries_of(self).items()}

    def load_state_dict(
        self, state_dict: Mapping[str, ArrayLike], strict: bool = True
    ) -> IncompatibleKeys:
        """Write arrays into this module and all below, by name. All or, on an error, none.

        Parameters
        ----------
        state_dict : mapping of str to array
            As from :meth:`state_dict`. Each must have the shape of what it replaces and is cast to
            its dtype. A tied state needs one of its names.
        strict : bool
            Whether every name must be there, and no other.

        Returns
        -------
        IncompatibleKeys
            The names that were missing, and those that were not expected.

        Raises
        ------
        StateDictError
            With ``strict``, a name is missing or not expected. In any case, an array does not fit,
            or the names of a tied state disagree.

        Examples
        --------
        >>> saved = brainlite.nn.Linear(2, 3).state_dict()
        >>> brainlite.nn.Linear(2, 3).load_state_dict(saved)
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        """
        check_mapping(self, state_dict)
        return load_entries(self, entries_of(self), state_dict, strict)


def load_entries(
    root: Node, entries: Mapping[str, Entry], named: Mapping[str, Any], strict: bool
) -> IncompatibleKeys:
    """Write arrays by name, each where the one is that it replaces. All or, on an error, none."""
    given: dict[tuple[int, int], Any] = {}
    misfits: list[str] = []
    for name, entry in entries.items():
        if name in named:
            place = (id(entry.state), entry.number)
            array = to_array(named[name])
            misfits += misfit(name, entry.leaf, array, given.setdefault(place, array))
    keys = IncompatibleKeys(
        [name for name, each in entries.items() if (id(each.state), each.number) not in given],
        [name for name in named if name not in entries],
    )
    if misfits or (strict and any(keys)):
        raise refusal(root, keys if strict else IncompatibleKeys([], []), misfits, entries)
    _write({id(entry.state): entry.state for entry in entries.values()}.values(), given)
    return keys


def entries_of(root: Node) -> dict[str, Entry]:
    """Return the arrays of a model by name, those that ``state_dict`` has."""
    entries: dict[str, Entry] = {}
    for path, state in iter_places(root):
        if isinstance(state, PASSING):
            continue
        leaves = jax.tree_util.tree_leaves_with_path(state.value)
        for number, (inside, leaf) in enumerate(leaves):
            name = dotted(path) + _suffix(inside)
            if entries.setdefault(name, Entry(state, number, leaf)).state is not state:
                raise GraphError(
                    "two arrays of the model have one name",
                    where=type(root).__name__,
                    expected="dict keys and attributes that give each array a name of its own",
                    got=f"{name!r} twice",
                    fix="use keys without dots",
                )
    return entries


def _suffix(inside: Any) -> str:
    name: str = jax.tree_util.keystr(inside, simple=True, separator=".")
    return f".{name}" if name else ""


def to_array(value: Any) -> Any:
    """Return a value as an array of jax or numpy."""
    return value if isinstance(value, jax.Array) else as_numpy(value)


def misfit(name: str, leaf: Any, array: Any, first: Any) -> list[str]:
    """Say what keeps an array from taking the place of ``leaf``."""
    own = jax.dtypes.result_type(leaf)
    if array.shape != jnp.shape(leaf) or _family(array.dtype) != _family(own):
        return [f"{name}: {array.dtype}{[*array.shape]} for {own}{[*jnp.shape(leaf)]}"]
    if not isinstance(array, Tracer) and beyond(array, own):
        return [f"{name}: {array.dtype} with {beyond(array, own)} values beyond {own}"]
    if array is not first and not _equal(np.asarray(array), np.asarray(first)):
        return [f"{name}: tied to another entry, with other values"]
    return []


def _equal(one: Any, two: Any) -> bool:
    return one.shape == two.shape and bool(((one == two) | ((one != one) & (two != two))).all())


def _family(dtype: Any) -> Any:
    families = (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating)
    return next((each for each in families if jnp.issubdtype(dtype, each)), dtype)


def _write(states: Iterable[AnyState], given: Mapping[tuple[int, int], Any]) -> None:
    """Write values into a model: all of them, or none."""
    targets: dict[Path, AnyState] = {}
    values: dict[Path, Any] = {}
    for state in states:
        structure: Any
        leaves, structure = jax.tree.flatten(state.value)
        new = [
            placed_like(given[id(state), number], leaf) if (id(state), number) in given else leaf
            for number, leaf in enumerate(leaves)
        ]
        path = (len(targets),)
        targets[path], values[path] = state, structure.unflatten(new)
    StateDict(targets).assign(values)


def check_mapping(root: Node, given: object) -> None:
    """Raise unless this is a mapping, as a state dict is one."""
    if not isinstance(given, Mapping):
        raise StateDictError(
            "this is no state dict",
            where=type(root).__name__,
            expected="a mapping from names to arrays",
            got=f"{type(given).__name__} {given!r}"[:80],
            fix="pass what `state_dict()` returned",
        )


def refusal(
    root: Node,
    keys: IncompatibleKeys,
    misfits: list[str],
    entries: Mapping[str, Any],
    advice: str = "take the entries from a model of the same structure",
) -> StateDictError:
    """Return the error for entries that do not fit, with the first of each kind."""
    near = [
        difflib.get_close_matches(name, keys.missing_keys, n=1) for name in keys.unexpected_keys
    ]
    guesses = [
        f"{name!r} may be {match[0]!r}"
        for name, match in zip(keys.unexpected_keys, near, strict=True)
        if match
    ]
    got = [
        f"{what}: {_some(names)}"
        for what, names in (("missing", keys[0]), ("unexpected", keys[1]), ("misfit", misfits))
        if names
    ]
    way = f"rename them: {_some(guesses)}" if guesses else advice
    if any(_is_of_torch(name, keys.missing_keys) for name in keys.unexpected_keys):
        way = "entries of torch are loaded by `model.load_torch_state_dict(entries)`"
    elif misfits and not any(keys):
        way = "make the model in the sizes of these entries, or turn what is transposed"
    return StateDictError(
        "these entries do not fit the model; none was loaded",
        where=type(root).__name__,
        expected=_some(list(entries)),
        got="; ".join(got),
        fix=way + ("" if misfits else ", or pass strict=False to load what there is"),
    )


def _is_of_torch(name: str, missing: Sequence[str]) -> bool:
    """Say whether a name is that of torch for a parameter, which is an item of a state here."""
    *path, last = name.split(".")
    return ".".join([*path, "weight", last]) in missing


def _some(names: list[str]) -> str:
    return (", ".join(names[:8]) or "nothing") + (f", ... ({len(names)})" if len(names) > 8 else "")
