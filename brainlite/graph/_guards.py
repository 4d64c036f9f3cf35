"""What a traced function depended on, and whether that still holds.

While a frame is open, each attribute that is read from a node is noted with the value that it
had. :class:`Guards` is such a set of notes, ready to be checked later, perhaps against other
objects: a function traced on one model may serve another of the same structure. The check is
a matching: it looks for a one-to-one renaming of the objects of then to those of now, under
which every note still holds. States are renamed freely (a state re-created in its place is the
same state to the function), nodes only where they came in through an argument.
"""

from collections.abc import Iterable, Mapping
from itertools import repeat
from operator import is_
from typing import Any, TypeVar

from brainlite.graph._contents import Opened, is_graph, open_container
from brainlite.graph._foreign import node_types
from brainlite.graph._node import Node, fields
from brainlite.graph._notes import ABSENT, Frozen, is_walk
from brainlite.graph._walk import walk_note
from brainlite.state import State
from brainlite.state._face import epoch, is_frozen, same_field

_NOTHING: dict[str, object] = {}
_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})


def _same_atom(then: object, now: object) -> bool:
    # 1, 1.0 and True are equal, as are 0.0 and -0.0, yet a traced function can tell them apart.
    return type(then) is type(now) and bool(then == now) and str(then) == str(now)


T = TypeVar("T")


class Renaming:
    """A one-to-one map from the objects of a trace to the objects of a call.

    Parameters
    ----------
    pairs : iterable of (object then, object now)
        What is known from the start: arguments, and states that a closure holds directly.
    free : container of ids
        The nodes of then that may be renamed. All others stand for themselves.
    """

    def __init__(self, pairs: Iterable[tuple[object, object]], free: frozenset[int]) -> None:
        self._free = free
        self._now: dict[int, object] = {}
        self._then: dict[int, object] = {}
        self.consistent: bool = all(self.bind(then, now) for then, now in pairs)

    def bind(self, then: object, now: object) -> bool:
        """Add a pair; False when it contradicts what is known."""
        known = self._now.get(id(then), ABSENT)
        if known is not ABSENT:
            return known is now
        if type(then) is not type(now) or id(now) in self._then:
            return False
        if then is not now and not (isinstance(then, State) or id(then) in self._free):
            return False
        self._now[id(then)] = now
        self._then[id(now)] = then
        return True

    def __getitem__(self, then: T) -> T:
        now: Any = self._now.get(id(then), then)  # of the same type: `bind` has looked
        found: T = now
        return found

    def then(self, now: object) -> object:
        """Return what ``now`` was in the trace: the inverse of looking up."""
        return self._then.get(id(now), now)


class Guards:
    """The notes of one trace, grouped by owner, in the order in which they were taken."""

    def __init__(
        self,
        notes: Mapping[tuple[int, str], tuple[object, object]],
        states: Iterable[State[object]] = (),
    ) -> None:
        # By id: a node or a state, and what was noted of its attributes.
        self._owners: dict[int, tuple[Any, dict[str, object]]] = {}
        self._calls = epoch.calls
        for (key, name), (owner, value) in notes.items():
            self._owners.setdefault(key, (owner, {}))[1].setdefault(name, value)
        # Of states their fields count, too: tags, where they live, what a subclass has added.
        self._labels = [(state, _label(state)) for state in [*self.states(), *states]]

    def cover(self, notes: Mapping[tuple[int, str], tuple[object, object]]) -> bool:
        """Say whether all these notes are among them."""
        nothing: tuple[object, dict[str, object]] = (None, {})
        return all(name in self._owners.get(key, nothing)[1] for key, name in notes)

    def __len__(self) -> int:
        return sum(len(checks) for _, checks in self._owners.values())

    def entries(self) -> Iterable[tuple[Any, str, object]]:
        """Yield (owner, attribute, frozen value) for each note."""
        for owner, checks in self._owners.values():
            for name, value in checks.items():
                yield owner, name, value

    def states(self) -> set[State[object]]:
        """Return the states that were reached through an attribute."""
        found: set[State[object]] = set()
        stack = [value for _, _, value in self.entries()]
        while stack:
            value = stack.pop()
            if isinstance(value, Frozen):
                stack += value.items
            elif isinstance(value, State):
                found.add(value)
        return found

    def match(
        self,
        pairs: Iterable[tuple[object, object]],
        free: frozenset[int],
        containers: list["Watched"],
    ) -> Renaming | None:
        """Return the renaming under which every note holds now, or None.

        The plain containers that were met are added to ``containers``: they can be edited
        without the epoch advancing.
        """
        renaming = Renaming(pairs, free)
        if not renaming.consistent or self._calls != epoch.calls:
            return None
        for owner, checks in self._owners.values():
            now = renaming[owner]
            attributes = _attributes(now)
            for name, then in checks.items():
                value = _current(now, name, attributes)
                settled = value is then and not is_graph(then)
                if not settled and not self._same(then, value, renaming):
                    return None
                if is_walk(name):  # it went through the containers that were there
                    containers += map(Watched, filter(_may_change, attributes.values()))
                    if type(now) in node_types:
                        containers.append(Watched(now))
                elif isinstance(then, Frozen) and _may_change(value):
                    containers.append(Watched(value))
        for state, label in self._labels:
            if not _same_label(label, _label(renaming[state])):
                return None
        return renaming

    def broken(
        self, pairs: Iterable[tuple[object, object]], free: frozenset[int]
    ) -> list[tuple[object, str]]:
        """Return the notes (owner, attribute) that do not hold now; arguments as for a match."""
        renaming = Renaming(pairs, free)
        found: list[tuple[object, str]] = []
        for owner, name, then in self.entries():
            now = renaming[owner]
            if not self._same(then, _current(now, name, _attributes(now)), renaming):
                found.append((owner, name))
        return found

    def _same(self, then: object, now: object, renaming: Renaming) -> bool:
        """Say whether a value is what it was, with objects of the call for those of the trace."""
        if isinstance(then, Frozen):
            kind: type = type(now)
            opened = open_container(now) if kind is then.kind else None
            if opened is None or opened.keys != then.keys:
                return False
            items = list(opened.items)
            return len(items) == len(then.items) and all(
                map(self._same, then.items, items, repeat(renaming))
            )
        if is_graph(then):
            return renaming.bind(then, now)
        return then is now or (type(then) in _ATOMS and _same_atom(then, now))


def _label(state: State[object]) -> tuple[object, object, dict[str, object]]:
    other = dict(getattr(state, "__dict__", _NOTHING))
    return state.name, state.tag, {**other, "sharding": state.sharding}


def _same_label(
    then: tuple[object, object, dict[str, object]], now: tuple[object, object, dict[str, object]]
) -> bool:
    if then[:2] != now[:2] or then[2].keys() != now[2].keys():
        return False
    return all(same_field(then[2][name], now[2][name]) for name in then[2])


def _attributes(owner: Node | State[object]) -> Mapping[str, object]:
    """Return what notes may be of: the attributes of a node, or what a state says of itself."""
    return {"requires_grad": not is_frozen(owner)} if isinstance(owner, State) else fields(owner)


def current_note(node: Node, name: str) -> object:
    """Return what a note called ``name`` would hold for ``node`` now."""
    return _current(node, name, _attributes(node))


def _current(node: Node, name: str, attributes: Mapping[str, object]) -> object:
    return walk_note(node, name) if is_walk(name) else attributes.get(name, ABSENT)


def same_value(then: object, now: object) -> bool:
    """Say whether two settings are one: the same object, or equal atoms of one type."""
    return then is now or (type(then) in _ATOMS and _same_atom(then, now))


def _is_container(value: object) -> bool:
    return isinstance(value, list | tuple | dict) or open_container(value) is not None


def _open(value: Any) -> Opened | None:
    if type(value) in node_types:
        attributes = fields(value)
        return Opened(tuple(attributes), attributes.values())
    return open_container(value)


def _may_change(value: object) -> bool:
    """Say whether this is a container that can be edited; a size, a tuple of numbers, is not."""
    if isinstance(value, tuple):
        return any(map(_may_change, value))
    return _is_container(value)


class Watched:
    """A container that a trace read, or an object of a registered class, with what it held."""

    __slots__ = ("_by_identity", "_items", "_keys", "_live", "_nested")

    def __init__(self, live: Any) -> None:
        self._live = live
        self._keys, content = _open(live) or Opened(None, ())
        items: Any = content if isinstance(live, tuple) else list(content)
        self._items = items
        # Items that are equal only to themselves can be compared by the list itself, which is
        # four times faster than asking for each whether it is the same.
        plain: object = object.__eq__
        self._by_identity = all(type(item).__eq__ is plain for item in items)
        self._nested = [Watched(item) for item in items if _is_container(item)]

    def comparison(self) -> tuple[object, object] | None:
        """Return two lists that are equal as long as nothing has changed, if there are such."""
        return (self._live, self._items) if self._by_identity and self._keys is None else None

    def unchanged(self) -> bool:
        """Say whether it holds the very same objects still."""
        live = self._live
        if self._keys is not None:
            opened = _open(live)
            if opened is None or opened.keys != self._keys:
                return False
            live = list(opened.items)
        if len(live) != len(self._items):
            return False
        if self._by_identity:
            return bool(live == self._items)
        if not all(map(is_, live, self._items)):
            return False
        return not self._nested or all(inner.unchanged() for inner in self._nested)
