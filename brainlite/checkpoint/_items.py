"""What is passed to be saved: sorted by kind, and states taken apart into named leaves."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from brainlite._jax_compat import no_trace, trace_cell
from brainlite.checkpoint._report import some
from brainlite.errors import GraphError, OptionError, TransformError
from brainlite.graph import Node, Not, Nothing, StateDict, states, to_predicate
from brainlite.graph._face import dotted
from brainlite.nn import Module
from brainlite.nn._face import iter_places
from brainlite.random import DEFAULT
from brainlite.state import ShortTermState, State
from brainlite.state._face import AnyState, current_frame
from brainlite.typing import Filter, Path

GENERATOR = "random.DEFAULT"
LASTING: Filter = Not(ShortTermState)
"""What outlives a run: all but hidden states and the like."""

_NUMBERS = (bool, int, float, complex, str, type(None))
_PROTOCOLS = (("get_state", "set_state"), ("state_dict", "load_state_dict"))


class Items(NamedTuple):
    """The items by kind."""

    graphs: dict[str, Any]  # that hold states
    running: dict[str, Any]  # that give their position and go back to it
    plain: dict[str, Any]


class Leaf(NamedTuple):
    """One leaf of the value of a state."""

    state: AnyState
    number: int
    value: Any


class Leaves(NamedTuple):
    """The leaves by name, and the further names of those that are tied."""

    by_name: dict[str, Leaf]
    aliases: dict[str, str]


def sort_items(items: Mapping[str, Any]) -> Items:
    """Sort the items by kind, the shared generator first.

    Raises
    ------
    OptionError
        An item is of no kind that can be saved, or has nothing but plain numbers.
    """
    sorted_ = Items({GENERATOR: DEFAULT}, {}, {})
    for name, item in items.items():
        if isinstance(item, Node | State | StateDict):
            _check_lasting(name, item)
            sorted_.graphs[name] = item
        elif isinstance(item, _NUMBERS):
            sorted_.plain[name] = item
        elif methods_of(item) is not None:
            sorted_.running[name] = item
        elif isinstance(item, np.generic | jax.Array | np.ndarray) and item.shape == ():
            sorted_.plain[name] = item.item()
        elif states(item):
            sorted_.graphs[name] = item
        else:
            raise OptionError(
                "this is nothing that a checkpoint can hold",
                where=name,
                expected="a module or another node, a state, a StateDict, a number or a string, or "
                "an object with get_state and set_state, or state_dict and load_state_dict",
                got=f"{type(item).__name__} {item!r}"[:120],
                fix="hold arrays in a State: `State(opt_state)`",
            )
    return sorted_


def _check_lasting(name: str, item: Any) -> None:
    """Raise where what an object keeps is in plain attributes, which are not saved."""
    if not isinstance(item, Node) or isinstance(item, Module) or states(item):
        return
    numbers = [each for each, value in vars(item).items() if type(value) in (bool, int, float)]
    if numbers:
        raise OptionError(
            "nothing of this object would be saved: its numbers are plain attributes",
            where=name,
            expected="states, or an object with get_state and set_state",
            got=f"a {type(item).__name__} without states, with {', '.join(numbers)}",
            fix=f"hold what changes in a State: `self.{numbers[0]} = State(jnp.asarray(...))`",
        )


def methods_of(item: Any) -> tuple[Any, Any] | None:
    """Return what gives the position of an item, and what goes back to it; None without."""
    for take, put in _PROTOCOLS:
        found = getattr(item, take, None), getattr(item, put, None)
        if all(map(callable, found)) and not isinstance(item, type):
            return found
    return None


def collect_leaves(graphs: Mapping[str, Any], select: Filter) -> Leaves:
    """Return the leaves of all states that a filter selects, each under its first name.

    The filter sees paths that begin with the name of the item.

    Raises
    ------
    GraphError
        Two leaves would have one name.
    TransformError
        A value is known only while a function is traced.
    """
    if current_frame.get() is not None or trace_cell.value is not no_trace:
        raise TransformError(
            "a checkpoint is saved or restored inside a transform",
            expected="an eager call: files are no part of what is compiled",
            got="a call while a function is traced",
            fix="call it outside, between two calls of the compiled function",
        )
    chosen = to_predicate(select)
    names: dict[int, list[str]] = {}
    found: dict[int, AnyState] = {}
    selected: set[int] = set()
    for path, state in _places(graphs):
        names.setdefault(id(state), []).append(dotted(path))
        found[id(state)] = state
        if chosen(path, state):
            selected.add(id(state))
    leaves = Leaves({}, {})
    for place, state in found.items():
        if place in selected:
            _add(leaves, list(dict.fromkeys(names[place])), state)
    return leaves


def check_chosen(graphs: Mapping[str, Any], leaves: Leaves, select: Filter) -> None:
    """Raise where a filter that was passed selects nothing of what is there: it is misspelt."""
    if any(name != GENERATOR for name in leaves.by_name) or select is LASTING:
        return
    if select is None or select is False or to_predicate(select)((GENERATOR,), DEFAULT):
        return
    there = [name for name in collect_leaves(graphs, ...).by_name if name != GENERATOR]
    if there and not isinstance(select, Nothing):
        raise OptionError(
            "this filter selects nothing of the items",
            where="select",
            expected=f"a filter that selects some of {some(there)}",
            got=repr(select),
            fix="look for another spelling; paths begin with the name of the item",
        )


def _places(graphs: Mapping[str, Any]) -> Iterator[tuple[Path, AnyState]]:
    for name, root in graphs.items():
        if isinstance(root, State):
            yield (name,), root
            continue
        firsts = root if isinstance(root, StateDict) else states(root)
        yield from (((name, *path), state) for path, state in firsts.items())
        if not isinstance(root, StateDict):  # the other names of what is tied
            yield from (((name, *path), state) for path, state in iter_places(root))


def _add(leaves: Leaves, names: list[str], state: AnyState) -> None:
    """Enter the values of a state under the first of its names; the others are aliases."""
    first, *others = names
    for number, (inside, value) in enumerate(jax.tree_util.tree_leaves_with_path(state.value)):
        suffix = jax.tree_util.keystr(inside, simple=True, separator=".")
        name, *aliases = (f"{each}.{suffix}" if suffix else each for each in (first, *others))
        if name in leaves.by_name:
            raise GraphError(
                "two values of a checkpoint have one name",
                where=name,
                expected="dict keys and attributes that give each value a name of its own",
                got=f"{name!r} twice",
                fix="use keys without dots, and no number beside the same number as a string",
            )
        leaves.by_name[name] = Leaf(state, number, value)
        leaves.aliases.update(dict.fromkeys(aliases, name))
