"""What a function holds on its own, in variables rather than in attributes of nodes.

A state that is reached through an attribute may be replaced there, and a compiled function then
uses the new one. A state that the function holds in a variable stays what it is. The variables
themselves may be bound to something else, though: a cell of a notebook that is run again binds
``model`` to a new one. So they are looked at before each call. They are looked at after each
trace, too: a traced value that is left in one would be found there when the trace is long over.

Variables are the global names that the function's code loads, the cells of its closure, and the
same for every function of the user's that is reached through them; further the fields of plain
objects whose names the code mentions. Libraries are not searched: nobody binds their names anew.
"""

import dis
import functools
import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

import jax
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.errors import EscapedTracerError
from brainlite.graph import Node
from brainlite.graph._contents import ATOMS, holds_graph
from brainlite.graph._guards import Watched, same_value
from brainlite.graph._notes import Frozen, freeze
from brainlite.state import State
from brainlite.state._fit import summary
from brainlite.transform._transformed import Transformed

__all__ = ["Escapes", "Variables", "reachable"]

_OPAQUE = (Node, State, jax.Array, np.ndarray, *ATOMS, type, ModuleType)
_LIBRARIES = frozenset({"brainlite", "jax", "jaxlib", "numpy", *sys.stdlib_module_names})
_INSTALLED = ("site-packages", "dist-packages")
_OF_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL")
_OF_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_SETS = ("STORE_GLOBAL", "STORE_DEREF")
_MOST: Final = 1000  # items of one container that are looked at for traced values: the last ones


class _Names(NamedTuple):
    """What a code object mentions, and which of the variables it sets."""

    variables: frozenset[str]
    attributes: frozenset[str]
    set: frozenset[str]


class Variable(NamedTuple):
    """A place outside nodes where a function finds something.

    ``home`` is a cell, or the dict that ``name`` is looked up in; ``owner`` says whose it is.
    ``own`` is whether the code sets it: that happens when it is traced, and tells nothing new.
    """

    owner: str
    home: Any
    name: str
    value: Any
    own: bool = False

    def now(self) -> Any:
        """Return what is there now; this variable itself if there is nothing any more."""
        if not isinstance(self.home, CellType):
            return self.home.get(self.name, self)
        return self.home.cell_contents if _is_full(self.home) else self

    def bind(self, value: Any) -> None:
        """Put something there."""
        if isinstance(self.home, CellType):
            self.home.cell_contents = value
        else:
            self.home[self.name] = value


class Reach(NamedTuple):
    """What can be reached from a function without reading from a node."""

    objects: dict[int, Any]  # by id; kept, so that no id is given out twice
    variables: list[Variable]


def reachable(fun: object) -> set[int]:
    """Return the ids of what can be reached from ``fun`` without reading from a node."""
    return set(explore(fun).objects)


def explore(fun: object) -> Reach:
    """Follow the variables of ``fun``, the containers in them, and the functions of the user's."""
    reach = Reach({}, [])
    mentioned: set[str] = set()
    plain: dict[int, Any] = {}  # objects whose fields count if the code mentions them
    stack = [fun.__call__ if isinstance(fun, Node) and callable(fun) else fun]
    while stack or plain:
        if not stack:  # all the code is known by now
            stack = _fields(plain.values(), mentioned, reach)
            plain = {}
            continue
        thing = stack.pop()
        if id(thing) in reach.objects:
            continue
        reach.objects[id(thing)] = thing
        if isinstance(thing, FunctionType):
            stack += _variables(thing, mentioned, reach)
        elif _is_plain_object(thing):
            plain[id(thing)] = thing
        else:
            stack += _inside(thing)
    return reach


def _inside(thing: object) -> Iterable[Any]:
    if isinstance(thing, _OPAQUE):
        return ()
    if isinstance(thing, list | tuple):
        return thing[-_MOST:]
    if isinstance(thing, dict):
        return itertools.islice(reversed(thing.values()), _MOST)
    if isinstance(thing, Mapping):
        return thing.values()
    if isinstance(thing, set | frozenset | deque):
        return thing
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
        or kind.__module__.partition(".")[0] in _LIBRARIES
        or getattr(thing, "__wrapped__", None) is not None
    )


def _variables(fun: FunctionType, mentioned: set[str], reach: Reach) -> list[Any]:
    """Return what a Python function finds in its closure, globals and defaults."""
    owner = fun.__qualname__
    found = [Variable(owner, c, n, c.cell_contents) for n, c in _cells(fun) if _is_full(c)]
    if _is_of_user(fun):
        names = _names(fun.__code__)
        mentioned |= names.attributes
        scope = fun.__globals__
        globals_ = [name for name in sorted(names.variables) if name in scope]
        found += [Variable(owner, scope, name, scope[name]) for name in globals_]
        found = [each._replace(own=each.name in names.set) for each in found]
        reach.variables.extend(each for each in found if _may_be_rebound(each.value))
    defaults = (*(fun.__defaults__ or ()), *(fun.__kwdefaults__ or {}).values())
    return [*(each.value for each in found), *defaults]


def _cells(fun: FunctionType) -> Iterator[tuple[str, CellType]]:
    return zip(fun.__code__.co_freevars, fun.__closure__ or (), strict=True)


def _fields(objects: Iterable[Any], mentioned: set[str], reach: Reach) -> list[Any]:
    """Return the fields of plain objects that the code mentions, and their methods."""
    found: list[Any] = []
    for thing in objects:
        fields: dict[str, Any] = getattr(thing, "__dict__", {})
        for name in sorted(mentioned.intersection(fields)):
            found.append(fields[name])
            reach.variables.append(Variable(type(thing).__name__, fields, name, fields[name]))
        methods = (getattr(type(thing), name, None) for name in sorted(mentioned - fields.keys()))
        found += [each for each in methods if isinstance(each, FunctionType)]
        # Of the rest it is known only that the function could get at it.
        found += [value for name, value in fields.items() if name not in mentioned]
    return found


def _is_of_user(fun: FunctionType) -> bool:
    library = str(fun.__module__).partition(".")[0] in _LIBRARIES
    return not library and not any(part in fun.__code__.co_filename for part in _INSTALLED)


def _may_be_rebound(value: object) -> bool:
    """Say whether a name with this value may be bound to another one while the program runs."""
    if isinstance(value, ModuleType):
        return False
    if isinstance(value, Node | State) or not hasattr(value, "__name__"):
        return True
    return str(getattr(value, "__module__", None)).partition(".")[0] not in _LIBRARIES


def _is_full(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # the variable has no value yet
        return False


@functools.lru_cache(maxsize=4096)
def _names(code: CodeType) -> _Names:
    variables: set[str] = set()
    attributes: set[str] = set()
    set_: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _SETS:
            set_.add(instruction.argval)
        if instruction.opname in _OF_GLOBALS:
            variables.add(instruction.argval)
        elif instruction.opname in _OF_ATTRIBUTES:
            attributes.add(instruction.argval)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            inner = _names(each)
            variables |= inner.variables
            attributes |= inner.attributes
            set_ |= inner.set
    return _Names(frozenset(variables), frozenset(attributes), frozenset(set_))


class Variables:
    """The variables of a function as they were when it was traced.

    Parameters
    ----------
    fun : object
        The function.
    """

    def __init__(self, fun: object) -> None:
        reach = explore(fun)
        self._found: list[Variable] = [each for each in reach.variables if not each.own]
        # Whether a value of a trace that is still running is among them.
        self.traced: bool = any(isinstance(each, Tracer) for each in reach.objects.values())
        self._frozen: list[Any] = [_freeze(each.value) for each in self._found]
        self._checker: Callable[[list[Variable]], Callable[[], bool]] = _generate(self._found)

    def holds(self) -> bool:
        """Say whether each holds what it held: the same object, or an equal number or string."""
        return all(map(_same, self._frozen, (each.now() for each in self._found)))

    def changed(self) -> list[str]:
        """Return the names of those that do not."""
        pairs = zip(self._found, self._frozen, strict=True)
        return [each.name for each, then in pairs if not _same(then, each.now())]

    def check(self) -> "tuple[Callable[[], bool] | None, list[Watched]]":
        """Return a quick look at whether all are still as they are now.

        It comes in two parts: a function, or None where there is nothing to look at, and the
        containers of states and modules, which can be edited in place.
        """
        now = [each._replace(value=each.now()) for each in self._found]
        pairs = zip(now, self._frozen, strict=True)
        watched = [Watched(each.value) for each, then in pairs if isinstance(then, Frozen)]
        return (self._checker(now) if now else None), watched


def _freeze(value: Any) -> Any:
    is_container = isinstance(value, list | tuple | dict) or hasattr(
        type(value), "__dataclass_fields__"
    )
    return freeze(value) if is_container and holds_graph(value) else value


def _same(then: Any, now: Any) -> bool:
    if not isinstance(then, Frozen):
        return same_value(then, now)
    frozen = _freeze(now)
    return (
        isinstance(frozen, Frozen)
        and frozen.kind is then.kind
        and bool(frozen.keys == then.keys)
        and len(frozen.items) == len(then.items)
        and all(map(_same, then.items, frozen.items))
    )


def _generate(found: list[Variable]) -> Callable[[list[Variable]], Callable[[], bool]]:
    """Write the function that looks at variables: it runs at every warm call.

    For a global name and a cell it is

    >>> def make(homes, values):
    ...     h0, h1 = homes
    ...     v0, v1 = values
    ...     def check():
    ...         try:
    ...             return h0["model"] is v0 and h1.cell_contents is v1
    ...         except (KeyError, ValueError):
    ...             return False
    ...     return check
    """
    numbers = range(len(found))
    looks = [
        f"h{n}.cell_contents is v{n}"
        if isinstance(each.home, CellType)
        else f"h{n}[{each.name!r}] is v{n}"
        for n, each in enumerate(found)
    ]
    lines = [
        "def make(homes, values):",
        f"    {''.join(f'h{n}, ' for n in numbers)} = homes",
        f"    {''.join(f'v{n}, ' for n in numbers)} = values",
        "    def check():",
        "        try:",
        f"            return {' and '.join(looks)}",
        "        except (KeyError, ValueError):",
        "            return False",
        "    return check",
    ]
    scope: dict[str, Any] = {}
    if found:
        exec("\n".join(lines), scope)

    def checker(now: list[Variable]) -> Callable[[], bool]:
        made: Callable[[], bool] = scope["make"](
            [each.home for each in now], [each.value for each in now]
        )
        return made

    return checker


class Escapes:
    """Looks for traced values that a function leaves in its variables.

    Parameters
    ----------
    fun : object
        The function, before it is traced.
    label : str
        The name of the transform, for messages.
    """

    def __init__(self, fun: object, label: str) -> None:
        self._fun = fun
        self._label = label
        self._before: list[Variable] = explore(fun).variables

    def check(self) -> None:
        """Raise if there are any, with the variables bound to what they were bound to before."""
        reach = explore(self._fun)
        if not any(isinstance(thing, Tracer) for thing in reach.objects.values()):
            return
        direct = [each for each in reach.variables if isinstance(each.value, Tracer)]
        guilty = next(
            (each for each in (*direct, *reach.variables) if _holds_tracer(each.value)), None
        )
        for each in self._before:
            if each.now() is not each.value:
                each.bind(each.value)
        name = (
            "something that the function holds" if guilty is None else f"variable {guilty.name!r}"
        )
        raise EscapedTracerError(
            f"a traced value was left in {name} inside {self._label}",
            where=None if guilty is None else guilty.owner,
            expected="values that are returned, or written to a State",
            got="an abstract value of the trace" if guilty is None else _shown(guilty.value),
            fix="keep it in a State (`state.value = ...`), or return it: the Python code runs when "
            "the function is traced, not at each call",
        )


def _holds_tracer(value: object) -> bool:
    return any(isinstance(thing, Tracer) for thing in explore(value).objects.values())


def _shown(value: object) -> str:
    inside = "" if isinstance(value, Tracer) else f"a {type(value).__name__} that holds "
    found = [thing for thing in explore(value).objects.values() if isinstance(thing, Tracer)]
    return f"{inside}{summary(found[0])}, an abstract value"
