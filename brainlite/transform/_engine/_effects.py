"""What a traced function does to states: which it writes, which it makes, what changes place.

A state that is made anew where one sits already is that one: it gets the new value. So loops
carry it, branches may make it or write it, and whoever makes hidden states before each sequence
changes no attribute. All else that happens to attributes, a state where none was, two that change
places, is a *place*, which is set when the transform ends well.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from brainlite._jax_compat import Tracer
from brainlite.errors import TracedAttributeError
from brainlite.graph import Node
from brainlite.graph._face import (
    before,
    build,
    describe,
    fields,
    fields_in,
    graph_below,
    holds_graph,
    note,
    parts_within,
    refill,
    set_if_plain,
    take_edits,
    was_walked,
)
from brainlite.state import State
from brainlite.state._face import (
    AnyState,
    Frame,
    adopt,
    current_frame,
    epoch,
    hold_placed,
    locate,
    same_structure,
    specs_of,
)
from brainlite.transform._engine._reach import reachable

T = TypeVar("T")

TAKEN: object = object()  # in the attribute of a new node: an array of the trace was taken out


class Place(NamedTuple):
    """An attribute that a traced function has set to a new state, or to something holding one."""

    owner: Node
    name: str
    value: object
    in_place: bool = False  # whether it was not set, but edited: a list or dict

    @property
    def key(self) -> tuple[int, str]:
        """What identifies the place, whatever sits there."""
        return id(self.owner), self.name


class Effects(NamedTuple):
    """What a traced function does to states.

    ``written`` are states from outside; ``made`` are new ones that survive in ``places``. A
    transform carries one value for each of both, in this order (:attr:`states`). ``merged`` are new
    ones, too, with the state from outside that each of them became; ``apart`` are those of ``made``
    that must not become the one in whose place they are. ``anew`` are those states whose value, or
    absence, before does not matter: they are made before anything reads them or asks whether they
    are there. ``settled`` says that a second run would do the same, since the function has not
    looked at its places before it set them.
    """

    written: list[AnyState]
    made: list[AnyState]
    places: list[Place]
    merged: Mapping[AnyState, AnyState]
    apart: frozenset[AnyState]
    anew: frozenset[AnyState]
    born_nodes: Mapping[int, object]
    settled: bool

    @property
    def states(self) -> list[AnyState]:
        """Every state that gets a value: first the written, then the new ones."""
        return self.written + self.made

    def same_places(
        self, other: "Effects", renamed: Callable[[object], object] | None = None
    ) -> bool:
        """Say whether the same is put into the same places.

        ``renamed`` is from the objects of this trace to those of the other, where they differ.
        """
        return self._layout(renamed or itself) == other._layout(itself)

    def _layout(self, renamed: Callable[[object], object]) -> list[object]:
        """Return what is put into each place, comparable with another trace of the function."""
        numbers: dict[AnyState, object] = {state: n for n, state in enumerate(self.made)}
        found: list[object] = []
        for place in self.places:
            described = describe(place.value)
            states = [
                numbers[s] if s in numbers else renamed(self.merged.get(s, s))
                for s in described.states
            ]
            plain = place.value if not described.states and not described.nodes else None
            found.append((place.key, described.definition, states, plain))
        return found

    def place_of(self, state: AnyState) -> tuple[int, str]:
        """Return what identifies the place where a new state is met first."""
        return next(p.key for p in self.places if state in describe(p.value).states)


class _Change(NamedTuple):
    """A place, and what was there before."""

    place: Place
    occupant: object


def collect(
    frame: Frame, fun: object = None, *, merge: bool = True
) -> tuple[Effects, list[object]]:
    """Return what happened in a frame that is about to close, and the values that came of it.

    Parameters
    ----------
    frame : Frame
        The frame.
    fun : object
        The function that ran: a state that it holds in a variable is no other.
    merge : bool
        Whether new states become those in whose places they are.
    """
    take_edits(frame)
    looked = dict(frame.looked)
    changes: list[_Change] = []
    for key, (owner, value) in list(frame.attributes.items()):
        name = key[1]
        if not set_if_plain(frame, owner, name, value):
            occupant = before(frame, owner, name)
            if value is not occupant:
                place = Place(owner, name, value, key in frame.in_place)
                changes.append(_Change(place, occupant))
    merged, apart = _merged(frame, changes, fun) if merge else ({}, frozenset[AnyState]())
    became = {old: new for new, old in merged.items()}
    touched = [s for s in (*frame.written, *frame.edited()) if s not in frame.born]
    written = [s for s in dict.fromkeys([*touched, *became]) if isinstance(s, State)]
    places = [c.place for c in changes if not (merge and _same(frame, c, merged))]
    made: dict[AnyState, Place] = {}
    born_nodes: dict[int, Node] = {}
    for place in places:
        described = describe(place.value)
        new = [s for s in described.states if s in frame.born and s not in merged]
        made.update((s, place) for s in new if s not in made)
        born_nodes.update((id(n), n) for n in described.nodes if id(n) in frame.born_nodes)
    for node in born_nodes.values():
        _check_attributes(frame, node)
    settled = not any(_looked_at(looked, place) for place in places)
    read = {each.slot for each in frame.reads}
    anew = {s for s in written if (s in became or s in frame.anew) and s not in read}
    anew.update(s for s, place in made.items() if place.key not in looked)
    effects = Effects(
        written, list(made), places, merged, apart, frozenset(anew), born_nodes, settled
    )
    if frame.parent is not None:
        own, set_around = frame.born_nodes, frame.parent.attributes
        frame.parent.looked.update(
            {k: n for k, n in looked.items() if k[0] not in own and k not in set_around}
        )
    return effects, [frame.values[became.get(state, state)] for state in effects.states]


def _check_attributes(frame: Frame, node: Node) -> None:
    """Raise if a new node that outlives the trace holds arrays of the trace."""
    for name, value in fields(node).items():
        if any(isinstance(leaf, Tracer) or leaf is TAKEN for leaf in parts_within(value)):
            raise TracedAttributeError(
                f"a {type(node).__name__} is made inside {frame.label} and put in place with a "
                f"traced value in its attribute {name!r}",
                where=locate(node),
                expected="a State for what is computed where the function is traced",
                got="a plain attribute that holds an array",
                fix=f"use a state: `self.{name} = brainlite.State(...)`, or make the "
                f"{type(node).__name__} outside",
            )


def called(
    frame: Frame,
    fun: Callable[..., object],
    args: Iterable[object],
    kwargs: Mapping[str, object],
    held_by: object = None,
) -> tuple[object, Effects, list[object]]:
    """Call ``fun`` in a frame that is open: its result, and what :func:`collect` returns.

    ``held_by`` is the function of the user, where ``fun`` is not it.
    """
    out = fun(*args, **kwargs)
    return out, *collect(frame, fun if held_by is None else held_by)


def _merged(
    frame: Frame, changes: Sequence[_Change], fun: object
) -> tuple[dict[AnyState, AnyState], frozenset[AnyState]]:
    """Return the new states that become one that is there, with that one; and those that do not."""
    # A state that is put into another place stays what it is, and takes nobody in.
    stay = {s for c in changes for s in describe(c.place.value).states if s not in frame.born}
    merged: dict[AnyState, AnyState] = {}
    met: set[AnyState] = set()
    where: dict[AnyState, _Change] = {}
    for change in changes:
        for new, old in _residents(change.place.value, change.occupant):
            met.add(new)
            fits = new in frame.born and new not in merged and old not in where and old not in stay
            if fits and _alike(frame, new, old):
                merged[new] = old
                where[old] = change
    elsewhere = _held_elsewhere(frame, where, fun)
    merged = {new: old for new, old in merged.items() if old not in elsewhere}
    for change in {id(where[old]): where[old] for old in merged.values()}.values():
        # Another state may sit there at the next call; it is found by its place.
        note(frame, change.place.owner, change.place.name, change.occupant)
    return merged, frozenset(met - merged.keys())


def _alike(frame: Frame, new: AnyState, old: AnyState) -> bool:
    """Say whether writing the value of ``new`` to ``old`` is all there is to do."""
    [spec], [there] = specs_of([new]), specs_of([old])
    if not spec.may_become(there):
        return False
    value, held = frame.values[new], frame.peek(old)
    return value is None or held is None or same_structure(held, value)


def _held_elsewhere(frame: Frame, where: Mapping[AnyState, _Change], fun: object) -> set[AnyState]:
    """Return those of these states that are somewhere else, too, where they must stay as they are.

    Looked at are the variables of the function, and the modules that it has read from.
    """
    if not where:
        return set()
    held = reachable(fun)
    found = {state for state in where if id(state) in held}
    nodes = {key[0]: node for key, node in frame.looked.items()}
    nodes.update({id(c.place.owner): c.place.owner for c in where.values()})
    inside = {state: describe(change.occupant).nodes for state, change in where.items()}
    for node in nodes.values():
        for name, value in fields_in(frame.parent, node).items():
            for _, state in graph_below(value):
                if isinstance(state, State) and state in where:
                    place = where[state].place
                    here = place.owner is node and place.name == name
                    if not here and all(each is not node for each in inside[state]):
                        found.add(state)
    return found


def _same(frame: Frame, change: _Change, merged: Mapping[AnyState, AnyState]) -> bool:
    """Say whether, with new states merged, the place holds what it held."""
    value, occupant = change.place.value, change.occupant
    if isinstance(value, State):
        return value in merged and merged[value] is occupant
    if not holds_graph(value) or not holds_graph(occupant):
        return False
    new, old = describe(value), describe(occupant)
    return (
        new.definition.may_become(old.definition)
        and [merged.get(state, state) for state in new.states] == old.states
        and all(
            node is there or id(node) in frame.born_nodes
            for node, there in zip(new.nodes, old.nodes, strict=True)
        )
    )


def _looked_at(looked: Mapping[tuple[int, str], object], place: Place) -> bool:
    """Say whether a function has asked what was in a place."""
    return place.key in looked or was_walked(looked, place.owner, place.value)


def _residents(value: object, occupant: object) -> Iterable[tuple[AnyState, AnyState]]:
    """Pair the states of ``value`` with those that sit in the place, where these are alike."""
    if isinstance(value, State):
        return [(value, occupant)] if type(occupant) is type(value) else []
    if not holds_graph(occupant):
        return []
    new, old = describe(value), describe(occupant)
    alike = new.definition.may_become(old.definition)
    return zip(new.states, old.states, strict=True) if alike else []


class Renamed(Protocol):
    """From the objects of a trace to those of a call: from each to one of the same type."""

    def __call__(self, thing: T, /) -> T: ...


def commit(effects: Effects, values: Sequence[object], renamed: Renamed | None = None) -> None:
    """Put new values in place: in the frame around or, at the outermost level, in the states.

    Parameters
    ----------
    effects : Effects
        What the traced function does.
    values : sequence
        One value for each of ``effects.states``.
    renamed : callable, optional
        From the objects of the trace to those of this call, where they differ.
    """
    written = effects.written if renamed is None else [renamed(s) for s in effects.written]
    if effects.places:
        written = written + _find_homes(effects, values[len(written) :], renamed)
    frame = current_frame.get()
    if frame is None:
        hold_placed(written, values)
    else:
        for number, (state, value) in enumerate(zip(written, values, strict=True)):
            if number < len(effects.written) and effects.written[number] in effects.anew:
                frame.make_anew(state)
            frame.write(state, value)


def _find_homes(
    effects: Effects, values: Sequence[object], renamed: Renamed | None
) -> list[AnyState]:
    """Find a home for each new state: what sits in its place by now, or a new state put there."""
    born = dict(zip(effects.made, values, strict=True))
    now = renamed or itself
    settled = {now(s) for p in effects.places for s in describe(p.value).states if s not in born}
    homes: dict[AnyState, AnyState] = {new: now(old) for new, old in effects.merged.items()}

    def home(state: AnyState) -> AnyState:
        if state not in homes:
            homes[state] = adopt(state, born[state]) if state in born else now(state)
        return homes[state]

    moves: list[tuple[Node, str, object, bool]] = []
    for owner, name, value, in_place in effects.places:
        owner = now(owner)
        occupant = fields(owner).get(name)
        # The trace met nobody there, but since then, perhaps by this very function, somebody came.
        for state, resident in _residents(value, occupant):
            free = state in born and state not in homes and state not in effects.apart
            stays = state.sharding is None or state.sharding == resident.sharding
            if free and stays and resident not in settled:
                homes[state] = resident
                settled.add(resident)
        if isinstance(value, State):
            moved: object = home(value)
        else:
            moved = _rebuilt(value, occupant, effects, home, now)
        if moved is not occupant:
            moves.append((owner, name, moved, in_place))
    for move in moves:
        _move(*move)
    return [home(state) for state in effects.made]


def _move(owner: Node, name: str, value: object, in_place: bool) -> None:
    """Set an attribute, or edit what is there."""
    frame = current_frame.get()
    occupant = fields(owner).get(name)
    if in_place and frame is None and type(occupant) is type(value):
        refill(occupant, value)
        epoch.advance()
        return
    setattr(owner, name, value)
    if in_place and frame is not None:
        frame.in_place.add((id(owner), name))


def itself(thing: T) -> T:
    """Return what is given: where the objects of a trace are those of the call."""
    return thing


def _rebuilt(
    value: object,
    occupant: object,
    effects: Effects,
    home: Callable[[AnyState], AnyState],
    now: Callable[[object], object],
) -> object:
    """Return ``value`` with its new states at home: the occupant if it has them already."""
    new = describe(value)
    states = [home(state) for state in new.states]
    kept = {n: now(x) for n, x in enumerate(new.nodes) if id(x) not in effects.born_nodes}
    if kept.get(0) is value and states == new.states:
        return value  # a module from outside, as it was
    if holds_graph(occupant):
        old = describe(occupant)
        same = new.definition.may_become(old.definition) and states == old.states
        if same and all(old.nodes[number] is node for number, node in kept.items()):
            return occupant
    return build(new.definition, states, kept)
