"""Eager loops and branches: traced at each call, compiled once.

Outside any trace a loop must mean what Python means: a changed global, closure or plain object is
seen at the next call. So its body is traced anew at every call, which takes milliseconds; but
compiling, which takes a hundred times that, is skipped where a body with an equal jaxpr was
compiled before. What may differ between the two are the arrays that the bodies close over, and
those are passed in.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

import jax
import numpy as np

from brainlite._jax_compat import (
    NEEDS_VALUES,
    ClosedJaxpr,
    Jaxpr,
    Literal,
    Var,
    is_eager,
    jit_switch,
)
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._effects import commit
from brainlite.transform._engine._lift import Body, Lifted, fetch, lift
from brainlite.transform._engine._origin import Origin
from brainlite.typing import PyTree

_MOST = 512  # compiled bodies that are remembered

_lock = threading.Lock()
_compiled: "OrderedDict[Hashable, Any]" = OrderedDict()


def execute(
    pure: Callable[..., object], lifted: Sequence[Lifted], static: Hashable, *operands: object
) -> PyTree:
    """Return ``pure(bodies, static, *operands)``, from the cache when nothing is being traced.

    Parameters
    ----------
    pure : callable
        A function of a module, not a closure: it is part of the key.
    lifted : sequence of Lifted
        The bodies. ``pure`` calls them as ``body(values, args)``.
    static : hashable
        Everything else that the jaxpr depends on.
    *operands : pytrees of arrays
        The inputs.
    """
    if not is_eager():
        return pure(lifted, static, *operands)
    key = (pure, static, tuple((_fingerprint(each.closed), each.out_tree) for each in lifted))
    with _lock:
        run = _compiled.get(key)
        if run is None:
            run = _compiled[key] = jax.jit(_bind(pure, list(lifted), static))
            while len(_compiled) > _MOST:
                _compiled.popitem(last=False)
        else:
            _compiled.move_to_end(key)
    return run([each.closed.consts for each in lifted], operands)


def run_compiled(
    fun: Callable[..., object], args: Sequence[object], *, label: str, origin: Origin | None = None
) -> object:
    """Call ``fun`` and put what it writes in place; as one compiled kernel if nothing is traced.

    Where the function needs the values themselves (``if state.value > 0``), it runs as it is.
    """
    if is_eager() and not jit_switch.value and jax.tree.all(jax.tree.map(_is_array, list(args))):
        try:
            lifted = lift(fun, args, label=label, origin=origin)
        except NEEDS_VALUES:
            return fun(*args)
        return run_lifted(lifted, args)
    return fun(*args)


def run_lifted(lifted: Lifted, args: Sequence[object]) -> PyTree:
    """Run a lifted function once, and put what it writes in place."""
    with exclusive(lifted.effects.states):
        read = [fetch(state) for state in lifted.reads]
        out, new = execute(_call, [lifted], None, read, tuple(args))
        commit(lifted.effects, new)
    return out


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | bool | int | float | complex)


def _call(
    bodies: Sequence[Body], _static: None, read: list[object], args: tuple[object, ...]
) -> object:
    return bodies[0](read, (args, {}))


def _bind(
    pure: Callable[..., object], lifted: list[Lifted], static: Hashable
) -> Callable[..., object]:
    """Return the function to compile: of constants and operands, for these jaxprs."""
    # Only the jaxprs are kept, not the arrays and states of the call that was first.
    parts = [(each.closed.jaxpr, each.out_tree) for each in lifted]

    def run(constants: list[PyTree], operands: PyTree) -> object:
        bodies = [
            Body(jaxpr, consts, out_tree)
            for (jaxpr, out_tree), consts in zip(parts, constants, strict=True)
        ]
        return pure(bodies, static, *operands)

    return run


class _Same:
    """Something without a useful equality, compared as the same object."""

    __slots__ = ("_thing",)

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


# Rules for differentiation are made anew at each trace; evaluating a jaxpr does not use them.
_RULES = frozenset(
    {"jvp_jaxpr_fun", "jvp_jaxpr_thunk", "fwd_jaxpr_thunk", "bwd", "fun", "out_trees"}
)
_WITH_RULES = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})


def _fingerprint(closed: ClosedJaxpr) -> Hashable:
    """Return a key that is equal for jaxprs which compute the same from inputs and constants."""
    return _jaxpr_key(closed.jaxpr)


def _jaxpr_key(jaxpr: Jaxpr) -> Hashable:
    """Return a key of a jaxpr: its equations, with variables numbered as they come."""
    numbers: dict[object, int] = {}

    def define(variables: Sequence[Var]) -> tuple[Hashable, ...]:
        for variable in variables:
            numbers[variable] = len(numbers)
        return tuple(variable.aval for variable in variables)

    def use(atom: object) -> Hashable:
        if isinstance(atom, Literal):
            value = np.asarray(atom.val)
            return (atom.aval, value.dtype.str, value.tobytes())
        return numbers[atom]

    parts: list[Hashable] = [define(jaxpr.constvars), define(jaxpr.invars)]
    for equation in jaxpr.eqns:
        inputs = tuple(map(use, equation.invars))
        unused = _RULES if equation.primitive.name in _WITH_RULES else ()
        parts.append(
            (
                equation.primitive,
                inputs,
                define(equation.outvars),
                tuple(
                    (name, _param_key(value))
                    for name, value in equation.params.items()
                    if name not in unused
                ),
            )
        )
    parts.append(tuple(map(use, jaxpr.outvars)))
    return tuple(parts)


def _param_key(value: object) -> Hashable:
    """Return a key of a parameter of an equation, which may hold jaxprs and functions."""
    if isinstance(value, ClosedJaxpr):
        return _jaxpr_key(value.jaxpr), tuple(map(_Same, value.consts))
    if isinstance(value, Jaxpr):
        return _jaxpr_key(value)
    if isinstance(value, tuple | list):
        return tuple(map(_param_key, value))
    if isinstance(value, dict):
        return tuple((name, _param_key(item)) for name, item in value.items())
    if isinstance(value, FunctionType) and str(value.__module__).startswith("jax."):
        # jax makes the function around a callback anew at each trace; what is inside counts.
        cells = tuple(_param_key(cell.cell_contents) for cell in value.__closure__ or ())
        return value.__code__, cells
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return (type(value), value)
