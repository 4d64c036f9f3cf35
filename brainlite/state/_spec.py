"""What a state is apart from its value, and states made from that: many at a time, and fast."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from brainlite._given import apart
from brainlite._jax_compat import no_trace, trace_cell
from brainlite.state._frame import current_frame, put
from brainlite.state._kinds import ParamState
from brainlite.state._sharding import FIELD, fits, packed, placed, unpacked
from brainlite.state._state import AnyState, State, begin, blank, is_frozen


class StateSpec:
    """A state without its value: kind, name, tags, and what a subclass has added.

    Compares by kind and fields: name, tags, whether it is frozen, and those of a subclass.
    """

    __slots__ = ("fields", "kind")

    def __init__(self, kind: type[AnyState], fields: dict[str, Any]) -> None:
        self.kind: type[AnyState] = kind
        self.fields: dict[str, Any] = fields

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.kind, packed(self.fields))

    def _key(self) -> Any:
        return self.kind, self.fields["name"], self.fields["tag"]

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, StateSpec)
            and self._key() == other._key()
            and self.fields.keys() == other.fields.keys()
            and all(same_field(self.fields[name], other.fields[name]) for name in self.fields)
        )

    def __hash__(self) -> int:
        return hash(self._key())

    def may_become(self, other: "StateSpec") -> bool:
        """Say whether both are equal, but for where the other declares to live."""
        if FIELD in self.fields or FIELD not in other.fields:
            return self == other
        rest = {name: value for name, value in other.fields.items() if name != FIELD}
        return self == StateSpec(other.kind, rest)


def _unpickled(kind: type[AnyState], fields: dict[str, Any]) -> StateSpec:
    return StateSpec(kind, unpacked(fields))


def same_field(one: object, other: object) -> bool:
    """Say whether two values of a field are one: the same object, or of one type and equal."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(np.all(one == other))
    except Exception:  # whatever a foreign __eq__ may raise
        return False


def specs_of(states: Iterable[AnyState]) -> tuple[StateSpec, ...]:
    """Return what the states are apart from their values; like states share one object."""
    known: dict[Any, StateSpec] = {}
    specs: list[StateSpec] = []
    eager = current_frame.get() is None  # in a frame each state must be asked: it takes notes
    for state in states:
        kind = type(state)
        key = (kind, state.name, state.tag, is_frozen(state))
        # A declared sharding is compared, as it has no quick hash; so such a state shares nothing.
        free = state.__sharding__ is None
        spec = known.get(key) if free else None
        if spec is None:
            spec = StateSpec(kind, state.__fields__())
            # A state with attributes of its own shares nothing: they compare by identity at best.
            if eager and free and not kind.__dictoffset__ and kind.__fields__ in _FIELDS:
                known[key] = spec
        specs.append(spec)
    return tuple(specs)


# What these say of a state is all in the key by which a spec is found again.
_FIELDS: tuple[Any, ...] = (State.__fields__, ParamState.__fields__)


def make_states(specs: Iterable[StateSpec], values: Iterable[Any]) -> list[AnyState]:
    """Return a new state with each of the values, unchecked, in containers of its own.

    A value of another kind, as a tree of states has in the middle of a transform of jax, cannot be
    where the state declares: then the new one declares nothing.
    """
    states = [blank(spec.kind, spec.fields) for spec in specs]
    values = list(map(apart, values))
    declaring = [(n, state) for n, state in enumerate(states) if state.__sharding__ is not None]
    if declaring:
        for n, state in declaring:
            if fits(values[n], state.__sharding__):
                values[n] = placed(state, values[n])
            else:
                state.__sharding__ = None
    if current_frame.get() is None and trace_cell.value is no_trace:
        put(states, values)
    else:
        for state, value in zip(states, values, strict=True):
            begin(state, value)
    return states
