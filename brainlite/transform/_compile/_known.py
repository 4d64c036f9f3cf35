"""Eager loops over the library's own modules, which need not be traced again.

An eager loop is traced at each call, since its body may depend on anything: see
:mod:`brainlite.transform._engine._eager`. The library's own cells depend on their attributes and
states alone, which guards can see. A loop over one of them runs as under ``jit``: one look at the
guards, one dispatch. Whether a module is of that kind is asked twice: of its type before, and of
all that was read from it while it was traced.
"""

import weakref
from typing import Any

import jax

from brainlite._jax_compat import is_eager, jit_switch
from brainlite.graph import Node
from brainlite.graph._face import ABSENT, Frozen
from brainlite.state import State
from brainlite.state._face import current_frame

_OWN = ("brainlite", "jax", "jaxlib")
_ATOMS = (bool, int, float, complex, str, bytes, type(None))
_foreign: "weakref.WeakSet[Node]" = weakref.WeakSet()


class Foreign(BaseException):
    """The body depends on something that guards cannot see. Not for user code to catch."""


def is_known(f: object) -> bool:
    """Say whether ``f`` may be a module of the library's own, called outside any trace."""
    known = isinstance(f, Node) and _is_own(type(f)) and f not in _foreign
    return known and is_eager() and not jit_switch.value


def remember_foreign(f: Any) -> None:
    """Note that a module of the library holds something foreign."""
    _foreign.add(f)


def refuse_foreign() -> None:
    """Raise if the function being traced has read anything that guards cannot see."""
    frame = current_frame.get()
    assert frame is not None
    for owner, value in list(frame.notes.values()):
        if not (_is_own(type(owner)) and _is_safe(value)):
            raise Foreign


def _is_own(thing: object) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] in _OWN


def _is_safe(value: object) -> bool:
    """Say whether an attribute is of a kind that guards can see."""
    if isinstance(value, Frozen):
        return all(map(_is_safe, value.items))
    if isinstance(value, _ATOMS) or value is ABSENT or isinstance(value, State | jax.Array):
        return True
    if isinstance(value, Node):
        return _is_own(type(value))
    # A function tells where it is defined itself; for any other object its type does. (To ask a
    # module for a name that it lacks would be noted, too.)
    is_named = not isinstance(value, Node) and hasattr(value, "__name__")
    return _is_own(value if is_named else type(value))
