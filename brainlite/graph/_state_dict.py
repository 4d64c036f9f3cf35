"""Collections of states by path, as ``states()`` and ``split`` return them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
from typing_extensions import TypeVar

from brainlite.display import ShownMapping, text_repr, treescope_repr
from brainlite.errors import GraphError
from brainlite.state import State
from brainlite.state._state import adopt, is_frozen, template
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

    __slots__ = ("_states",)

    def __init__(self, states: Mapping[Path, S_co] | Iterable[tuple[Path, S_co]] = ()) -> None:
        self._states: dict[Path, S_co] = dict(states)

    def __getitem__(self, path: Path) -> S_co:
        return self._states[path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def to_values(self: "StateDict[State[V]]") -> dict[Path, V]:
        """Return the values by path."""
        return {path: state.value for path, state in self._states.items()}

    def assign(self: "StateDict[State[V]]", values: Mapping[Path, V]) -> None:
        """Write new values by path. Either all are written or, on an error, none.

        Raises
        ------
        GraphError
            A path is not in this collection.
        StateValueError
            A value does not fit its state.
        """
        unknown = [path for path in values if path not in self._states]
        if unknown:
            raise GraphError(
                "values were given for paths that are not here",
                expected=f"paths among {list(self._states)}",
                got=str(unknown),
                fix="take the paths from `to_values()` of the same collection",
            )
        before: list[tuple[State[V], V]] = []
        try:
            for path, value in values.items():
                state = self._states[path]
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
        return ShownMapping(list(self._states.items()))

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr


def _flatten(states: StateDict[Any]) -> tuple[tuple[Any, ...], Any]:
    return tuple(state.value for state in states.values()), _Layout(states)


def _flatten_with_keys(states: StateDict[Any]) -> tuple[tuple[Any, ...], Any]:
    keyed = tuple((jax.tree_util.DictKey(path), s.value) for path, s in states.items())
    return keyed, _Layout(states)


def _unflatten(layout: "_Layout", values: Iterable[Any]) -> StateDict[Any]:
    fresh = (adopt(state, value) for state, value in zip(layout.templates, values, strict=True))
    return StateDict(zip(layout.paths, fresh, strict=True))


class _Layout:
    """All of a StateDict but the values; compares by paths and by the kinds of the states."""

    def __init__(self, states: StateDict[Any]) -> None:
        self.paths: tuple[Path, ...] = tuple(states)
        self.templates: tuple[State[Any], ...] = tuple(template(s) for s in states.values())

    def _key(self) -> Any:
        return self.paths, tuple((type(s), s.name, s.tag, is_frozen(s)) for s in self.templates)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Layout) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


jax.tree_util.register_pytree_with_keys(StateDict, _flatten_with_keys, _unflatten, _flatten)
