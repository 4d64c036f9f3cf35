"""Specialisations: one compilation of a function, and what it holds for.

A function under ``jit`` is compiled for what it read while it was traced: attributes of modules,
settings of the environment, static arguments, variables. One such compilation is a
:class:`Specialisation`. A :class:`Binding` is a specialisation matched with the objects of a call:
which states to pass in, which to put the results into. A warm call, written out for each binding
in ``_warm``, checks that nothing has changed, and makes one dispatch.

Shapes and dtypes, of the arguments and of all states that were read, be their values used or not,
are told apart by jax's own table inside a specialisation, which is in C. For those that it has not
seen the function is lifted again. Where it does something else for them, they get a
specialisation of their own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import jax

from brainlite import environ
from brainlite._jax_compat import Tracer, shape_struct
from brainlite.display._face import Verbatim
from brainlite.environ._face import lookup
from brainlite.errors import TransformError
from brainlite.graph import Node
from brainlite.graph._face import (
    Described,
    Guards,
    Renaming,
    Watched,
    build,
    current_note,
    describe,
    note,
    same_value,
)
from brainlite.state._face import (
    AnySlot,
    AnyState,
    Frame,
    Setting,
    check_sharding,
    current_frame,
    held,
    hold,
    template,
    type_text,
)
from brainlite.transform._compile._intake import Intake, Misfit, own_buffers
from brainlite.transform._compile._outline import outline, outline_arguments
from brainlite.transform._compile._variables import Variables
from brainlite.transform._compile._warm import Checks, WarmCall, write
from brainlite.transform._engine._arguments import Call, call_filled
from brainlite.transform._engine._drawing import alone, draws, is_alone
from brainlite.transform._engine._effects import Effects, Renamed, commit, itself
from brainlite.transform._engine._lift import Lifted, fetch, lift, name_of
from brainlite.transform._engine._options import Options
from brainlite.transform._engine._origin import Origin
from brainlite.transform._engine._reach import reachable
from brainlite.transform._engine._returned import Returned, homes, take_out
from brainlite.transform._engine._watch import KEY, watchers
from brainlite.typing import PyTree


class Compilation(NamedTuple):
    """What a printed jitted function says of one specialisation."""

    because: list[str]  # what the one before it did not fit
    arguments: list[Verbatim]  # the shapes and dtypes that it was compiled for


class Specialisation:
    """A function compiled for a set of guards.

    Parameters
    ----------
    fun : callable
        The user's function.
    call : Call
        The call that asks for it.
    options : Options
        Those of ``jit``.
    because : list of str
        Why it is made, for showing.
    """

    _taken: Returned | None = None  # out of the result of the trace made last

    def __init__(
        self, fun: Callable[..., object], call: Call, options: Options, because: list[str]
    ) -> None:
        self._fun = fun
        self.shown: Compilation = Compilation(because, [])
        self._fill = call.fill
        self._copies: list[object] | None = None
        self._stand_ins: Mapping[AnyState, AnyState] = {}
        self._free: frozenset[int] = frozenset()  # the nodes among the copies, by id
        self._twins: list[tuple[object, object]] = []  # the copies, with what they were made from
        lifted = self._trace_on_copies(call) if call.graph else self._lift(call.args, call.kwargs)
        self._pending: Lifted | None = lifted
        self.effects: Effects = lifted.effects
        self.returned: Returned | None = self._taken
        # From the values that go in to the new ones in place no other thread comes between.
        self.runs_alone: bool = self.returned is not None or draws(self.effects.states)
        values = {state: fetch(self._stand_ins.get(state, state)) for state in lifted.reads}
        self.intake = Intake(values, self._donated(call, options))
        self.reads: list[AnyState] = self.intake.states
        self.guards: Guards = Guards(lifted.notes, [*self.reads, *self.effects.written])
        # Who watches is asked by modules that are being watched only.
        self.environment: dict[str, object] = {KEY: lookup(KEY), **lifted.environment}
        self.variables: Variables = Variables((fun, *call.graph))
        self.reusable: bool = not (_mentions_tracers(lifted) or self.variables.traced)
        outer = [s for s in (*self.reads, *self.effects.written) if s not in self._stand_ins]
        self._pinned = _pinned(fun, outer, self.guards)
        self._settings = [state for state in self.reads if isinstance(state, Setting)]
        self._stand_ins = {}
        self._options = options
        donates = bool(self.intake.given or options.donated.positions or options.donated.names)
        self._lists = 2 if donates else 1  # of values of states, before the user's arguments
        given = (1,) if donates else ()
        for_jax = options.for_jax(call.args, call.kwargs, self._lists, given)
        # What runs inside another transform: where its results are is said by what is around.
        self._inner: jax.stages.Wrapped = jax.jit(self._pure, **for_jax)
        placed = options.with_states(for_jax, [s.sharding for s in self.effects.states])
        self.compiled: jax.stages.Wrapped = (
            self._inner if placed is None else jax.jit(self._pure, **placed)
        )
        # Takes what `intake` makes of the values of the states, then the user's arguments.
        self.run: Callable[..., PyTree] = self._run_apart if donates else self.compiled

    def _known(self, of_call: Iterable[tuple[object, object]]) -> list[tuple[object, object]]:
        """Return what stands for what: arguments, pinned states, and settings by their keys."""
        now = [(setting, setting.now()) for setting in self._settings]
        return [*of_call, *self._pinned, *now]

    def _donated(self, call: Call, options: Options) -> set[AnyState]:
        """Return the states whose old values are given up: only such as get new ones."""
        written = set(self.effects.written)
        if options.donate_states:
            return written
        through = describe([(self._copies or ())[n] for n in call.given])
        return written.intersection(through.states)

    def arrange(self, flat: list[object]) -> tuple[list[object], ...]:
        """Return the lists of values that the compiled function takes first."""
        given = self.intake.given
        return (flat,) if self._lists == 1 else (flat[given:], flat[:given])

    def _run_apart(self, flat: list[object], *args: object, **kwargs: object) -> object:
        """Run, with the buffers that are given up used nowhere else."""
        kept, given = self.arrange(flat)
        chosen = self._options.donated.among(args, kwargs)
        others = [arg for n, arg in enumerate(args) if n not in chosen]
        others += [arg for name, arg in kwargs.items() if name not in chosen]
        own = own_buffers((given, chosen), (kept, others))
        arguments = [own[1].get(n, arg) for n, arg in enumerate(args)]
        named = {name: own[1].get(name, arg) for name, arg in kwargs.items()}
        return self._here()(kept, own[0], *arguments, **named)

    def _here(self) -> jax.stages.Wrapped:
        if current_frame.get() is None:
            return self.compiled
        self._options.check_inside(self._fun)
        return self._inner

    def run_cold(self, flat: list[object], *args: object, **kwargs: object) -> object:
        """Run, perhaps inside another transform."""
        run = self.run if self._lists == 2 else self._here()
        return run(flat, *args, **kwargs)

    def _trace_on_copies(self, call: Call) -> Lifted:
        """Trace on copies of the arguments, so that reads through them are told from others."""
        if watchers():  # who look at certain objects
            return self._trace_in_place(call)
        original = describe(list(call.graph))
        states = {state: template(state) for state in original.states}
        copies = build(original.definition, list(states.values()))
        nodes = describe(copies).nodes
        frame = current_frame.get()
        if frame is not None:  # or reads through copies would pass for those of its own making
            for node in nodes:
                frame.born_nodes.pop(id(node), None)
        self._copies = copies
        self._stand_ins = {copy: state for state, copy in states.items()}
        self._free = frozenset(map(id, nodes))
        self._twins = [*zip(nodes, original.nodes, strict=True), *self._stand_ins.items()]
        lifted = self._lift(call.args, call.kwargs)
        if _reaches(lifted, original):
            # The function reaches something both through an argument and on its own: then this
            # compilation serves these very objects only.
            return self._trace_in_place(call)
        self._keep_structures(lifted)
        return lifted

    def _keep_structures(self, lifted: Lifted) -> None:
        """Let copies that are written and not read hold the structure that a write has to fit.

        With other shapes the function is traced again on the copies alone.
        """
        frame = current_frame.get()
        for copy in set(lifted.effects.written).difference(lifted.reads):
            state = self._stand_ins.get(copy)
            if state is not None:
                [value] = held([state]) if frame is None else [frame.peek(state)]
                hold([copy], [jax.tree.map(_outlined, value)])

    def _trace_in_place(self, call: Call) -> Lifted:
        self._copies = list(call.graph)
        self._stand_ins, self._free, self._twins = {}, frozenset(), []
        return self._lift(call.args, call.kwargs)

    def _lift(
        self,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        inputs: Mapping[AnyState, object] | None = None,
    ) -> Lifted:
        """Lift the user's function, with the copies in the holes of its arguments."""

        def called(*args: object, **kwargs: object) -> object:
            full_args, full_kwargs = self._fill(args, kwargs, self._copies or ())
            out = call_filled(self._fun, full_args, full_kwargs, "jit")
            frame = current_frame.get()
            assert frame is not None
            out, self._taken = take_out(out, frame.is_new)
            return out

        return lift(
            called,
            args,
            kwargs,
            label="jit",
            stand_ins=self._stand_ins,
            inputs=inputs,
            on_read=None if inputs is None else _unknown,
            watched=True,
            keep_unused=True,
            beside=self._copies or (),
            origin=Origin(self._fun, args, kwargs),
        )

    def _pure(self, /, *args: PyTree, **kwargs: object) -> object:
        """Compute on values alone: what jax traces, once for each combination of shapes."""
        if is_alone():
            raise Misfit
        flat = [leaf for each in reversed(args[: self._lists]) for leaf in each]
        values = dict(zip(self.reads, self.intake.restore(flat), strict=True))
        args = args[self._lists :]
        outlines = [outline(copy, values) for copy in self._copies or ()]
        self.shown.arguments.append(outline_arguments(*self._fill(args, kwargs, outlines)))
        lifted, self._pending = self._pending, None
        inputs = [] if lifted is None else [values[state] for state in lifted.reads]
        if lifted is None or not lifted.fits(inputs, (args, kwargs)):
            inputs, lifted = [], self._lift_again(values, args, kwargs)
        for state, kind in zip(lifted.effects.states, lifted.types, strict=True):
            if state.sharding is not None and current_frame.get() is None:
                check_sharding(state, kind, state.sharding)
        return lifted(inputs, (args, kwargs))

    def _lift_again(
        self, values: dict[AnyState, object], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Lifted:
        """Lift for other shapes; what is left is a function of the arguments alone.

        Raises
        ------
        Misfit
            For these shapes the function does something else.
        """
        own = [(copy, copy) for copy in self._copies or ()]
        renaming = self.guards.match(self._known(own), frozenset(), [])
        if renaming is None:
            raise Misfit
        # A state that was made anew since the first trace is the one that is read now.
        lifted = self._lift(args, kwargs, {renaming[s]: value for s, value in values.items()})
        written = [renaming.then(state) for state in lifted.effects.written]
        if (
            written == self.effects.written
            and lifted.effects.same_places(self.effects, renaming.then)
            and self._returns_the_same(lifted.effects, renaming)
            and self.guards.cover(lifted.notes)
            and self.environment.keys() >= lifted.environment.keys()
        ):
            return lifted
        raise Misfit

    def _returns_the_same(self, effects: Effects, renaming: Renaming) -> bool:
        if self._taken is None or self.returned is None:
            return self._taken is self.returned
        returned = self.returned.layout(self.effects, itself)
        return bool(self._taken.layout(effects, renaming.then) == returned)

    def bind(self, call: Call) -> "Binding | None":
        """Match with the objects of a call; None when the guards do not hold for them."""
        pairs = self._known(zip(self._copies or (), call.graph, strict=True))
        containers: list[Watched] = []
        renaming = self.guards.match(pairs, self._free, containers)
        if renaming is None or not self._settings_unchanged() or not self.variables.unchanged():
            return None
        binding = Binding(self, renaming, containers)
        try:
            binding.values()
        except Misfit:
            return None
        self._twins = []
        return binding

    def bind_as_traced(self, call: Call) -> "Binding":
        """Match without asking the guards: for a function that breaks its own, once."""
        self.reusable = False
        arguments = zip(self._copies or (), call.graph, strict=True)
        return Binding(self, Renaming(self._known([*arguments, *self._twins]), self._free), [])

    def changed(self, call: Call) -> list[str]:
        """Name what keeps this specialisation from serving a call."""
        pairs = self._known(zip(self._copies or (), call.graph, strict=True))
        broken = self.guards.broken(pairs, self._free)
        attributes = [f"{type(owner).__name__}.{name}" for owner, name in broken]
        settings = [
            "who watches the model" if name == KEY else f"the setting {name!r}"
            for name, value in self.environment.items()
            if not same_value(value, lookup(name))
        ]
        variables = [f"the variable {name!r}" for name in self.variables.changed()]
        return attributes + settings + variables

    def _settings_unchanged(self) -> bool:
        return all(same_value(value, lookup(k)) for k, value in self.environment.items())


class Outputs:
    """Where the results of a compilation go, for the objects of one call."""

    def __init__(self, specialisation: Specialisation, renaming: Renaming) -> None:
        self._effects: Effects = specialisation.effects
        self._returned: Returned | None = specialisation.returned
        self._now: Renamed = renaming.__getitem__
        self.states: list[AnyState] = [self._now(state) for state in self._effects.written]
        # Whether it is enough to set one attribute for each value, without any code of a user.
        plain = all(type(state).__setattr__ is object.__setattr__ for state in self.states)
        self.plain: bool = plain and not self._effects.places and self._returned is None

    def commit(self, result: object, new: list[PyTree]) -> PyTree:
        """Put what came out in place, and return the result with its modules and states."""
        if self._effects.places or current_frame.get() is not None:
            commit(self._effects, new, self._now)
        else:
            hold(self.states, new)
        if self._returned is None:
            return result
        return self._returned.put_back(result, homes(self._effects, self._now), self._now)


class Binding:
    """A specialisation matched with the objects of a call.

    Attributes
    ----------
    made : int
        How many compilations these objects have asked for.
    position : int, optional
        The argument that is the module, in a warm call.
    """

    __slots__ = (
        "_warm",
        "checks",
        "inputs",
        "made",
        "outputs",
        "position",
        "renaming",
        "specialisation",
    )

    def __init__(
        self, specialisation: Specialisation, renaming: Renaming, containers: list[Watched]
    ) -> None:
        self.specialisation: Specialisation = specialisation
        self.inputs: list[AnyState] = [renaming[state] for state in specialisation.reads]
        self.outputs: Outputs = Outputs(specialisation, renaming)
        self.made: int = 0
        self.position: int | None = None
        self.renaming: Renaming = renaming
        variables = specialisation.variables
        self.checks: Checks = Checks(variables.bound(), containers + variables.watched())
        self._warm: WarmCall | None = None

    @property
    def warm(self) -> WarmCall:
        """Makes a warm call, if nothing has changed."""
        if self._warm is None:
            self._warm = self.write(self.specialisation.run)
        return self._warm

    def write(self, run: Callable[..., object]) -> WarmCall:
        """Write the warm call around what is to run."""
        own, outputs = self.specialisation, self.outputs
        stored = outputs.states if outputs.plain and not own.runs_alone else None
        return write(
            own.intake,
            self.checks,
            self.inputs,
            stored,
            position=self.position,
            is_alone=own.runs_alone,
            run=run,
            commit=outputs.commit,
        )

    def call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> PyTree:
        """Run for arguments that may be of other shapes than before.

        The result comes with what is to be put in place, or None where it is already.
        """
        own = self.specialisation
        if current_frame.get() is not None or not own.runs_alone:
            return own.run_cold(self.values(), *args, **kwargs)
        own.compiled.trace(*self.lists(), *args, **kwargs)  # now, while others may draw
        with alone():
            return self.outputs.commit(*own.run(self.values(), *args, **kwargs)), None

    def values(self) -> list[object]:
        """Return what to pass in: the values that the states have here, in a frame or outside."""
        return self.specialisation.intake.flatten([fetch(state) for state in self.inputs])

    def lists(self) -> tuple[list[object], ...]:
        """Return what to pass in as ``jax.jit`` gets it: those given up in a list of their own."""
        return self.specialisation.arrange(self.values())

    def check_concrete(self) -> None:
        """Raise if a state holds only the shape of a value, which jax does not say."""
        for state in self.inputs:
            value = fetch(state)
            if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(value)):
                raise TransformError(
                    f"this {type(state).__name__} holds no value, but only its shape and dtype",
                    where=name_of(state),
                    expected="arrays",
                    got=type_text(value),
                    fix="write a value to it: what eval_shape returns is a model without values",
                )

    def replay(self, frame: Frame) -> None:
        """Let the frame around know what the compiled function depends on."""
        for owner, name, _ in self.specialisation.guards.entries():
            now: Node = self.renaming[owner]
            note(frame, now, name, current_note(now, name))
        for key in self.specialisation.environment:
            environ.get(key, None)


def _outlined(leaf: PyTree) -> PyTree:
    """Return the shape and dtype of an array; what is none stays."""
    return shape_struct(leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else leaf


def _unknown(_frame: Frame, _slot: AnySlot) -> object:
    """Refuse a state that the specialisation does not know as an input."""
    raise Misfit


def _pinned(
    fun: object, states: Sequence[AnyState], guards: Guards
) -> list[tuple[AnyState, AnyState]]:
    """Return the states that stand for themselves, since the function holds them directly.

    All others were reached through an attribute: there another state may take their place.
    """
    by_place = guards.states()
    held_directly = reachable(fun)
    own = [s for s in states if not isinstance(s, Setting)]
    return [(s, s) for s in own if s not in by_place or id(s) in held_directly]


def _reaches(lifted: Lifted, original: Described) -> bool:
    """Say whether a function traced on copies has met what they were made from."""
    met = {owner for owner, _ in lifted.notes}
    states = {*lifted.reads, *lifted.effects.written}
    return any(id(node) in met for node in original.nodes) or not states.isdisjoint(original.states)


def _mentions_tracers(lifted: Lifted) -> bool:
    """Say whether a function closes over values of a trace that is still running."""
    seen = [*lifted.closed.consts, *lifted.environment.values()]
    seen += [value for _, value in lifted.notes.values()]
    return any(isinstance(value, Tracer) for value in seen)
