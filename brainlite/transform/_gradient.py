"""What all gradient transforms share: a function of values, made from one of states."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.errors import GradError
from brainlite.graph import StateDict
from brainlite.state import State
from brainlite.state._fit import summary
from brainlite.state._frame import Frame
from brainlite.transform._lift import Effects, collect, commit, fetch, name_of

__all__ = ["Targets", "differentiate"]


class Targets(NamedTuple):
    """What to differentiate with respect to: states, in some structure, and arguments."""

    states: list[State[Any]]  # each once
    layout: Any  # the structure that was given, with the number of each state as leaves
    argnums: tuple[int, ...]
    single: bool  # one argument, given as an int

    @classmethod
    def of(cls, grad_states: Any, argnums: int | Sequence[int] | None) -> "Targets":
        """Read the arguments of a gradient transform."""
        if grad_states is None and argnums is None:
            argnums = 0
        given = dict(grad_states) if isinstance(grad_states, StateDict) else grad_states
        structure: Any
        leaves, structure = jax.tree.flatten(given)
        numbers: dict[State[Any], int] = {}
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
        positions = () if argnums is None else (argnums,) if isinstance(argnums, int) else argnums
        return cls(list(numbers), layout, tuple(positions), single)

    def arrange(self, states: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """Put gradients into the structure that the user asked for."""
        by_state = None if self.layout is None else jax.tree.map(states.__getitem__, self.layout)
        by_argument = arguments[0] if self.single else tuple(arguments)
        if not self.argnums:
            return by_state
        return by_argument if self.layout is None else (by_state, by_argument)


class _Outcome(NamedTuple):
    """What leaves the differentiated function beside the value to differentiate."""

    value: Any
    aux: Any
    states: list[Any]


def differentiate(
    transform: Callable[..., Callable[..., Any]],
    fun: Callable[..., Any],
    targets: Targets,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    label: str,
    has_aux: bool,
    scalar: bool = True,
) -> tuple[Any, Any, Any]:
    """Apply a transform of jax to ``fun``, as a function of the values of the targets.

    Parameters
    ----------
    transform : callable
        Takes ``pure(values, arguments) -> (value, aux)`` and returns a function of the same
        arguments with result ``(gradients, aux)``.
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

    Returns
    -------
    gradients, value, aux
    """
    _check_targets(targets, args, label)
    effects: list[Effects] = []

    def pure(values: list[Any], arguments: tuple[Any, ...]) -> tuple[Any, _Outcome]:
        called = list(args)
        for position, argument in zip(targets.argnums, arguments, strict=True):
            called[position] = argument
        inputs = dict(zip(targets.states, values, strict=True))
        with Frame(label, inputs=inputs, hoist=False) as frame:
            out = fun(*called, **kwargs)
            effect, new = collect(frame)
        effects.append(effect)
        value, aux = _value_and_aux(out, has_aux, label)
        if scalar:
            _check_scalar(value, label)
        return value, _Outcome(value, aux, new)

    values = [fetch(state) for state in targets.states]
    arguments = tuple(args[position] for position in targets.argnums)
    gradients, outcome = transform(pure)(values, arguments)
    commit(effects[-1], outcome.states)
    return targets.arrange(*gradients), outcome.value, outcome.aux


def _value_and_aux(out: Any, has_aux: bool, label: str) -> tuple[Any, Any]:
    if not has_aux:
        return out, None
    if isinstance(out, tuple):
        parts: tuple[Any, ...] = out
        if len(parts) == 2:
            return parts
    raise GradError(
        f"{label} with has_aux=True needs a function that returns a pair",
        expected="(value, aux)",
        got=summary(out),
        fix="return `value, aux`, or drop has_aux",
    )


def _check_scalar(value: Any, label: str) -> None:
    shape = jnp.shape(value) if isinstance(value, jax.Array | np.ndarray | float) else None
    if shape == ():
        return
    hint = "; pass has_aux=True if the rest is auxiliary" if isinstance(value, tuple) else ""
    raise GradError(
        f"{label} needs a function that returns one number",
        expected="an array of shape ()",
        got=summary(value),
        fix=f"reduce the result with .mean() or .sum(){hint}",
    )


def _check_targets(targets: Targets, args: Sequence[Any], label: str) -> None:
    for position in targets.argnums:
        if not -len(args) <= position < len(args):
            raise GradError(
                f"{label} was asked for an argument that was not passed by position",
                expected=f"argnums between 0 and {len(args) - 1}" if args else "an argument",
                got=f"argnums={position} and {len(args)} positional arguments",
                fix="pass the argument by position, or pass grad_states to differentiate states",
            )
    for state in targets.states:
        for leaf in jax.tree.leaves(fetch(state)):
            if not jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
                raise GradError(
                    f"this {type(state).__name__} is not made of floats",
                    where=name_of(state),
                    expected="a float or complex dtype",
                    got=summary(fetch(state)),
                    fix="leave the state out of grad_states",
                )
