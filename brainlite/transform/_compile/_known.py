"""Eager loops that need not be traced again, since guards see all that they depend on.

An eager loop is traced at each call, as its body may depend on anything: see
:mod:`brainlite.transform._engine._eager`. But a body that depends on attributes, states, settings
and names alone is one that guards can see through. A loop over it runs as under ``jit``: one look
at the guards, one dispatch. That is so for the library's own modules, and for those of the user's
whose code is covered (:mod:`._covered`). It is asked before, and of all that was read from the
modules while they were traced; what does not pass once is traced at each call from then on.
"""

import functools
from collections.abc import Callable, Hashable
from types import MethodType
from typing import Any, Final, TypeVar

import jax
import numpy as np

from brainlite._jax_compat import is_eager, jit_switch
from brainlite.graph import Node
from brainlite.graph._face import Guards
from brainlite.state._face import current_frame
from brainlite.transform._compile._covered import is_covered, is_own, is_safe
from brainlite.transform._compile._jit import BoundJit, jit
from brainlite.typing import PyTree

R = TypeVar("R")

Method = Callable[..., object] | None
"""The function of a bound method, or None for a module that is called."""

UNKNOWN: Final = object()
"""What :func:`run_known` returns where it did not run."""

_MOST = 8  # compilations for one module: what asks for more changes at each call
# Under this, and the method in question, a module remembers whether it is known.
_KEY: Final = object()


class Foreign(BaseException):
    """The body depends on something that guards cannot see. Not for user code to catch."""


def is_known(f: object) -> bool:
    """Say whether ``f`` may be a module that guards see through, called outside any trace."""
    return is_eager() and not jit_switch.value and _is_known(*_apart(f))


def run_known(
    loop: Callable[..., object], f: object, operands: tuple[object, ...], *options: object
) -> PyTree:
    """Return ``loop(f, operands, *options)`` without tracing, if possible; else ``UNKNOWN``.

    Parameters
    ----------
    loop : callable
        A function of a module, not a closure: it is part of the key.
    f : object
        The body, perhaps a module or a method of one.
    operands : tuple of pytrees
        What it is called with.
    *options
        What else the loop depends on; others than whole numbers, bools and None are for the loop
        to look at.
    """
    plain = all(isinstance(each, int | None) for each in options)
    if not (plain and is_known(f) and all(map(_is_array, jax.tree.leaves(operands)))):
        return UNKNOWN
    node, part = _apart(f)
    kind: Any = type(node)  # mypy takes a class for no Hashable
    compiled = _compiled(loop, kind, part, *options)
    try:
        result = compiled(node, *operands)
    except Foreign:
        remember_foreign(node, part)
        return UNKNOWN
    if compiled.times_made_for(node) >= _MOST:
        remember_foreign(node, part)
    return result


def remember_foreign(f: Any, part: Method = None) -> None:
    """Note that a module, or a method of it, depends on something foreign."""
    f.__compiled__[_KEY, part] = False


def guarded(run: Callable[[], R], f: Node, part: Method = None) -> R:
    """Run what is traced of a module, or of a method of it.

    Raises
    ------
    Foreign
        It depends on something that guards cannot see, or may do more than compute. It runs anew
        then, as Python: so code of the user's that would notice is not run before.
    """
    if not is_covered((f, part)):
        raise Foreign
    out = run()
    frame = current_frame.get()
    assert frame is not None
    if not all(is_safe(value) for _, value in frame.notes.values()):
        raise Foreign
    # What code of the user's changes itself in an attribute would not change at the next call.
    own = all(is_own(type(owner)) for owner, _ in frame.notes.values())
    if not own and Guards(frame.notes).match((), frozenset(), []) is None:
        raise Foreign
    return out


def _apart(f: object) -> tuple[PyTree, Method]:
    """Return the module that a body belongs to, and the function of its method."""
    return (f.__self__, f.__func__) if isinstance(f, MethodType) else (f, None)


def _is_known(node: object, part: Method) -> bool:
    if not isinstance(node, Node):
        return False
    known: bool | None = node.__compiled__.get((_KEY, part))
    if known is None:
        own = is_own(type(node)) and (part is None or is_own(part))
        known = node.__compiled__[_KEY, part] = own or is_covered((node, part))
    return known


@functools.lru_cache(maxsize=512, typed=True)  # True is not 1
def _compiled(
    loop: Callable[..., object], kind: Hashable, part: Method, *options: object
) -> BoundJit[..., object]:
    """Return the loop over modules of one kind, compiled; each kind may ask for ways of its own."""
    del kind  # it is part of the key

    def run(node: Node, *operands: PyTree) -> object:
        body = node if part is None else MethodType(part, node)
        return guarded(lambda: loop(body, *operands, *options), node, part)

    return jit(run)


def _is_array(leaf: object) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | bool | int | float | complex)
