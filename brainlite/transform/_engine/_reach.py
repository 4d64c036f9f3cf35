"""What a function can reach on its own, through variables rather than attributes of nodes.

A state that is reached through an attribute may be replaced there, and a compiled function then
uses the new one. A state that the function holds in a variable stays what it is.

Variables are the global names that the function's code loads, the cells of its closure, and the
same for every function of the user's that is reached through them; further the fields of plain
objects, and the methods and attributes of classes, whose names the code mentions. Libraries are not
searched: nobody binds their names anew.
"""

import dis
import functools
import inspect
import itertools
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

import jax
import numpy as np

from brainlite.graph import Node
from brainlite.graph._face import ABSENT, ATOMS, node_dict, node_types
from brainlite.state import State
from brainlite.transform._engine._transformed import Transformed

_DATA = (jax.Array, np.ndarray, *ATOMS)
_OPAQUE = (Node, State, *_DATA, type, ModuleType)
_LIBRARIES = frozenset({"brainlite", "jax", "jaxlib", "numpy", *sys.stdlib_module_names})
_INSTALLED = ("site-packages", "dist-packages")
_OF_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")
_OF_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR")
_SETS = ("STORE_GLOBAL", "STORE_DEREF")
MOST: Final = 1000  # items of one container that are looked at for traced values: the last ones


class _Names(NamedTuple):
    """What a code object mentions, which variables and attributes it sets, and what it does."""

    variables: frozenset[str]
    attributes: frozenset[str]
    bound: frozenset[str]
    stored: frozenset[str]
    operations: frozenset[str]


class Variable(NamedTuple):
    """A place outside nodes where a function finds something.

    ``home`` is a cell, a class, or the dict that ``name`` is looked up in; ``owner`` says whose it
    is. ``own`` is whether the code sets it: that happens when it is traced, and tells nothing new.
    What a class has from one before it in its order is ABSENT in it.
    """

    owner: str
    home: Any
    name: str
    value: object
    own: bool = False

    def now(self) -> object:
        """Return what is there now; this variable itself if there is nothing any more."""
        if isinstance(self.home, type):
            return vars(self.home).get(self.name, ABSENT)
        if not isinstance(self.home, CellType):
            return self.home.get(self.name, self)
        return self.home.cell_contents if is_full(self.home) else self

    def bind(self, value: object) -> None:
        """Put something there."""
        if isinstance(self.home, CellType):
            self.home.cell_contents = value
        elif not isinstance(self.home, type):
            self.home[self.name] = value
        elif value is ABSENT:
            delattr(self.home, self.name)
        else:
            setattr(self.home, self.name, value)


class Reach(NamedTuple):
    """What can be reached from a function without reading from a node."""

    objects: dict[int, object]  # by id; kept, so that no id is given out twice
    variables: list[Variable]
    mentioned: set[str]  # the attributes that code of the user's names


def reachable(fun: object) -> set[int]:
    """Return the ids of what can be reached from ``fun`` without reading from a node."""
    return set(explore(fun).objects)


def explore(fun: object) -> Reach:
    """Follow the variables of ``fun``, the containers in them, and the functions of the user's."""
    return _Explorer().explore(fun)


class _Explorer:
    """Follows what code mentions, until it mentions nothing new.

    Objects bring the methods of their classes: those whose names some code mentions, and those that
    Python calls by itself. Modules bring those of their submodules, too, and the functions in
    their attributes; their states are found by place, and are not followed.
    """

    def __init__(self) -> None:
        self._mentioned: set[str] = set()
        self._reach = Reach({}, [], self._mentioned)
        self._stack: list[object] = []
        self._stored: set[str] = set()  # attributes that the code sets
        self._kinds: dict[type, None] = {}  # of the user's, of objects that are reached
        self._plain: list[object] = []  # objects whose fields count if the code mentions them
        self._asked: set[tuple[int, str]] = set()

    def explore(self, fun: object) -> Reach:
        """Follow a function to the end; return what was found."""
        self._stack = [fun.__call__ if isinstance(fun, Node) and callable(fun) else fun]
        while self._stack:
            thing = self._stack.pop()
            if id(thing) not in self._reach.objects:
                self._reach.objects[id(thing)] = thing
                self._enter(thing)
            if not self._stack:  # all that is mentioned so far is known by now
                self._add_methods()
                self._add_fields()
        found = self._reach.variables
        found[:] = [v._replace(own=v.own or self._is_set(v)) for v in found]
        return self._reach

    def _is_set(self, variable: Variable) -> bool:
        return (id(variable.home), variable.name) in self._asked and variable.name in self._stored

    def _enter(self, thing: object) -> None:
        """Follow one thing: note its variables and methods, and put what is inside on the stack."""
        if isinstance(thing, FunctionType):
            self._stack += _variables(thing, self._mentioned, self._reach)
            if is_of_user(thing):
                self._stored |= names_of(thing.__code__).stored
        elif isinstance(thing, Node):
            self._add_kind(type(thing))
            for value in node_dict(thing).values():
                self._stack += _code_in(value)
        elif type(thing) in node_types:  # nodes as well, of which everything is noted
            self._add_kind(type(thing))
        elif isinstance(thing, type):
            self._add_kind(thing, made=True)
            self._add_kind(type(thing))
        elif _is_plain_object(thing):
            self._plain.append(thing)
            self._add_kind(type(thing))
            # Of what is not mentioned it is known only that the function could get at it.
            self._stack += _fields(thing).values()
        else:
            self._stack += _inside(thing)

    def _add_kind(self, kind: type, made: bool = False) -> None:
        for each in kind.__mro__:
            if root_of(each.__module__) not in _LIBRARIES:
                self._kinds[each] = None
                if made and "__init__" in vars(each):
                    self._stack.append(vars(each)["__init__"])

    def _add_methods(self) -> None:
        """Go on to the methods of classes that the code mentions, or that Python itself calls."""
        for kind in self._kinds:
            for name, member in [*vars(kind).items()]:
                mentioned = name in self._mentioned or name == "update"
                functions = _functions_in(member)
                called = mentioned or (_is_called_by_python(name, member) and functions)
                if called and (id(kind), name) not in self._asked:
                    self._asked.add((id(kind), name))
                    self._stack += functions
                    if name != "__call__":  # which hooks and watchers put others in place of
                        self._reach.variables.append(Variable(kind.__name__, kind, name, member))
            self._add_inherited(kind)

    def _add_inherited(self, kind: type) -> None:
        """Note what a class has from another one, and could get of its own."""
        for name in (self._mentioned | {"update"}) - {"__call__"} - vars(kind).keys():
            inherited = any(name in vars(each) for each in kind.__mro__[1:])
            if inherited and (id(kind), name) not in self._asked:
                self._asked.add((id(kind), name))
                self._reach.variables.append(Variable(kind.__name__, kind, name, ABSENT))

    def _add_fields(self) -> None:
        for thing in self._plain:
            fields = _fields(thing)
            for name in sorted(self._mentioned.intersection(fields)):
                if (id(fields), name) not in self._asked:
                    self._asked.add((id(fields), name))
                    found = Variable(type(thing).__name__, fields, name, fields[name])
                    self._reach.variables.append(found)


def _fields(thing: object) -> dict[str, object]:
    fields: dict[str, object] = getattr(thing, "__dict__", {})
    return fields


def _is_called_by_python(name: str, member: object) -> bool:
    """Say whether Python calls a member of a class by itself, unlike ``__annotations__``."""
    named = name[:2] == "__" == name[-2:] and name not in ("__init__", "__new__", "__repr__")
    return named and hasattr(type(member), "__get__")


def _functions_in(member: object) -> list[object]:
    """Return the functions behind a member of a class, or the class or object that holds them."""
    if isinstance(member, property):
        return [each for each in (member.fget, member.fset) if each is not None]
    if isinstance(member, staticmethod | classmethod):
        return [member.__func__]
    if isinstance(member, list | tuple | dict):  # a table of functions or classes
        return list(_code_in(member))
    for name in ("func", "__wrapped__"):  # cached properties, wrappers
        found = inspect.getattr_static(member, name, None)
        if isinstance(found, FunctionType):
            return [found]
    if isinstance(member, type):
        return [member] if is_of_user(member) else []
    return [member] if isinstance(member, FunctionType) or _is_plain_object(member) else []


def _code_in(value: object) -> Iterator[object]:
    """Yield what may hold code in an attribute of a module; states there are found by place."""
    stack, seen = [value], set[int]()
    while stack:
        each = stack.pop()
        if id(each) in seen or isinstance(each, (State, *_DATA)):
            continue
        seen.add(id(each))
        yield from _own_class(each)
        if isinstance(each, list | tuple):
            stack += each[-MOST:]
        elif isinstance(each, dict):
            stack += itertools.islice(reversed(each.values()), MOST)
        elif hasattr(type(each), "__dataclass_fields__"):
            stack += _fields(each).values()
        else:
            yield each


def _own_class(thing: object) -> Iterator[object]:
    """Yield the class of a container or a dataclass if it is one of the user's, with methods."""
    kind = type(thing)
    holds_items = isinstance(thing, list | tuple | dict | Mapping | set | frozenset | deque)
    if (holds_items or hasattr(kind, "__dataclass_fields__")) and is_of_user(kind):
        yield kind


def _inside(thing: object) -> Iterable[object]:
    """Return what a container, a wrapper or an object holds."""
    if isinstance(thing, _OPAQUE):
        return ()
    if isinstance(thing, list | tuple):
        return [*thing[-MOST:], *_own_class(thing)]
    if isinstance(thing, dict):
        return [*itertools.islice(reversed(thing.values()), MOST), *_own_class(thing)]
    if isinstance(thing, Mapping):
        return [*thing.values(), *_own_class(thing)]
    if isinstance(thing, set | frozenset | deque):
        return [*thing, *_own_class(thing)]
    if isinstance(thing, MethodType):
        return (thing.__func__, thing.__self__)
    if isinstance(thing, functools.partial):
        return (thing.func, *thing.args, *thing.keywords.values())
    if isinstance(thing, Transformed):
        return (thing.run,)  # it holds the function, and the states that were named
    # A wrapper stands for what it wraps: its own attributes may be caches.
    wrapped = getattr(thing, "__wrapped__", None)
    return (wrapped,) if wrapped is not None else getattr(thing, "__dict__", {}).values()


def _is_plain_object(thing: object) -> bool:
    containers = (Mapping, list, tuple, set, frozenset, deque, functools.partial, MethodType)
    kind = type(thing)
    return not (
        isinstance(thing, (*_OPAQUE, *containers))
        or root_of(kind.__module__) in _LIBRARIES
        or getattr(thing, "__wrapped__", None) is not None
    )


def variables_of(fun: FunctionType) -> list[Variable]:
    """Return the cells of a Python function, and the global names that code of the user's loads."""
    owner = fun.__qualname__
    found = [Variable(owner, c, n, c.cell_contents) for n, c in _cells(fun) if is_full(c)]
    if not is_of_user(fun):
        return found
    names, scope = names_of(fun.__code__), fun.__globals__
    globals_ = [name for name in sorted(names.variables) if name in scope]
    found += [Variable(owner, scope, name, scope[name]) for name in globals_]
    return [each._replace(own=each.name in names.bound) for each in found]


def _variables(fun: FunctionType, mentioned: set[str], reach: Reach) -> list[object]:
    """Return what a Python function finds in its closure, globals and defaults."""
    found = variables_of(fun)
    if is_of_user(fun):
        mentioned |= names_of(fun.__code__).attributes
        reach.variables.extend(each for each in found if _may_be_rebound(each.value))
    defaults = (*(fun.__defaults__ or ()), *(fun.__kwdefaults__ or {}).values())
    return [*(each.value for each in found), *defaults]


def _cells(fun: FunctionType) -> Iterator[tuple[str, CellType]]:
    """Yield the variables of a closure, without that of Python's own that ``super()`` needs."""
    for name, cell in zip(fun.__code__.co_freevars, fun.__closure__ or (), strict=True):
        if name != "__class__":
            yield name, cell


def is_of_user(thing: FunctionType | type) -> bool:
    """Say whether a function or a class is neither of a library nor installed."""
    if root_of(thing.__module__) in _LIBRARIES:
        return False
    if isinstance(thing, FunctionType):
        return not _is_installed(thing.__code__.co_filename)
    return not _is_installed(getattr(sys.modules.get(thing.__module__), "__file__", None) or "")


def root_of(module: object) -> str:
    """Return the first part of the name of a Python module."""
    return str(module).partition(".")[0]


def _is_installed(file: str) -> bool:
    return any(part in file for part in _INSTALLED)


def _may_be_rebound(value: object) -> bool:
    """Say whether a name with this value may be bound to another one while the program runs."""
    if isinstance(value, ModuleType):
        return False
    if isinstance(value, Node | State) or not hasattr(value, "__name__"):
        return True
    return root_of(getattr(value, "__module__", None)) not in _LIBRARIES


def is_full(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # the variable has no value yet
        return False


@functools.lru_cache(maxsize=4096)
def names_of(code: CodeType) -> _Names:
    """Return what a code object, and the functions written in it, mention, set and do."""
    found = variables, attributes, bound, stored, operations = [set[str]() for _ in range(5)]
    for instruction in dis.get_instructions(code):
        operations.add(instruction.opname)
        if instruction.opname in _SETS:
            bound.add(instruction.argval)
        if instruction.opname in _OF_GLOBALS:
            variables.add(instruction.argval)
        elif instruction.opname == "STORE_ATTR":
            stored.add(instruction.argval)
        elif instruction.opname in _OF_ATTRIBUTES:
            attributes.add(instruction.argval)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            for own, inner in zip(found, names_of(each), strict=True):
                own |= inner
    return _Names(*map(frozenset[str], found))
