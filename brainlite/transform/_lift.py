"""The lifting engine: run a function that reads and writes states once, get a pure function.

:func:`lift` traces the function in a frame that hoists. Every state that it reads becomes an input
of the jaxpr, every state that it writes an output, and the user's Python code is not needed any
more. Each transform is then a thin file: it decides what becomes of these inputs and outputs
(loop carry, closed-over value, differentiated value) and lets :func:`commit` put the new
values in place when nothing can fail any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from brainlite._jax_compat import (
    NEEDS_VALUES,
    ClosedJaxpr,
    Jaxpr,
    Literal,
    jaxpr_as_fun,
    release,
    state_read,
)
from brainlite.errors import BranchError
from brainlite.graph._contents import holds_graph
from brainlite.graph._graphdef import build, describe
from brainlite.graph._node import Node, fields, set_if_plain
from brainlite.state import State
from brainlite.state._frame import MISSING, Frame, Slot, current_frame, held, hold_all
from brainlite.state._locate import locate
from brainlite.state._state import adopt
from brainlite.transform._origin import Origin, explain, under_its_name
from brainlite.transform._values import are_values, check_arguments, check_result

__all__ = [
    "Body",
    "Effects",
    "Lifted",
    "Place",
    "called",
    "collect",
    "commit",
    "fetch",
    "lift",
    "name_of",
    "standing",
    "strengthen",
]

AnyState = State[Any]


class Place(NamedTuple):
    """An attribute that a traced function has set to a new state, or to something holding one."""

    owner: Node
    name: str
    value: Any

    @property
    def key(self) -> tuple[int, str]:
        """What identifies the place, whatever sits there."""
        return id(self.owner), self.name


class Effects(NamedTuple):
    """What a traced function does to states.

    ``written`` are states from outside; ``made`` are new ones that survive in ``places``. A
    transform carries one value for each of both, in this order (:attr:`states`).
    """

    written: list[AnyState]
    made: list[AnyState]
    places: list[Place]
    born_nodes: Mapping[int, object]

    @property
    def states(self) -> list[AnyState]:
        """Every state that gets a value: first the written, then the new ones."""
        return self.written + self.made

    def same_as(self, other: "Effects") -> bool:
        """Say whether another trace of the function does the same to the same states."""
        return self.written == other.written and [
            (place.key, describe(place.value).definition) for place in self.places
        ] == [(place.key, describe(place.value).definition) for place in other.places]

    def place_of(self, state: AnyState) -> tuple[int, str]:
        """Return what identifies the place where a new state is met first."""
        return next(p.key for p in self.places if state in describe(p.value).states)

    def resident(self, state: AnyState) -> AnyState | None:
        """Return the state that sits already where a new state will be put, if one does."""
        for place in self.places:
            occupant = fields(place.owner).get(place.name)
            if place.value is state and type(occupant) is type(state):
                return occupant
            new = describe(place.value)
            if state in new.states and holds_graph(occupant):
                old = describe(occupant)
                if new.definition == old.definition:
                    return old.states[new.states.index(state)]
        return None


def collect(frame: Frame) -> tuple[Effects, list[Any]]:
    """Return what happened in a frame that is about to close, and the values that came of it."""
    written = [slot for slot in (*frame.written, *frame.edited()) if slot not in frame.born]
    places: list[Place] = []
    made: dict[AnyState, None] = {}
    for (_, name), (owner, value) in frame.attributes.items():
        if set_if_plain(frame, owner, name, value):
            continue
        places.append(Place(owner, name, value))
        for state in describe(value).states:
            if state in frame.born:
                made[state] = None
    known = [state for state in written if isinstance(state, State)]
    effects = Effects(known, list(made), places, dict(frame.born_nodes))
    return effects, [frame.values[state] for state in effects.states]


def called(
    frame: Frame, fun: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> tuple[Any, Effects, list[Any]]:
    """Call ``fun`` in a frame that is open: its result, and what :func:`collect` returns."""
    out = fun(*args, **kwargs)
    return out, *collect(frame)


class Lifted:
    """A function after lifting.

    Attributes
    ----------
    closed : ClosedJaxpr
        The pure function: values of ``reads``, then arguments, to result and new values.
    out_tree : PyTreeDef
        The structure of ``(result, new values)``.
    reads : list of State
        The states whose values are the first inputs.
    effects : Effects
        The states whose new values come out.
    types : list of pytrees of abstract values
        The types of these new values.
    out_types : pytree of abstract values
        The type of the function's own result.
    notes, environment : dict
        The attributes and settings that were read while tracing.
    """

    __slots__ = (
        "closed",
        "effects",
        "environment",
        "notes",
        "out_tree",
        "out_types",
        "reads",
        "types",
    )

    def __init__(
        self,
        closed: ClosedJaxpr,
        reads: list[AnyState],
        out_tree: Any,
        effects: Effects,
        frame: Frame,
    ) -> None:
        self.closed: ClosedJaxpr = closed
        self.out_tree: Any = out_tree
        self.reads: list[AnyState] = reads
        self.effects: Effects = effects
        self.notes: dict[tuple[int, str], tuple[Any, Any]] = frame.notes
        self.environment: dict[str, Any] = frame.environment
        types: tuple[Any, list[Any]] = jax.tree.unflatten(out_tree, closed.out_avals)
        self.out_types: Any = types[0]
        self.types: list[Any] = types[1]

    def __call__(self, values: Iterable[Any], args: Any) -> tuple[Any, list[Any]]:
        """Evaluate on the values of ``reads`` and the arguments ``(args, kwargs)``."""
        return Body(self.closed.jaxpr, self.closed.consts, self.out_tree)(values, args)


class Body(NamedTuple):
    """The pure function in a :class:`Lifted`, apart from the states: what a loop needs to run."""

    jaxpr: Jaxpr
    constants: Sequence[Any]
    out_tree: Any

    def __call__(self, values: Iterable[Any], args: Any) -> tuple[Any, list[Any]]:
        """Evaluate on the values of the states that are read and on ``(args, kwargs)``."""
        closed = ClosedJaxpr(self.jaxpr, self.constants)
        flat = jaxpr_as_fun(closed)(*jax.tree.leaves(list(values)), *jax.tree.leaves(args))
        result: tuple[Any, list[Any]] = jax.tree.unflatten(self.out_tree, flat)
        return result


def lift(
    fun: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    label: str,
    stand_ins: Mapping[Any, Any] | None = None,
    inputs: Mapping[Any, Any] | None = None,
    on_read: Callable[[Frame, Slot[Any]], Any] | None = None,
    watched: bool = False,
    origin: Origin | None = None,
) -> Lifted:
    """Trace ``fun`` once and turn the states that it touches into inputs and outputs.

    Parameters
    ----------
    fun : callable
        The user's function. Its Python body runs exactly once.
    args, kwargs
        Arrays, or anything with a shape and dtype.
    label : str
        The name of the transform, for messages.
    stand_ins, inputs, on_read
        See :class:`~brainlite.state._frame.Frame`.
    watched : bool
        Whether to keep a record of its own of the attributes and settings that are read.
    origin : Origin, optional
        The user's function and its arguments, for messages, where they differ from these.
    """
    args, kwargs = tuple(args), dict(kwargs or {})
    origin = origin or Origin(fun, args, kwargs)
    if not are_values((origin.args, origin.kwargs)):
        check_arguments(origin.by_name(), label)
    frames: list[Frame] = []
    trees: list[Any] = []
    effects: list[Effects] = []

    def traced(args: Any, kwargs: Any) -> list[Any]:
        frame = Frame(
            label,
            inputs=inputs,
            hoist=True,
            on_read=on_read,
            stand_ins=stand_ins,
            watched=watched,
        )
        frames.append(frame)
        out, effect, values = frame.run(called, fun, args, kwargs)
        check_result(out, label, origin.within)
        leaves, out_tree = jax.tree.flatten((out, values))
        frame.forget()
        trees.append(out_tree)
        effects.append(effect)
        return leaves

    named = under_its_name(traced, args, kwargs, origin)
    try:
        closed = jax.make_jaxpr(named)(*origin.args, **origin.kwargs)
    except BaseException as error:
        for frame in frames:
            if isinstance(error, NEEDS_VALUES):
                explain(error, frame, label)
            release(frame.trace)
            frame.forget()
        raise
    [frame], [out_tree], [effect] = frames, trees, effects
    reads, closed = _hoist(closed, frame)
    return Lifted(closed, reads, out_tree, effect, frame)


def _hoist(closed: ClosedJaxpr, frame: Frame) -> tuple[list[AnyState], ClosedJaxpr]:
    """Make the results of the `state_read` equations inputs of the jaxpr."""
    jaxpr = closed.jaxpr
    equations: list[Any] = []
    read_vars: dict[int, list[Any]] = {}
    used: set[Any] = set()
    for equation in jaxpr.eqns:
        if equation.primitive is state_read:
            read_vars[equation.params["slot"]] = equation.outvars
        else:
            equations.append(equation)
            used.update(v for v in equation.invars if not isinstance(v, Literal))
    used.update(v for v in jaxpr.outvars if not isinstance(v, Literal))

    reads: list[AnyState] = []
    variables: list[Any] = []
    for number, read in enumerate(frame.reads):
        found = read_vars.get(number, [])
        # A state that was read but not used is no input.
        if any(v in used for v in found) and isinstance(read.slot, State):
            reads.append(read.slot)
            variables += found
    constants = [(v, c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True) if v in used]
    hoisted = jaxpr.replace(
        constvars=[v for v, _ in constants],
        invars=variables + list(jaxpr.invars),
        eqns=equations,
    )
    return reads, ClosedJaxpr(hoisted, [c for _, c in constants])


def fetch(state: AnyState) -> Any:
    """Return the value that a state has outside the lifted function."""
    frame = current_frame.get()
    if frame is not None:
        return frame.read(state)
    [value] = held([state])
    return value if value is not MISSING else state.absent()


def standing(effects: Effects, state: AnyState, label: str) -> Any:
    """Return the value that a state has if the traced function turns out not to run.

    A new state has that of the state which sits in its place already.
    """
    if state not in effects.made:
        return fetch(state)
    resident = effects.resident(state)
    if resident is not None:
        return fetch(resident)
    raise BranchError(
        f"{label} makes a {type(state).__name__} that may not come to be, since the code that "
        "makes it may not run",
        where=name_of(state),
        expected="a state that exists before",
        got=f"a new state at attribute {effects.place_of(state)[1]!r}",
        fix="make the state before (`init_all_states`), and write its value here",
    )


def commit(
    effects: Effects, values: Sequence[Any], renamed: Callable[[Any], Any] | None = None
) -> None:
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
        written = written + _settle(effects, values[len(written) :], renamed)
    frame = current_frame.get()
    if frame is None:
        hold_all(written, values)
    else:
        for state, value in zip(written, values, strict=True):
            frame.write(state, value)


def _settle(
    effects: Effects, values: Sequence[Any], renamed: Callable[[Any], Any] | None
) -> list[AnyState]:
    """Find a home for each new state: what sits in its place already, or a new state put there."""
    born = dict(zip(effects.made, values, strict=True))
    now = renamed or _itself
    # A state that is put into another place stays what it is, and takes nobody in.
    settled = {now(s) for p in effects.places for s in _states_in(p.value) if s not in born}
    homes: dict[AnyState, AnyState] = {}

    def home(state: AnyState) -> AnyState:
        if state not in homes:
            homes[state] = adopt(state, born[state]) if state in born else now(state)
        return homes[state]

    for owner, name, value in effects.places:
        owner = now(owner)
        occupant = fields(owner).get(name)
        for state, resident in _residents(value, occupant):
            if state in born and state not in homes and resident not in settled:
                homes[state] = resident
                settled.add(resident)
        if isinstance(value, State):
            moved: Any = home(value)
        else:
            moved = _rebuilt(value, occupant, effects, home, now)
        if moved is not occupant:
            setattr(owner, name, moved)
    return [home(state) for state in effects.made]


def _itself(thing: Any) -> Any:
    return thing


def _states_in(value: Any) -> list[AnyState]:
    return [value] if isinstance(value, State) else describe(value).states


def _residents(value: Any, occupant: Any) -> Iterable[tuple[AnyState, AnyState]]:
    """Pair the states of ``value`` with those that sit in the place, where these are alike."""
    if isinstance(value, State):
        return [(value, occupant)] if type(occupant) is type(value) else []
    if not holds_graph(occupant):
        return []
    new, old = describe(value), describe(occupant)
    return zip(new.states, old.states, strict=True) if new.definition == old.definition else []


def _rebuilt(
    value: Any,
    occupant: Any,
    effects: Effects,
    home: Callable[[AnyState], AnyState],
    now: Callable[[Any], Any],
) -> Any:
    """Return ``value`` with its new states at home: the occupant if it has them already."""
    new = describe(value)
    states = [home(state) for state in new.states]
    kept = {n: now(x) for n, x in enumerate(new.nodes) if id(x) not in effects.born_nodes}
    if kept.get(0) is value and states == new.states:
        return value  # a module from outside, as it was
    if holds_graph(occupant):
        old = describe(occupant)
        same = new.definition == old.definition and states == old.states
        if same and all(old.nodes[number] is node for number, node in kept.items()):
            return occupant
    return build(new.definition, states, kept)


def strengthen(value: Any) -> Any:
    """Give weakly typed leaves (Python numbers) the dtype that they would have as arrays."""
    return jax.tree.map(_strengthen_leaf, value)


def _strengthen_leaf(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array) and not getattr(leaf, "weak_type", False):  # keys have none
        return leaf
    return jax.lax.convert_element_type(leaf, jnp.result_type(leaf))


def name_of(state: AnyState) -> str:
    """Return the path of a state, or its kind where the path is unknown."""
    return locate(state) or state.name or type(state).__name__
