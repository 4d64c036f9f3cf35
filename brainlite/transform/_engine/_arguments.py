"""The arguments of a compiled function, taken apart.

Arrays go to jax. Modules, states and static values do not: they leave a hole (None) and are put
back while the function is traced, modules as copies.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from brainlite._jax_compat import PyTreeDef
from brainlite.errors import ArgumentError, OptionError
from brainlite.graph import NestedDict, Node, StateDict
from brainlite.graph._face import (
    RECORD,
    contents_of,
    differ,
    holds_graph,
    open_container,
    remake,
    role_of,
)
from brainlite.state import State
from brainlite.transform._engine._options import Chosen, Options
from brainlite.transform._engine._values import unsortable
from brainlite.typing import PyTree

_GRAPH = (Node, State)
_LEAVES = (*_GRAPH, jax.Array, np.ndarray, np.generic, int, float, complex, str, type(None))


Filled: TypeAlias = tuple[tuple[object, ...], dict[str, object]]
"""What a function is called with: args and kwargs."""


class Call(NamedTuple):
    """The arguments of a call, taken apart.

    Modules, states and static values leave a hole (None) in ``args`` and ``kwargs``, which are
    what jax gets; ``fill`` puts them, or their copies, back.
    """

    args: tuple[object, ...]
    kwargs: dict[str, object]
    graph: tuple[object, ...]  # the modules and states
    fill: Callable[[Sequence[object], Mapping[str, object], Sequence[object]], Filled]
    kind: object  # where the holes are, and the static values
    given: tuple[int, ...] = ()  # which modules and states are donated

    @property
    def key(self) -> object:
        """What tells this call from others that need a binding of their own."""
        return (self.kind, *map(id, self.graph))


class Top(NamedTuple):
    """Which arguments are modules or states, where none is hidden inside a container."""

    positions: tuple[int, ...]
    names: tuple[str, ...]


def take_top(args: tuple[object, ...], kwargs: dict[str, object], donated: Chosen) -> Call:
    """Take apart arguments of which none is static, and no module hides in a container."""
    positions = tuple([n for n, arg in enumerate(args) if isinstance(arg, _GRAPH)])
    names = tuple([name for name, arg in kwargs.items() if isinstance(arg, _GRAPH)])
    graph = (*[args[n] for n in positions], *[kwargs[name] for name in names])

    def fill(
        args: Sequence[object], kwargs: Mapping[str, object], objects: Sequence[object]
    ) -> Filled:
        full, named = list(args), dict(kwargs)
        for n, thing in zip(positions, objects[: len(positions)], strict=True):
            full[n] = thing
        named.update(zip(names, objects[len(positions) :], strict=True))
        return tuple(full), named

    holed = fill(args, kwargs, [None] * len(graph)) if graph else (args, kwargs)
    given = _numbers_of(graph, donated.among(args, kwargs))
    return Call(*holed, graph, fill, Top(positions, names), given)


def choose_arguments(
    fun: Callable[..., object],
    argnums: int | Sequence[int] | None,
    argnames: str | Iterable[str] | None,
    *,
    label: str,
    role: str = "static",
) -> Chosen:
    """Find the arguments that are chosen by number or by name in the signature of ``fun``.

    Parameters
    ----------
    fun : callable
        Whose arguments they are.
    argnums, argnames
        Numbers, negative ones from the end, and names.
    label, role : str
        The name of the transform and what the arguments are chosen for, for messages.
    """
    positions = set(_chosen(argnums, int, f"{label} got {role}_argnums"))
    names = set(_chosen(argnames, str, f"{label} got {role}_argnames"))
    if not positions and not names:
        return Chosen()
    try:
        parameters = list(inspect.signature(fun).parameters.values())
    except (TypeError, ValueError):
        return Chosen(tuple(positions), tuple(names))
    by_position = [
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    variadic = {p.kind for p in parameters}
    known = {p.name for p in parameters}
    bad_names = set() if inspect.Parameter.VAR_KEYWORD in variadic else names - known
    open_ended = inspect.Parameter.VAR_POSITIONAL in variadic
    bad_positions = {
        p for p in positions if not open_ended and not -len(by_position) <= p < len(by_position)
    }
    if bad_names or bad_positions:
        raise OptionError(
            f"{label} got {role}_argnums or {role}_argnames that the function does not have",
            expected=f"among {by_position} or the keywords {sorted(known)}",
            got=f"{sorted(bad_names) + sorted(bad_positions)}",
            fix=f"use {role}_argnames with names from the signature",
        )
    positions = {p % len(by_position) if p < 0 else p for p in positions}
    names |= {by_position[p] for p in positions if p < len(by_position)}
    positions |= {n for n, name in enumerate(by_position) if name in names}
    return Chosen(tuple(sorted(positions)), tuple(sorted(names)))


def _chosen(given: object, kind: type[object], what: str) -> Sequence[Any]:
    """Return numbers or names as a sequence."""
    chosen = () if given is None else (given,) if isinstance(given, kind) else given
    if isinstance(chosen, Iterable) and not isinstance(chosen, str):
        chosen = tuple(chosen)
        if all(isinstance(each, kind) for each in chosen):
            return chosen
    noun = "name" if kind is str else "number"
    raise OptionError(
        f"{what} that do not choose arguments",
        expected=f"the {noun} of an argument, or a sequence of {noun}s",
        got=f"{given!r}",
        fix="use argnames= for names, and argnums= for numbers",
    )


def take_apart(
    args: tuple[object, ...],
    kwargs: dict[str, object],
    options: Options,
    *,
    label: str,
    by_shape: bool = False,
) -> Call:
    """Replace modules, states and static values by holes, and remember how to fill them."""
    static = options.static.among(args, kwargs)
    _check_hashable(static, label)
    static_args = {n: value for n, value in static.items() if isinstance(n, int)}
    static_kwargs = {n: value for n, value in static.items() if isinstance(n, str)}
    rest = (
        [None if n in static_args else arg for n, arg in enumerate(args)],
        {name: value for name, value in kwargs.items() if name not in static_kwargs},
    )
    structure: PyTreeDef
    leaves, structure = jax.tree.flatten(_opened(rest), is_leaf=_is_hole)
    where = tuple(n for n, leaf in enumerate(leaves) if isinstance(leaf, _GRAPH))
    graph = tuple(leaves[n] for n in where)
    holed = [None if isinstance(leaf, _GRAPH) else leaf for leaf in leaves]
    open_args, open_kwargs = structure.unflatten(holed)

    def fill(
        args: Sequence[object], kwargs: Mapping[str, object], objects: Sequence[object]
    ) -> Filled:
        structure: PyTreeDef
        found, structure = jax.tree.flatten((list(args), kwargs), is_leaf=_is_hole)
        for n, thing in zip(where, objects, strict=True):
            found[n] = thing
        full, named = _closed(structure.unflatten(found))
        for n, value in static_args.items():
            full[n] = value
        return tuple(full), {**named, **static_kwargs}

    values = tuple((name, type(value), value) for name, value in static.items())
    shapes = tuple(map(_shape_of, holed)) if by_shape else None
    kind = (structure, where, values, shapes)
    given = _numbers_of(graph, options.donated.among(args, kwargs))
    return Call(tuple(open_args), open_kwargs, graph, fill, kind, given)


def call_filled(
    fun: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object], label: str
) -> object:
    """Call ``fun`` with arguments that were taken apart and filled again.

    Raises
    ------
    ArgumentError
        It has put other states or modules into a list or dict that it was given, which is not the
        one that the caller has.
    """
    given = [(each, items) for each, items in contents_of((list(args), dict(kwargs)))]
    given = [(each, items) for each, items in given if holds_graph(items)]
    out = fun(*args, **kwargs)
    for each, items in given:
        if differ(each, items):
            raise ArgumentError(
                f"a {type(each).__name__} among the arguments got other states or modules inside "
                f"{label}, which the caller would not see",
                expected="containers that hold the same states and modules before and after",
                got=f"a {type(each).__name__} of {len(each)} items, which were {len(items)}"
                if len(each) != len(items)
                else "others, or in another order",
                fix="return the container, keep it in an attribute of a module, or exchange the "
                "values of the states",
            )
    return out


class _Box:
    """A container of states or modules that jax does not look into, as a pytree of its items."""

    __slots__ = ("items", "keys", "kind")

    def __init__(self, kind: type, keys: object, items: Iterable[object]) -> None:
        self.kind: type = kind
        self.keys: Any = keys
        self.items: list[object] = list(items)

    def close(self) -> object:
        """Return the container; this itself as long as there are holes in it."""
        items = [_closed(item) for item in self.items]
        if self.kind is not StateDict:
            return remake(self.kind, self.keys, items)
        if not all(isinstance(item, State) for item in items):
            return self
        return StateDict[Any].__of__(self.keys, items)

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(map(str, self.items))})"


jax.tree_util.register_pytree_node(
    _Box, lambda box: (box.items, (box.kind, box.keys)), lambda kind, items: _Box(*kind, items)
)


def _opened(tree: object) -> object:
    """Return ``tree`` with collections of states, and dataclasses that hold graphs, as boxes."""
    try:
        return jax.tree.map(_open, tree, is_leaf=_is_collection)
    except ValueError as error:
        raise unsortable("a transform takes", tree) from error


def _open(value: object) -> object:
    """Return a collection of states, or a dataclass that holds a graph, as a box."""
    if isinstance(value, NestedDict):
        value = value.to_flat()
    if isinstance(value, StateDict):
        paths, members = value.__parts__()
        return _Box(StateDict, paths, members)
    if role_of(value) != RECORD or not holds_graph(value):
        return value
    opened = open_container(value)
    assert opened is not None
    return _Box(type(value), opened.keys, map(_opened, opened.items))


def _closed(tree: object) -> PyTree:
    def close(value: object) -> object:
        return value.close() if isinstance(value, _Box) else value

    return jax.tree.map(close, tree, is_leaf=lambda value: value is None or isinstance(value, _Box))


def _is_collection(value: object) -> bool:
    return value is None or isinstance(value, StateDict | NestedDict)


def _numbers_of(graph: Sequence[object], arguments: Mapping[int | str, object]) -> tuple[int, ...]:
    """Return which of the modules and states are in these arguments."""
    if not arguments:
        return ()
    chosen = set(map(id, jax.tree.leaves(dict(arguments))))
    return tuple(n for n, thing in enumerate(graph) if id(thing) in chosen)


def _is_hole(value: object) -> bool:
    return value is None


def _shape_of(leaf: object) -> object:
    return (getattr(leaf, "shape", None), str(getattr(leaf, "dtype", type(leaf))))


def _check_hashable(static: Mapping[int | str, object], label: str) -> None:
    """Raise for a static argument that cannot be hashed."""
    for name, value in static.items():
        try:
            hash(value)
        except TypeError as error:
            raise OptionError(
                f"static argument {name!r} of {label} cannot be hashed",
                expected="a hashable value, such as a number, a string or a tuple",
                got=f"a {type(value).__name__}",
                fix="pass a tuple instead of a list, or do not make the argument static",
            ) from error


def contains_graph(tree: object) -> bool:
    """Say whether there is a module or a state in ``tree``."""
    return any(isinstance(leaf, _GRAPH) for leaf in jax.tree.leaves(_opened(tree)))


def nested_only(args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """Return the arguments that are containers, where a module could hide."""
    return [each for each in (*args, *kwargs.values()) if not isinstance(each, _LEAVES)]
