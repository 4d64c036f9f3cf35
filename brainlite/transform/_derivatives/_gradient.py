"""What all gradient transforms share: a function of values, made from one of states."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import is_quantity
from brainlite._jax_compat import PyTreeDef, is_eager
from brainlite.errors import GradError
from brainlite.graph import Node, StateDict
from brainlite.graph import states as states_of
from brainlite.state import ParamState, State
from brainlite.state._face import AnyState, Frame, type_text
from brainlite.transform._engine._effects import Effects, called, commit, itself
from brainlite.transform._engine._escapes import Escapes
from brainlite.transform._engine._lift import fetch, name_of
from brainlite.transform._engine._returned import Returned, holds_collection, homes, take_out
from brainlite.transform._engine._transformed import Transformed
from brainlite.typing import PyTree


class Targets(NamedTuple):
    """What to differentiate with respect to: states, in some structure, and arguments."""

    states: list[AnyState]  # each once
    layout: object  # the structure that was given, with the number of each state as leaves
    argnums: tuple[int, ...]
    single: bool  # one argument, given as an int
    opened: "tuple[_Argument, ...]" = ()  # one for each of argnums, in a call

    @classmethod
    def of(cls, grad_states: object, argnums: int | Sequence[int] | None) -> "Targets":
        """Read the arguments of a gradient transform."""
        if grad_states is None and argnums is None:
            argnums = 0
        given = dict(grad_states) if isinstance(grad_states, StateDict) else grad_states
        structure: PyTreeDef
        leaves, structure = jax.tree.flatten(given)
        numbers: dict[AnyState, int] = {}
        for leaf in leaves:
            if not isinstance(leaf, State):
                raise GradError(
                    "grad_states holds something that is no state",
                    expected="a State, or a list, dict or `model.states(...)` of them",
                    got=f"a {type(leaf).__name__}",
                    fix="pass `model.states(brainlite.ParamState)`; use `argnums=` for arguments",
                )
            numbers.setdefault(leaf, len(numbers))
        layout = None if grad_states is None else structure.unflatten([numbers[x] for x in leaves])
        single = isinstance(argnums, int)
        return cls(list(numbers), layout, _positions(argnums), single)

    def open(self, args: Sequence[object]) -> "Targets":
        """Add the parameters of the modules among the arguments, and the states."""
        numbers = {state: number for number, state in enumerate(self.states)}
        opened = tuple(_Argument.of(args[position], numbers) for position in self.argnums)
        return self._replace(states=list(numbers), opened=opened)

    def arrange(self, states: Sequence[object], arguments: Sequence[object]) -> object:
        """Put gradients into the structure that the user asked for."""
        arguments = [
            opened.arrange(argument, states)
            for opened, argument in zip(self.opened, arguments, strict=True)
        ]
        by_state = None if self.layout is None else jax.tree.map(states.__getitem__, self.layout)
        by_argument = arguments[0] if self.single else tuple(arguments)
        if not self.argnums:
            return by_state
        return by_argument if self.layout is None else (by_state, by_argument)


class _Argument(NamedTuple):
    """An argument, with its modules and states set apart from its arrays."""

    structure: PyTreeDef  # in which None is a leaf
    leaves: list[object]
    numbers: list[object]  # for each leaf: those of its parameters, by path, or None for an array

    @classmethod
    def of(cls, argument: object, numbers: dict[AnyState, int]) -> "_Argument":
        """Take an argument apart, and number the states that are new."""

        def enter(leaf: object) -> object:
            if isinstance(leaf, Node):
                found = [(p, s) for p, s in states_of(leaf, ParamState).items() if s.requires_grad]
                return {path: numbers.setdefault(state, len(numbers)) for path, state in found}
            return numbers.setdefault(leaf, len(numbers)) if isinstance(leaf, State) else None

        structure: PyTreeDef
        leaves, structure = jax.tree.flatten(argument, is_leaf=_is_none)
        return cls(structure, leaves, list(map(enter, leaves)))

    def arrays(self) -> object:
        """Return the argument with None for modules and states."""
        pairs = zip(self.leaves, self.numbers, strict=True)
        return self.structure.unflatten([x if n is None else None for x, n in pairs])

    def close(self, arrays: object) -> object:
        """Return the argument with other arrays."""
        triples = zip(self.leaves, self.structure.flatten_up_to(arrays), self.numbers, strict=True)
        return self.structure.unflatten([new if n is None else old for old, new, n in triples])

    def arrange(self, arrays: object, states: Sequence[object]) -> object:
        """Put the gradients of states where modules and states are in the argument."""
        if all(number is None for number in self.numbers):
            return arrays
        pairs = zip(self.structure.flatten_up_to(arrays), self.numbers, strict=True)
        return self.structure.unflatten(
            [x if n is None else jax.tree.map(states.__getitem__, n) for x, n in pairs]
        )


def _is_none(value: object) -> bool:
    return value is None


class Kinds(NamedTuple):
    """The dtypes that a transform can differentiate, as abstract types such as ``jnp.inexact``."""

    inputs: type[object]
    outputs: type[object]


class Evaluated(NamedTuple):
    """What comes of a call of a function under a transform of jax."""

    result: PyTree  # of the transform: gradients, Jacobians, a pullback
    point: tuple[list[object], tuple[object, ...]]  # the values of the states and the arguments
    value: object
    aux: object
    targets: Targets  # those of this call: with the parameters of modules among the arguments


class Outcome(NamedTuple):
    """What leaves the differentiated function beside the value to differentiate."""

    value: object
    aux: object
    states: list[object]


Pure: TypeAlias = Callable[..., tuple[PyTree, Outcome]]
"""A function of the values of states, and of arguments."""

Derive: TypeAlias = Callable[[Pure], Callable[..., tuple[PyTree, Outcome]]]
"""A transform of jax: its function returns gradients, Jacobians or a pullback."""


def differentiate(
    transform: Derive,
    fun: Callable[..., object],
    targets: Targets,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    label: str,
    has_aux: bool,
    scalar: bool = True,
    kinds: Kinds | None = None,
    all_read: bool = False,
) -> tuple[object, object, object]:
    """Apply a transform of jax that returns gradients to ``fun``.

    Parameters
    ----------
    transform, fun, targets, args, kwargs, label, has_aux, scalar, kinds, all_read
        As in :func:`evaluate`; the result of the transform is ``(gradients, aux)``.

    Returns
    -------
    gradients, value, aux
        The gradients in the structure that the user asked for.
    """
    found = evaluate(
        transform,
        fun,
        targets,
        args,
        kwargs,
        label=label,
        has_aux=has_aux,
        scalar=scalar,
        kinds=kinds,
        all_read=all_read,
    )
    return found.targets.arrange(*found.result), found.value, found.aux


def evaluate(
    transform: Derive,
    fun: Callable[..., object],
    targets: Targets,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    label: str,
    has_aux: bool,
    scalar: bool = False,
    kinds: Kinds | None = None,
    all_read: bool = False,
) -> Evaluated:
    """Apply a transform of jax to ``fun``, as a function of the values of the targets.

    What ``fun`` writes to states is put in place once, whatever the transform does.

    Parameters
    ----------
    transform : callable
        Takes ``pure(values, arguments) -> (value, aux)`` and returns a function of the same
        arguments with result ``(result, aux)``.
    fun : callable
        The user's function.
    targets : Targets
        What to differentiate with respect to.
    args, kwargs
        What to call it with.
    label : str
        The name of the transform, for messages.
    has_aux : bool
        Whether ``fun`` returns ``(value, aux)``.
    scalar : bool
        Whether the value has to be one number.
    kinds : Kinds, optional
        The dtypes that are checked here rather than by jax. States are always checked.
    all_read : bool
        Whether ``fun`` has to read each of the states.
    """
    for position in targets.argnums:
        _check_position(position, args, label)
    targets = targets.open(args)
    point = _point(targets, label, kinds)
    ends: list[tuple[Effects, Returned | None]] = []

    def taken_apart(frame: Frame, full: list[object]) -> PyTree:
        out, effect, new = called(frame, fun, full, kwargs)
        value, aux = _value_and_aux(out, has_aux, label)
        return (value, *take_out(aux, frame.is_new)), effect, new

    def pure(values: list[object], arguments: tuple[object, ...]) -> tuple[object, Outcome]:
        full = list(args)
        for n, opened, arrays in zip(targets.argnums, targets.opened, arguments, strict=True):
            full[n] = opened.close(arrays)
        inputs = dict(zip(targets.states, values, strict=True))
        frame = Frame(label, inputs=inputs, hoist=False)
        (value, aux, returned), effect, new = frame.run(taken_apart, full)
        ends.append((effect, returned))
        if all_read:
            _check_read(targets.states, frame, label)
        _check_value(value, label, scalar, kinds)
        return value, Outcome(value, aux, new)

    escapes = Escapes(fun, label) if is_eager() else None
    result, outcome = transform(pure)(*point)
    if escapes is not None:
        escapes.check()
    effect, returned = ends[-1]
    commit(effect, outcome.states)
    aux = outcome.aux
    if returned is not None:
        aux = returned.put_back(aux, homes(effect, itself), itself)
    return Evaluated(result, point, outcome.value, aux, targets)


def _check_value(value: object, label: str, scalar: bool, kinds: Kinds | None) -> None:
    """Raise unless what a function returned can be differentiated."""
    _check_traced(value, label)
    if scalar:
        check_scalar(value, label)
    if holds_collection(value):
        raise GradError(
            f"{label} cannot differentiate a collection of states",
            expected="an array, or containers of them",
            got="a StateDict in the result",
            fix="return `states.to_values()`",
        )
    if kinds is not None:
        _check_outputs(value, label, kinds.outputs)


def gradient_function(
    transform: Callable[..., object],
    given: Mapping[str, Any],
    derive: Callable[..., tuple[object, object, object]],
) -> object:
    """Return what a gradient transform returns: a function, or a decorator where none was given.

    Parameters
    ----------
    transform : callable
        The transform.
    given : mapping
        Its arguments by name; ``has_aux`` and ``return_value`` say what the result holds
        beside the gradients.
    derive : callable
        Takes ``fun``, its arguments and its keyword arguments; returns
        ``(gradients, value, aux)``.
    """
    fun, has_aux, return_value = given["fun"], given["has_aux"], given["return_value"]

    def decorate(fun: Callable[..., object]) -> Transformed:
        def gradient(*args: object, **kwargs: object) -> object:
            gradients, value, aux = derive(fun, args, kwargs)
            if not has_aux:
                return (gradients, value) if return_value else gradients
            return (gradients, value, aux) if return_value else (gradients, aux)

        return Transformed(transform, fun, gradient, given)

    return decorate if fun is None else decorate(fun)


def _value_and_aux(out: object, has_aux: bool, label: str) -> tuple[object, object]:
    """Take the result of a function apart, or raise where it is no pair."""
    if not has_aux:
        return out, None
    if isinstance(out, tuple):
        parts: tuple[object, ...] = out
        if len(parts) == 2:
            return parts
    raise GradError(
        f"{label} with has_aux=True needs a function that returns a pair",
        expected="(value, aux)",
        got=type_text(out),
        fix="return `value, aux`, or drop has_aux",
    )


def _positions(argnums: object) -> tuple[int, ...]:
    """Return the numbers of arguments as a tuple, or raise."""
    if argnums is None:
        return ()
    given = (argnums,) if isinstance(argnums, int) else argnums
    if isinstance(given, Sequence) and all(type(each) is int for each in given):
        return tuple(given)
    raise GradError(
        "argnums does not say which arguments to differentiate",
        expected="the number of a positional argument, or a sequence of them",
        got=f"argnums={argnums!r}",
        fix="count the positional arguments from 0: argnums=0 is the first one",
    )


def _check_traced(value: object, label: str) -> None:
    """Raise for numbers that know nothing of what they were computed from.

    Where nothing is compiled, ``x.item()`` has a value, and a derivative of 0 without a word.
    """
    for leaf in jax.tree.leaves(value):
        if isinstance(leaf, float | complex | np.ndarray | np.generic):
            raise GradError(
                f"{label} was given a number of {'numpy' if hasattr(leaf, 'dtype') else 'Python'}",
                expected="an array of jax",
                got=type_text(leaf),
                fix="leave out `.item()` and the like, which cut off derivatives; for a constant "
                "return `jnp.asarray(...)`",
            )


def check_scalar(value: object, label: str) -> None:
    """Raise for a result that is not one number."""
    if isinstance(value, jax.Array | np.ndarray | np.generic | float) and jnp.shape(value) == ():
        return
    hint = "; pass has_aux=True if the rest is auxiliary" if isinstance(value, tuple) else ""
    if is_quantity(value) and label == "grad":
        hint = "; pass unit_aware=True to differentiate a quantity"
    raise GradError(
        f"{label} needs a function that returns one number",
        expected="an array of shape ()",
        got=type_text(value),
        fix=f"reduce the result with .mean() or .sum(){hint}",
    )


def _point(
    targets: Targets, label: str, kinds: Kinds | None
) -> tuple[list[object], tuple[object, ...]]:
    """Return the values of the targets, after a look at them."""
    values = [fetch(state) for state in targets.states]
    for state, value in zip(targets.states, values, strict=True):
        _check_state(state, value, jnp.inexact if kinds is None else kinds.inputs)
    arguments = tuple(opened.arrays() for opened in targets.opened)
    if kinds is not None:
        for position, argument in zip(targets.argnums, arguments, strict=True):
            _check_argument(position, argument, label, kinds.inputs)
    return values, arguments


def _check_position(position: int, args: Sequence[object], label: str) -> None:
    if not -len(args) <= position < len(args):
        raise GradError(
            f"{label} was asked for an argument that was not passed by position",
            expected=f"argnums between 0 and {len(args) - 1}" if args else "an argument",
            got=f"argnums={position} and {len(args)} positional arguments",
            fix="pass the argument by position, or pass grad_states to differentiate states",
        )


def _check_state(state: AnyState, value: object, accepted: type[object]) -> None:
    """Raise for a state that cannot be differentiated, with what can."""
    if isinstance(state, ParamState) and not state.requires_grad:
        raise GradError(
            "a gradient was asked of a parameter that is frozen",
            where=name_of(state),
            expected="parameters that are trained",
            got="one with requires_grad=False",
            fix="select with `model.states(brainlite.nn.is_trainable)`, or call "
            "`requires_grad_(True)`",
        )
    for leaf in jax.tree.leaves(value):
        if not _is_kind(leaf, accepted):
            raise GradError(
                f"this {type(state).__name__} is not made of {_plural(accepted)}",
                where=name_of(state),
                expected=_KINDS[accepted],
                got=type_text(value),
                fix="leave the state out of grad_states",
            )


def _check_argument(position: int, argument: object, label: str, accepted: type[object]) -> None:
    """Raise for an argument that cannot be differentiated."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(argument):
        if not _is_kind(leaf, accepted):
            raise GradError(
                f"{label} cannot differentiate this argument",
                where=f"argument {position}{jax.tree_util.keystr(path)}",
                expected=_KINDS[accepted],
                got=type_text(leaf),
                fix=_fix(leaf, accepted),
            )


def _check_outputs(value: object, label: str, accepted: type[object]) -> None:
    """Raise for a result that cannot be differentiated."""
    leaves = jax.tree_util.tree_leaves_with_path(value)
    for path, leaf in leaves:
        if not _is_kind(leaf, accepted):
            raise GradError(
                f"{label} cannot differentiate this result",
                where=f"result{jax.tree_util.keystr(path)}",
                expected=_KINDS[accepted],
                got=type_text(leaf),
                fix=f"{_fix(leaf, accepted)}; what is not to be differentiated can go into aux",
            )
    if not leaves:
        raise GradError(
            f"{label} needs a function that returns arrays",
            expected="an array, or containers of them",
            got=type_text(value),
            fix="return the value to differentiate",
        )


_KINDS: dict[type[object], str] = {
    jnp.inexact: "a float or complex dtype",
    jnp.floating: "a float dtype",
    jnp.complexfloating: "a complex dtype",
    np.generic: "an array or a number",
}
_NUMBERS = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)


def _is_kind(leaf: object, kind: type[object]) -> bool:
    return isinstance(leaf, _NUMBERS) and bool(jnp.issubdtype(jnp.result_type(leaf), kind))


def _check_read(states: Sequence[AnyState], frame: Frame, label: str) -> None:
    """Raise for a state that the function does not read: its gradient is 0 whatever it holds."""
    read = {each.slot for each in frame.reads}
    lacking = [name_of(state) for state in states if state not in read]
    if lacking:
        raise GradError(
            f"{label} was asked for states that the function does not read",
            expected="that each of grad_states is read before it is written",
            got=f"no read of {', '.join(lacking)}",
            fix="leave them out of grad_states, or pass check_states=False for gradients of 0",
        )


def _plural(kind: type[object]) -> str:
    return "complex numbers" if kind is jnp.complexfloating else "floats"


def _fix(leaf: object, accepted: type[object]) -> str:
    if accepted is jnp.complexfloating:
        return "use complex numbers, or drop holomorphic=True"
    if _is_kind(leaf, jnp.complexfloating):
        return (
            "use real numbers; for a holomorphic function there is holomorphic=True of jacrev, "
            "jacfwd and hessian"
        )
    return "convert it to a float array"
