"""Collections of states by path, as ``states()`` and ``split`` return them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, overload

import jax
import jax.numpy as jnp
from typing_extensions import TypeVar

from brainlite._given import apart
from brainlite.display import ShownMapping, notebook_repr, text_repr, treescope_repr
from brainlite.errors import GraphError
from brainlite.graph._contents import path_text
from brainlite.graph._filters import sort
from brainlite.state import State
from brainlite.state._face import (
    AnyState,
    StateSpec,
    make_states,
    same_structure,
    specs_of,
    type_text,
)
from brainlite.typing import Filter, Path, PathPart

# What a dict has that changes it, or makes another one.
_INSTEAD = {
    "clear": "`StateDict()` is empty",
    "copy": "Use it as it is; `graph.clone(model)` copies a model with its states",
    "pop": "`states.filter(Not(...))` leaves states out",
    "popitem": "`states.filter(Not(...))` leaves states out",
    "setdefault": "`states.merge(others)` has the states of both",
    "split": "`states.filter(f1, f2)` returns one collection for each filter",
    "update": "`states.merge(others)` has the states of both; to write values, "
    "`states.assign(values)`",
}

S_co = TypeVar("S_co", bound=AnyState, covariant=True)
S1 = TypeVar("S1", bound=AnyState)
S2 = TypeVar("S2", bound=AnyState)
V = TypeVar("V")


class NestedDict(Mapping[PathPart, Any], Generic[S_co]):
    """States in nested mappings: ``nested["encoder"]["weight"]``.

    Like :class:`StateDict` it is immutable, holds the states themselves, and is a JAX pytree of
    their values.

    Parameters
    ----------
    states : mapping
        States, and mappings of states, by name.

    Examples
    --------
    >>> nested = NestedDict({"encoder": {"weight": brainlite.ParamState(1.0)}})
    >>> nested["encoder"]["weight"].value, list(nested.to_flat())
    (1.0, [('encoder', 'weight')])
    """

    __slots__ = ("_tree",)

    def __init__(self, states: Mapping[PathPart, Any]) -> None:
        self._tree: Mapping[PathPart, Any] = states

    def __getitem__(self, part: PathPart) -> Any:
        item = self._tree[part]
        # Wrapped only here: the nesting may be deeper than Python's recursion limit.
        return NestedDict[Any](item) if isinstance(item, Mapping) else item

    def __iter__(self) -> Iterator[PathPart]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)

    def to_pure_dict(self) -> dict[PathPart, Any]:
        """Return the values of the states, in plain nested dicts: for msgpack, json and the like.

        Examples
        --------
        >>> NestedDict({"encoder": {"weight": brainlite.ParamState(1.0)}}).to_pure_dict()
        {'encoder': {'weight': 1.0}}
        """
        tree: dict[PathPart, Any] = {}
        for path, state in self.to_flat().items():
            level = tree
            for part in path[:-1]:
                level = level.setdefault(part, {})
            level[path[-1]] = state.value
        return tree

    def to_nest(self) -> "NestedDict[S_co]":
        """Return the collection itself, which is nested."""
        return self

    def to_flat(self) -> "StateDict[S_co]":
        """Return the same states by path: the counterpart of :meth:`StateDict.to_nest`."""
        found: list[tuple[Path, S_co]] = []
        stack: list[tuple[Path, Any]] = [((), self._tree)]
        while stack:
            path, item = stack.pop()
            if isinstance(item, Mapping):
                stack += [((*path, part), below) for part, below in item.items()][::-1]
            else:
                found.append((path, item))
        return StateDict(found)

    def __display__(self) -> ShownMapping:
        return ShownMapping(list(self.items()))

    __display_constructs__ = True
    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


class StateDict(Mapping[Path, S_co]):
    """An immutable mapping from paths to states. The states themselves can be written.

    It is a JAX pytree whose leaves are the values of its states: it can be passed through any
    plain ``jax`` transform, and comes out holding new states of the same kinds.

    Parameters
    ----------
    states : mapping or iterable of pairs
        Path and state.

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> params = model.states(brainlite.ParamState)
    >>> sorted(params.to_values())
    [('Wh', 'weight'), ('Wrz', 'weight')]
    """

    __slots__ = ("_by_path", "_members", "_paths")

    def __init__(self, states: Mapping[Path, S_co] | Iterable[tuple[Path, S_co]] = ()) -> None:
        by_path: dict[Path, S_co] = dict(states)
        self._by_path: dict[Path, S_co] | None = by_path
        self._paths: tuple[Path, ...] = tuple(by_path)
        self._members: Sequence[S_co] = list(by_path.values())

    @classmethod
    def __of__(cls, paths: tuple[Path, ...], states: Sequence[S_co]) -> Self:
        """Return the collection of these states under these paths, which are all different."""
        made = cls.__new__(cls)
        made._by_path, made._paths, made._members = None, paths, states
        return made

    def __parts__(self) -> tuple[tuple[Path, ...], Sequence[S_co]]:
        """Return the paths, and the states in their order; the counterpart of ``__of__``."""
        return self._paths, self._members

    def _index(self) -> dict[Path, S_co]:
        # Made when it is asked for: to hash the long paths of a deep graph takes a while.
        if self._by_path is None:
            self._by_path = dict(zip(self._paths, self._members, strict=True))
        return self._by_path

    def __getitem__(self, path: Path) -> S_co:
        return self._index()[path]

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            # Asked only for attributes that are not there.
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            known = _INSTEAD.get(name)
            raise AttributeError(f"{text}: it does not change. {known}" if known else text)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def _pairs(self) -> Iterator[tuple[Path, S_co]]:
        return zip(self._paths, self._members, strict=True)

    def to_values(self: "StateDict[State[V]]") -> dict[Path, V]:
        """Return the values by path, in containers of their own."""
        return {path: apart(state.value) for path, state in self._pairs()}

    def assign(self: "StateDict[State[V]]", values: Mapping[Path, V]) -> None:
        """Write new values by path. Either all are written or, on an error, none.

        Raises
        ------
        GraphError
            A path is not in this collection.
        StateValueError
            A value does not fit its state.
        """
        unknown = [path for path in values if path not in self]
        if unknown:
            raise GraphError(
                "values were given for paths that are not here",
                expected=f"paths among {list(self)}",
                got=str(unknown),
                fix="take the paths from `to_values()` of the same collection",
            )
        before: list[tuple[State[V], V]] = []
        try:
            for path, value in values.items():
                state = self[path]
                old = state.value
                state.value = value
                before.append((state, old))
        except BaseException:
            for state, old in reversed(before):
                state.value = old
            raise

    def apply_updates(self, updates: object) -> None:
        """Add updates, as a transformation of optax returns them, to the values.

        It does what ``params.assign(optax.apply_updates(params.to_values(), updates))`` does; that
        is an error to pyright, for which optax says that the result may be anything.

        Parameters
        ----------
        updates : pytree
            In the structure of ``to_values()``, of which ``init`` and ``update`` are to be given.

        Raises
        ------
        GraphError
            The updates have another structure. Nothing was written.

        Examples
        --------
        >>> import jax, optax
        >>> params = brainlite.nn.Linear(2, 3).states(brainlite.ParamState)
        >>> optimizer = optax.adam(1e-3)
        >>> remembered = optimizer.init(params.to_values())
        >>> gradients = jax.tree.map(jnp.ones_like, params.to_values())
        >>> updates, remembered = optimizer.update(gradients, remembered, params.to_values())
        >>> params.apply_updates(updates)
        """
        values = {path: state.value for path, state in self._pairs()}
        updates = dict(updates.to_values()) if isinstance(updates, StateDict) else updates
        if not same_structure(values, updates):
            raise GraphError(
                "these updates are none of the states here",
                expected=type_text(values),
                got=type_text(updates),
                fix="give `params.to_values()` to init and update of the transformation, and the "
                "gradients that `grad(loss, params)` returns",
            )
        new = jax.tree.map(lambda p, u: jnp.asarray(p + u).astype(p.dtype), values, updates)
        self.assign(new)

    # The names of brainstate for the same things.
    to_dict_values = to_values
    assign_dict_values = assign

    @overload
    def filter(self, f1: type[S1], /) -> "StateDict[S1]": ...
    @overload
    def filter(self, f1: type[S1], f2: type[S2], /) -> "tuple[StateDict[S1], StateDict[S2]]": ...
    @overload
    def filter(self, f1: Filter, /) -> "StateDict[S_co]": ...
    @overload
    def filter(self, f1: Filter, f2: Filter, /, *fs: Filter) -> "tuple[StateDict[S_co], ...]": ...
    def filter(self, *filters: Filter) -> Any:
        """Return the states that filters select: see :func:`brainlite.graph.states`.

        Examples
        --------
        >>> found = brainlite.nn.GRUCell(2, 3).states()
        >>> list(found.filter(brainlite.graph.PathContains("Wh")))
        [('Wh', 'weight')]
        """
        bins, _ = sort(self._pairs(), filters)
        chosen = tuple(map(StateDict[Any], bins))
        return chosen if len(filters) > 1 else chosen[0]

    subset = filter  # noqa: A003  # brainstate's other name for it

    def merge(self, *others: "StateDict[Any]") -> "StateDict[Any]":
        """Return a collection of the states here and in others; of one path, the last one.

        Parameters
        ----------
        *others : StateDict
            Further collections.

        Examples
        --------
        >>> params, rest = brainlite.nn.BatchNorm0d(2).states(brainlite.ParamState, ...)
        >>> sorted(params.merge(rest))
        [('running_mean',), ('running_var',), ('weight',)]
        """
        together: dict[Path, Any] = dict(self._pairs())
        for other in others:
            together.update(other.items())
        return StateDict(together)

    def to_flat(self) -> "StateDict[S_co]":
        """Return the collection itself, which is flat."""
        return self

    def to_pure_dict(self) -> dict[PathPart, Any]:
        """Return the values, in plain nested dicts: see :meth:`NestedDict.to_pure_dict`."""
        return self.to_nest().to_pure_dict()

    def to_nest(self) -> NestedDict[S_co]:
        """Return the same states, nested as the graph is.

        Raises
        ------
        GraphError
            A path is empty, or goes on below a state.

        Examples
        --------
        >>> nested = brainlite.nn.GRUCell(2, 3).states().to_nest()
        >>> list(nested), list(nested["Wh"])
        (['Wrz', 'Wh'], ['weight'])
        """
        tree: dict[PathPart, Any] = {}
        for path, state in self._pairs():
            level: Any = tree
            for part in path[:-1]:
                level = level.setdefault(part, {}) if isinstance(level, dict) else None
            if not path or not isinstance(level, dict) or path[-1] in level:
                raise GraphError(
                    "this path cannot be nested",
                    where=path_text(path),
                    expected="paths of one step or more, none of which goes on below another",
                    got=repr(path),
                    fix="keep the collection flat",
                )
            level[path[-1]] = state
        return NestedDict(tree)

    def __grad_value__(self: "StateDict[State[V]]") -> dict[Path, V]:
        return self.to_values()

    def __display__(self) -> ShownMapping:
        return ShownMapping(list(self._pairs()))

    __display_constructs__ = True
    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


class _Layout(NamedTuple):
    """All of a StateDict but the values."""

    paths: tuple[Path, ...]
    specs: tuple[StateSpec, ...]


def _flatten(states: StateDict[Any]) -> tuple[list[Any], _Layout]:
    paths, members = states.__parts__()
    return [state.value for state in members], _Layout(paths, specs_of(members))


def _flatten_with_keys(states: StateDict[Any]) -> tuple[list[tuple[Any, Any]], _Layout]:
    values, layout = _flatten(states)
    return list(zip(map(jax.tree_util.DictKey, layout.paths), values, strict=True)), layout


def _unflatten(layout: _Layout, values: Iterable[Any]) -> StateDict[Any]:
    return StateDict[Any].__of__(layout.paths, make_states(layout.specs, values))


def _flatten_nested(states: NestedDict[Any]) -> tuple[list[Any], _Layout]:
    return _flatten(states.to_flat())


def _flatten_nested_with_keys(states: NestedDict[Any]) -> tuple[list[tuple[Any, Any]], _Layout]:
    return _flatten_with_keys(states.to_flat())


def _unflatten_nested(layout: _Layout, values: Iterable[Any]) -> NestedDict[Any]:
    return _unflatten(layout, values).to_nest()


jax.tree_util.register_pytree_with_keys(StateDict, _flatten_with_keys, _unflatten, _flatten)
jax.tree_util.register_pytree_with_keys(
    NestedDict, _flatten_nested_with_keys, _unflatten_nested, _flatten_nested
)
