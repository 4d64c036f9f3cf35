"""Whether guards see all that a function depends on.

What a compiled function was traced with is looked at before each call: attributes of modules,
settings, and the names that the code mentions. Some things cannot be looked at: a list, an array of
numpy or an object that is edited in place, what Python code does beside computing. Where a function
of the user's can reach any of these, or one that nobody here knows, it is not covered. So this asks
for little and is never too generous: code is read, not run.
"""

import builtins
import enum
import functools
from collections.abc import Collection, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import cast

import jax
import numpy as np

from brainlite.environ._face import layer, process
from brainlite.graph import Node
from brainlite.graph._face import ABSENT, Frozen, freeze, holds_graph, node_dict
from brainlite.state import State
from brainlite.transform._compile._jit import BoundJit
from brainlite.transform._engine._reach import (
    explore,
    is_of_user,
    names_of,
    root_of,
    variables_of,
)
from brainlite.transform._engine._transformed import Transformed
from brainlite.transform._engine._watch import KEY

_OWN = ("brainlite", "jax", "jaxlib")
# Whose names nobody binds anew, and whose functions only compute.
_MODULES = (*_OWN, "numpy", "math", "typing", "typing_extensions", "dataclasses", "abc", "enum")
# Classes of which new objects can be made in the function.
_TYPES = (*_MODULES, "builtins", "collections")
# Exactly these: the methods of a subclass of the user's are not looked at.
_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})
_MEMBERS = frozenset({property, staticmethod, classmethod})
# Functions of numpy, jax and this library that do more than compute; `random` only of numpy's.
_OUTSIDE = frozenset({"load", "loadtxt", "genfromtxt", "fromfile", "memmap", "restore", "save"})
_BUILTINS: tuple[object, ...] = (
    *(abs, all, any, bool, bytes, complex, dict, divmod, enumerate, filter, float, frozenset, int),
    *(isinstance, issubclass, len, list, map, max, min, pow, range, repr, reversed, round, set),
    *(slice, sorted, str, sum, super, tuple, type, zip, Ellipsis, NotImplemented),
)
# `state.value = ...` is the one assignment to an attribute that is not Python's alone.
_STORED = frozenset({"value"})
# What edits a list or dict in place; other things have methods of these names, too.
_EDITING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault"}
    | {"sort", "reverse", "add", "discard", "subtract"}
)
_OPERATIONS = frozenset(
    {"IMPORT_NAME", "LOAD_BUILD_CLASS", "MATCH_CLASS", "DELETE_ATTR", "DELETE_GLOBAL"}
)


def is_covered(fun: object) -> bool:
    """Say whether guards see all that a function or a module can reach by its variables.

    What it reads from attributes of modules is asked for by :func:`is_safe` once it is traced.
    """
    reach = explore(fun)
    return (
        not (reach.mentioned and _settings_may_change())
        and not any(each.own for each in reach.variables)
        and all(_is_fixed(each.value) for each in reach.variables)
        and all(map(_computes_only, reach.objects.values()))
        and not any(_may_change(each, reach.mentioned) for each in reach.objects.values())
    )


def _settings_may_change() -> bool:
    """Say whether a setting is something that code could edit."""
    settings = {**process.settings, **layer()}
    return not all(is_safe(value) for name, value in settings.items() if name != KEY)


def _may_change(thing: object, mentioned: Collection[str]) -> bool:
    """Say of a module whether it holds what its code may change without setting an attribute.

    Of a module of the user's, only what its code mentions. The library changes no array of numpy.
    """
    if not isinstance(thing, Node):
        return False
    own = is_own(type(thing))
    edits = not own and not _EDITING.isdisjoint(mentioned)
    return any(
        not is_safe(freeze(value))
        or (edits and isinstance(value, list | dict) and not holds_graph(value))
        for name, value in node_dict(thing).items()
        if (not isinstance(value, np.ndarray | np.generic) if own else name in mentioned)
    )


def is_safe(value: object) -> bool:
    """Say whether an attribute of a module is of a kind that guards can see."""
    if isinstance(value, Frozen):
        return not is_of_user(value.kind) and all(map(is_safe, value.items))
    if isinstance(value, ModuleType | enum.Enum | functools.partial):
        return False
    if isinstance(value, jax.Array) or _is_fixed(value):
        return True
    # Objects of the library do not change, but for those that are gone through, such as batches.
    return is_own(type(value)) and not hasattr(value, "__iter__")


def _is_fixed(value: object) -> bool:
    """Say whether the same object, or an equal number or string, is always as it was.

    Of modules, states and functions that is asked elsewhere. An array in a variable may be another
    one at each call, which costs a compilation there, but none where the loop is traced.
    """
    if type(value) in (tuple, frozenset):
        return all(map(_is_fixed, cast("Iterable[object]", value)))
    if isinstance(value, jax.Array):
        return False
    if type(value) in _ATOMS | _MEMBERS or value is ABSENT:
        return True
    if isinstance(value, State):
        return is_own(type(value))
    if isinstance(value, Node | np.generic | enum.Enum):
        return True
    if isinstance(value, MethodType):
        return _is_fixed(value.__self__)
    if isinstance(value, ModuleType):
        return root_of(value.__name__) in _MODULES
    if isinstance(value, type):
        return is_of_user(value) or root_of(value.__module__) in _TYPES
    if isinstance(value, FunctionType):
        return is_of_user(value) or is_own(value)
    if isinstance(value, BuiltinFunctionType):
        return root_of(value.__module__) in ("math", "jaxlib")
    if isinstance(value, Transformed | BoundJit):  # of what the function inside is is asked apart
        return True
    return hasattr(value, "__name__") and is_own(value)


def is_own(thing: object) -> bool:
    """Say whether a class or a function is of this library or of jax."""
    return root_of(getattr(thing, "__module__", None)) in _OWN


def _computes_only(thing: object) -> bool:
    """Say of a function of the user's whether its code does nothing that guards do not see."""
    if not isinstance(thing, FunctionType):
        return True
    if not is_of_user(thing):
        return is_own(thing)
    if thing.__dict__.keys() - {"__wrapped__"}:
        return False
    names = names_of(thing.__code__)
    scope = thing.__globals__
    found = [each.value for each in variables_of(thing)]
    found += [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    modules = {each.__name__ for each in found if isinstance(each, ModuleType)}
    return (
        names.stored <= _STORED
        and all(map(_is_fixed, found))
        and all(name in scope or _is_builtin(name) for name in names.variables)
        # They draw numbers of their own; they are switches that a trace does not note.
        and not ("numpy" in map(root_of, modules) and "random" in names.attributes)
        and not any(each.startswith("numpy.random") for each in modules)
        and not ("jax" in modules and "config" in names.attributes)
        and not ("brainlite.environ" in modules and "set" in names.attributes)
        and not ("brainlite" in modules and {"environ", "set"} <= names.attributes)
        and _OUTSIDE.isdisjoint(names.attributes)
        and _OPERATIONS.isdisjoint(names.operations)
    )


def _is_builtin(name: str) -> bool:
    """Say whether a name means a built-in function that only computes, or an exception."""
    found = getattr(builtins, name, None)
    is_error = isinstance(found, type) and issubclass(found, Exception)
    return is_error or any(found is each for each in _BUILTINS)
