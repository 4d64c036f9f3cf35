"""What a function holds on its own, in variables rather than in attributes of nodes.

A state that is reached through an attribute may be replaced there, and a compiled function then
uses the new one. A state that the function holds in a variable stays what it is.
"""

import functools
import sys
from collections.abc import Iterable
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform._transformed import Transformed

__all__ = ["reachable"]

_OPAQUE = (Node, State, jax.Array, np.ndarray, str, bytes, int, float, type, ModuleType)
# Their global variables hold no states of a user.
_LIBRARIES = frozenset({"brainlite", "jax", "jaxlib", "numpy", *sys.stdlib_module_names})


def reachable(fun: object) -> set[int]:
    """Return the ids of what can be reached from ``fun`` without reading from a node."""
    found: dict[int, Any] = {}  # kept, so that no id is given out twice
    stack = [fun.__call__ if isinstance(fun, Node) and callable(fun) else fun]
    while stack:
        thing = stack.pop()
        if id(thing) not in found:
            found[id(thing)] = thing
            stack += _inside(thing)
    return set(found)


def _inside(thing: object) -> Iterable[Any]:
    if isinstance(thing, _OPAQUE):
        return ()
    if isinstance(thing, dict):
        return thing.values()
    if isinstance(thing, list | tuple | set | frozenset):
        return thing
    if isinstance(thing, MethodType):
        return (thing.__func__, thing.__self__)
    if isinstance(thing, functools.partial):
        return (thing.func, *thing.args, *thing.keywords.values())
    if isinstance(thing, FunctionType):
        return _variables(thing)
    if isinstance(thing, Transformed):
        return (thing.run,)  # it holds the function, and the states that were named
    # A wrapper stands for what it wraps: its own attributes may be caches.
    wrapped = getattr(thing, "__wrapped__", None)
    return (wrapped,) if wrapped is not None else getattr(thing, "__dict__", {}).values()


def _variables(fun: FunctionType) -> list[Any]:
    """Return what a Python function finds in its closure, globals and defaults."""
    found = [cell.cell_contents for cell in fun.__closure__ or () if _is_full(cell)]
    found += fun.__defaults__ or ()
    found += (fun.__kwdefaults__ or {}).values()
    if str(fun.__module__).partition(".")[0] not in _LIBRARIES:
        found += [fun.__globals__.get(name) for name in _names(fun.__code__)]
    return found


def _is_full(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # the variable has no value yet
        return False


def _names(code: CodeType) -> set[str]:
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)
