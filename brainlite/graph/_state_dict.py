"""Collections of states by path, as ``states()`` and ``split`` return them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
from typing_extensions import TypeVar

from brainlite.display import ShownMapping, text_repr, treescope_repr
from brainlite.errors import GraphError
from brainlite.state import State
from brainlite.state._spec import StateSpec, make_states, specs_of
from brainlite.typing import Path

__all__ = ["StateDict"]

S_co = TypeVar("S_co", bound=State[Any], covariant=True)
V = TypeVar("V")


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
    >>> import brainlite
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

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def _pairs(self) -> Iterator[tuple[Path, S_co]]:
        return zip(self._paths, self._members, strict=True)

    def to_values(self: "StateDict[State[V]]") -> dict[Path, V]:
        """Return the values by path."""
        return {path: state.value for path, state in self._pairs()}

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

    def __grad_value__(self: "StateDict[State[V]]") -> dict[Path, V]:
        return self.to_values()

    def __display__(self) -> ShownMapping:
        return ShownMapping(list(self._pairs()))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


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


jax.tree_util.register_pytree_with_keys(StateDict, _flatten_with_keys, _unflatten, _flatten)
