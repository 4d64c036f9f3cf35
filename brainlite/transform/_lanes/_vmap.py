"""Vectorisation over an axis: ``vmap``."""

import functools
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, overload

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import current_trace, is_batched, set_current_trace
from brainlite.errors import MapStateError
from brainlite.graph import Node, StateDict, iter_leaf
from brainlite.random import RandomState
from brainlite.state import ShortTermState, State
from brainlite.state._face import (
    MISSING,
    AnySlot,
    AnyState,
    Frame,
    current_frame,
    type_text,
    with_axis,
)
from brainlite.transform._engine._eager import run_compiled
from brainlite.transform._engine._effects import Effects, commit, itself
from brainlite.transform._engine._lift import fetch, name_of
from brainlite.transform._engine._origin import Origin
from brainlite.transform._engine._returned import Returned, called_apart, fasten, homes, loosen
from brainlite.transform._engine._transformed import SameSignature, Transformed
from brainlite.transform._engine._values import check_arguments, check_result
from brainlite.transform._engine._watch import Trail
from brainlite.transform._lanes._axes import (
    Axes,
    axes_by_leaf,
    check_axes,
    check_count,
    check_lanes,
    check_out_axes,
    check_size,
)
from brainlite.typing import Key, PyTree

P = ParamSpec("P")
R = TypeVar("R")

MappedStates: TypeAlias = "AnyState | Sequence[AnyState] | Mapping[Any, object] | None"


class _Outcome(NamedTuple):
    """What leaves the mapped function."""

    out: PyTree
    mapped: PyTree
    shared: PyTree


@overload
def vmap(
    fn: Callable[P, R],
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> Callable[P, R]: ...
@overload
def vmap(
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> SameSignature: ...
def vmap(
    fn: Callable[..., object] | None = None,
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: object = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> object:
    """Return a function that maps ``fn`` over an axis of its arguments and of states.

    Parameters
    ----------
    fn : callable
        The function of one lane. Without it, ``vmap`` is a decorator.
    in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As in :func:`jax.vmap`. The axis of an argument that is a module is that of all its states,
        before and after; None shares the module.
    in_states : states, or dict from axis to states, optional
        The states that hold one value for each lane, along axis 0 or along the axis that is
        their key: a state, a list of states, or ``model.states(...)``.
    out_states : states, or dict from axis to states, optional
        The states that get one value for each lane, likewise. Those in ``in_states`` that are
        written come back along the axis they came in by, and need not be named again.

    Returns
    -------
    callable
        With the signature of ``fn``. States that are not declared are shared by all lanes:
        they may be read and, as long as each lane writes the same, written. Each lane draws
        random numbers of its own. Hidden and other short-term states that each lane makes anew, as
        a model does that calls ``init_all_states`` in ``update``, hold one value for each lane
        afterwards. So do the states of a module that ``fn`` makes and returns.

    Raises
    ------
    MapStateError
        A state that is not declared gets a different value in each lane, or has no such axis.
    ArgumentError
        ``fn`` cannot be called; or, at a call, ``in_axes`` do not fit the arguments, or what is
        mapped differs in length.
    OptionError
        An axis is no whole number.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3), batch_size=4)
    >>> hidden = cell.states(brainlite.HiddenState)
    >>> brainlite.transform.vmap(cell, in_states=hidden)(jnp.ones((4, 2))).shape
    (4, 3)
    >>> models = brainlite.transform.vmap(lambda: brainlite.nn.Linear(2, 3), axis_size=5)()
    >>> models.weight.value["weight"].shape
    (5, 2, 3)
    """
    given = dict(locals())

    def decorate(fun: Callable[..., object]) -> Transformed:
        declared_in = axes_of(in_states, "in_states")
        declared_out = {**declared_in, **axes_of(out_states, "out_states")}
        check_axes(in_axes, "in_axes")
        check_axes(out_axes, "out_axes")
        check_size(axis_size)

        def run(
            call: _Mapped, traced: list[_Lanes], args: tuple[PyTree, ...], kwargs: dict[str, object]
        ) -> PyTree:
            inputs = {**declared_in, **call.states}
            lanes = _Lanes(axis_name, inputs, {**declared_out, **call.states})
            traced[:] = [lanes]
            over_lanes = jax.vmap(
                functools.partial(lanes.run, call.fill(fun), out_axes),
                in_axes=(list(inputs.values()), call.in_axes, 0),
                out_axes=_Outcome(loosen(out_axes), lanes.out_axes, None),
                axis_name=lanes.axis,
                axis_size=axis_size,
                spmd_axis_name=spmd_axis_name,
            )
            values = [fetch(state) for state in inputs]
            outcome: _Outcome = over_lanes(values, args, kwargs)
            lanes.commit(outcome)
            return outcome.out

        def mapped(*args: object, **kwargs: object) -> PyTree:
            check_count(in_axes, len(args))
            call = _Mapped.of(args, in_axes)
            origin = Origin(fun, call.args, kwargs)
            _check_call(call, origin, {**declared_in, **call.states}, axis_size)
            inputs = (call.args, kwargs)
            traced: list[_Lanes] = []
            one_call = functools.partial(run, call, traced)
            out = run_compiled(one_call, inputs, label="vmap", origin=origin)
            return fasten(traced[0].put_back(out, out_axes))

        return Transformed(vmap, fun, mapped, given)

    return decorate if fn is None else decorate(fn)


class _Mapped(NamedTuple):
    """The arguments of a call; modules among them leave a hole and give their states."""

    args: tuple[PyTree, ...]
    in_axes: Axes
    modules: dict[int, Node | AnyState]
    states: dict[AnyState, int]

    @classmethod
    def of(cls, args: tuple[PyTree, ...], in_axes: Axes) -> "_Mapped":
        """Take modules and states out of the arguments, with their axes."""
        modules = {n: arg for n, arg in enumerate(args) if isinstance(arg, Node | State)}
        if not modules:
            return cls(args, in_axes, {}, {})
        axes: list[PyTree] = (
            list(in_axes) if isinstance(in_axes, list | tuple) else [in_axes] * len(args)
        )
        mapped = {n: axes[n] for n in modules if axes[n] is not None}
        states = {state: axis for n, axis in mapped.items() for _, state in iter_leaf(modules[n])}
        holed = tuple(None if n in modules else arg for n, arg in enumerate(args))
        in_axes = tuple(None if n in modules else axis for n, axis in enumerate(axes))
        return cls(holed, in_axes, modules, states)

    def fill(self, fun: Callable[..., object]) -> Callable[..., object]:
        """Return ``fun`` as a function of the arguments with holes."""

        def filled(*args: object, **kwargs: object) -> PyTree:
            full = [self.modules.get(n, arg) for n, arg in enumerate(args)]
            return fun(*full, **kwargs)

        return filled if self.modules else fun


def _check_call(
    call: _Mapped, origin: Origin, states: Mapping[AnyState, int], axis_size: int | None
) -> None:
    """Check the kinds of all arguments, and that there is one number of lanes."""
    arguments = origin.by_name()
    axes = call.in_axes
    of_each = list(axes) if isinstance(axes, list | tuple) else [axes] * len(call.args)
    of_each += [0] * (len(arguments) - len(of_each))  # those by keyword
    mapped = {
        name: (axis, arguments[name])
        for name, axis in zip(arguments, of_each, strict=True)
        if axis is not None
    }
    check_arguments({name: value for name, (_, value) in mapped.items()}, "vmap")
    check_lanes(
        mapped,
        [(name_of(state), _checked(state, axis), axis) for state, axis in states.items()],
        axis_size,
    )


class _Lanes:
    """One call of a mapped function."""

    def __init__(
        self,
        axis_name: Hashable | None,
        declared_in: dict[AnyState, int],
        declared_out: dict[AnyState, int],
    ) -> None:
        self.axis: Hashable = _axis_name() if axis_name is None else axis_name
        self.out_axes: list[int] = []  # one for each mapped value, filled while tracing
        self._in = declared_in
        self._out = declared_out
        self._around = current_trace()
        self._keys: dict[RandomState, Key] = {}  # the key that each generator keeps
        self._effects: Effects | None = None
        self._returned: Returned | None = None
        self._order: tuple[list[int], list[int]] = ([], [])

    def run(
        self,
        fun: Callable[..., object],
        axes: object,
        values: list[PyTree],
        args: Sequence[object],
        kwargs: Mapping[str, object],
    ) -> _Outcome:
        """Trace one lane."""
        inputs = dict(zip(self._in, values, strict=True))
        frame = Frame("vmap", inputs=inputs, hoist=False, on_read=self._split)
        out, self._returned, effects, new = frame.run(called_apart, fun, args, kwargs)
        check_result(out, "vmap")
        check_out_axes(out, loosen(axes), frame.trace)
        mapped: list[int] = []
        shared: list[int] = []
        for number, (state, value) in enumerate(zip(effects.states, new, strict=True)):
            if state in self._keys:
                continue
            axis = 0 if isinstance(state, Trail) else self._out.get(state)
            if axis is None and _varies(value, frame.trace) and _is_of_lanes(effects, state):
                axis = 0
                _widen(state, 0)
            if axis is not None:
                mapped.append(number)
                self.out_axes.append(axis)
            else:
                _check_shared(effects, state, value, frame.trace)
                shared.append(number)
        self._effects, self._order = effects, (mapped, shared)
        return _Outcome(out, [new[n] for n in mapped], [new[n] for n in shared])

    def _split(self, frame: Frame, slot: AnySlot) -> PyTree:
        """Give each lane a key of its own, when a generator is first used in a lane."""
        if not isinstance(slot, RandomState) or slot in self._in:
            return MISSING
        with set_current_trace(self._around):
            kept, key = jax.random.split(frame.outside(slot))
        self._keys[slot] = kept
        # In the trace of the lane, also when a loop inside it is what draws first.
        with set_current_trace(frame.trace):
            return jax.random.fold_in(key, jax.lax.axis_index(self.axis))

    def put_back(self, out: PyTree, out_axes: object) -> PyTree:
        """Return a result with the modules and states that were taken out of it."""
        if self._returned is None or self._effects is None:
            return out
        lanes_of(self._returned, out, out_axes, self._effects.made)
        return self._returned.put_back(out, homes(self._effects, itself), itself)

    def commit(self, outcome: _Outcome) -> None:
        """Put the new values in place."""
        assert self._effects is not None
        effects = self._effects
        values: dict[int, object] = dict(zip(self._order[0], outcome.mapped, strict=True))
        values.update(zip(self._order[1], outcome.shared, strict=True))
        written = [n for n, state in enumerate(effects.written) if state not in self._keys]
        made = range(len(effects.written), len(effects.states))
        keys = list(self._keys)
        commit(
            effects._replace(written=[effects.written[n] for n in written] + list(keys)),
            [values[n] for n in written]
            + [self._keys[k] for k in keys]
            + [values[n] for n in made],
        )


def _axis_name() -> str:
    """Return a name that no vmap around this one has, and this one has again at its next call."""
    frame = current_frame.get()
    depth = 0 if frame is None else sum(f.label == "vmap" for f in frame.ancestry())
    return f"lanes_{depth}"  # jax keeps what it traced under the same axes


def axes_of(declared: MappedStates, name: str) -> dict[AnyState, int]:
    """Return the axis of each declared state."""
    if declared is None:
        return {}
    by_axis: Mapping[Any, Any] = {0: declared}
    if isinstance(declared, dict) and all(isinstance(axis, int) for axis in declared):
        by_axis = declared
    axes: dict[AnyState, int] = {}
    for axis, group in by_axis.items():
        states: Any = dict(group) if isinstance(group, StateDict) else group
        for state in jax.tree.leaves(states):
            if not isinstance(state, State):
                raise MapStateError(
                    f"{name} holds something that is no state",
                    expected="a State, a list of states, `model.states(...)`, or a dict from axis "
                    "to these",
                    got=f"a {type(state).__name__}",
                    fix=f"pass `{name}=model.states(brainlite.HiddenState)`",
                )
            axes[state] = axis
    return axes


def _checked(state: AnyState, axis: int) -> PyTree:
    """Return the value of a mapped state, after a look at its axis."""
    value = fetch(state)
    for leaf in jax.tree.leaves(value):
        rank = len(getattr(leaf, "shape", ()))
        if not -rank <= axis < rank:
            raise MapStateError(
                f"this {type(state).__name__} has no axis {axis} to map over",
                where=name_of(state),
                expected=f"at least {axis + 1 if axis >= 0 else -axis} axes",
                got=type_text(value),
                fix="make the state with a lane axis (`init_all_states(model, batch_size=...)`), "
                "or leave it out of in_states",
            )
    return value


def _varies(value: object, trace: object) -> bool:
    """Say whether a value differs between lanes."""
    return any(is_batched(leaf, trace) for leaf in jax.tree.leaves(value))


def _is_of_lanes(effects: Effects, state: AnyState) -> bool:
    """Say whether each lane makes a state of one run for itself, and nobody looked before."""
    kept = state in effects.written and state.sharding is not None  # it was declared for one value
    return state in effects.anew and isinstance(state, ShortTermState) and not kept


def _widen(state: AnyState, axis: int) -> None:
    """Let the place that was declared for the value of one lane be that of all."""
    if state.sharding is not None:
        state.__sharding__ = with_axis(state.sharding, axis)


def lanes_of(
    returned: Returned, out: PyTree, out_axes: object, placed: Collection[AnyState]
) -> tuple[list[PyTree], list[PyTree]]:
    """Return the leaves of a result, and the axes of their lanes; those are declared, too.

    ``placed`` are the states that are declared already, or have no lanes.
    """
    out = loosen(out)
    each = [axis for axis, _, _ in axes_by_leaf(loosen(out_axes), out, "result", "out_axes")]
    axes = jax.tree.unflatten(jax.tree.structure(out), each)
    leaves, of_leaves = map(returned.structure.flatten_up_to, (out, axes))
    for root, axes in zip(returned.roots, of_leaves, strict=True):
        if root is not None and root.paths is None:
            for state, of_state in zip(root.states, axes[0], strict=True):
                axis = next(iter(jax.tree.leaves(of_state)), None)
                if state not in placed and axis is not None:
                    _widen(state, axis)
    return leaves, of_leaves


def _check_shared(effects: Effects, state: AnyState, value: object, trace: object) -> None:
    """Check that a state that was not declared has one value for all lanes."""
    if not _varies(value, trace):
        return
    fix = (
        "pass it in `out_states=` (and in `in_states=`, if it holds one value for each lane before)"
    )
    if state in effects.made or state in effects.merged.values():
        fix = "make it in lanes: `vmap_new_states` in place of `vmap`, or, of a whole model, "
        fix += "`brainlite.nn.vmap_init_all_states(model, axis_size=...)` before, and `in_states=`"
    raise MapStateError(
        f"this {type(state).__name__} gets a different value in each lane of a vmap, and was "
        "not declared",
        where=name_of(state),
        expected="a value that all lanes share, or a declared state",
        got=f"one {type_text(value)} for each lane",
        fix=fix,
    )
