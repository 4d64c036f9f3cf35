"""Says what the docstring of a public name leaves out: shapes, units, errors, sources.

A docstring may send its reader on: "As for :class:`Adam`", "see :func:`mse_loss`". What stands
there counts as said. Each function here takes a name and returns what is missing, empty when all
is well.
"""

import ast
import functools
import inspect
import re
import textwrap
import types
from importlib import import_module
from typing import Any

import brainlite
from brainlite import errors
from docs.reference import Name, homes, public_modules

# Their docstrings are a table in the module's, and types explain themselves by what follows them.
OTHERWISE = ("brainlite.errors", "brainlite.typing")
# A class or function that is like another one says so, instead of saying it again.
LIKE = re.compile(
    r"\b(?:[Pp]arameters|[Aa]rguments|[Aa]s for|[Aa]s in|[Ss]ee|[Rr]aises)\b[^.]*?:\w+:`~?([\w.]+)`"
)


def described() -> dict[str, Name]:
    """Return the public functions and classes, by their full name."""
    found = {name.full: name for name in homes(public_modules()).values()}
    return {
        full: name
        for full, name in sorted(found.items())
        if name.module not in OTHERWISE
        and (inspect.isclass(name.value) or inspect.isroutine(name.value))
    }


@functools.cache
def text_of(value: Any) -> str:
    """Return the docstring of a function or a class, with that of its call and of what it names."""
    seen: dict[int, str] = {}
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            calls = ("update", "__call__") if inspect.isclass(one) else ()
            parts = [one, *(getattr(one, call, None) for call in calls)]
            seen[id(one)] = "\n\n".join(inspect.getdoc(part) or "" for part in parts)
            waiting += [_named(target, one) for target in LIKE.findall(seen[id(one)])]
    return "\n\n".join(seen.values())


def _named(target: str, where: Any) -> Any:
    """Return what a docstring means by a name: in full, or of its own class or module."""
    owner = getattr(where, "__self__", None)  # the functions of `random` are bound methods
    module = inspect.getmodule(inspect.unwrap(where) if callable(where) else where)
    full = target.startswith("brainlite.")
    starts = [brainlite] if full else [owner, where, module, *map(import_module, _modules())]
    for start in starts:
        found: Any = start
        for part in target.removeprefix("brainlite.").split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    return None


_modules = functools.cache(public_modules)


# ------------------------------------------------------------------------------------------ errors

# What each module or state may raise, whatever it is: the pages on states and errors say it.
OF_ALL = frozenset({"StateMissingError", "EnvironmentKeyError", "StateLostError"})
# So does each function of arrays that is given something else.
NO_ARRAY = frozenset({"of_arrays", "check_array"})
OURS = ("brainlite", "tests")
CALLS = 2  # how far an error is looked for: in a function, what it calls, and what that calls


def errors_within(value: Any) -> dict[str, str]:
    """Name the errors that the code of a function raises, and in which call.

    Of a class it is the code of making an object, and of calling it.
    """
    starts = [value]
    if inspect.isclass(value):
        names = ("__init__", "__post_init__", "update")
        starts = [inspect.getattr_static(value, name, None) for name in names]
    owner = value if inspect.isclass(value) else getattr(value, "__self__", None)
    owner = owner if owner is None or inspect.isclass(owner) else type(owner)
    found: dict[str, str] = {}
    for start in starts:
        _follow(start, owner, (), found, set())
    return {error: path for error, path in found.items() if error not in OF_ALL}


def _follow(
    value: Any, owner: Any, path: tuple[str, ...], found: dict[str, str], seen: set[Any]
) -> None:
    """Add what a function raises, and what it calls; methods of its own class are no way off."""
    function = _plain_function(value)
    if function is None or (function, owner, len(path)) in seen or function.__name__ in NO_ARRAY:
        return
    seen.add((function, owner, len(path)))
    called, spoken, own = _used(function)
    for name in sorted(called):
        error = _looked_up(name, function)
        if isinstance(error, type) and issubclass(error, errors.BrainliteError):
            found.setdefault(error.__name__, " > ".join([*path, function.__name__]))
    for name in sorted(spoken if len(path) < CALLS else ()):
        following = _looked_up(name, function)
        # What a layer hands to a transform is of its own making.
        if not _is_transform(following) or _is_transform(function):
            _follow(following, None, (*path, function.__name__), found, seen)
    for name in sorted(own if owner is not None else ()):
        _follow(inspect.getattr_static(owner, name, None), owner, path, found, seen)


def _is_transform(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith("brainlite.transform")


def _plain_function(value: Any) -> types.FunctionType | None:
    value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    value = value.fget if isinstance(value, property) else value
    value = inspect.unwrap(value) if callable(value) else value
    value = value.__func__ if inspect.ismethod(value) else value
    ours = isinstance(value, types.FunctionType) and value.__module__.startswith(OURS)
    return value if ours else None


def _looked_up(name: str, function: types.FunctionType) -> Any:
    first, *rest = name.split(".")
    found: Any = function.__globals__.get(first)
    for part in rest if isinstance(found, types.ModuleType) else ():
        found = getattr(found, part, None)
    return found if not rest or isinstance(found, types.FunctionType) else None


@functools.cache
def _used(function: types.FunctionType) -> tuple[set[str], set[str], set[str]]:
    """Return the names that a function calls, all that it speaks of, and those after ``self``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # what a dataclass writes has no source
        return set(), set(), set()
    called, spoken, own, given = set[str](), set[str](), set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                called.add(name)
                spoken.add(name)
            case ast.arg(arg=name):
                given.add(name)
            case ast.Name(id=name):
                spoken.add(name)
            case ast.Attribute(value=ast.Name(id="self") | ast.Call(), attr=name):
                own.add(name)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                spoken.add(f"{module}.{name}")
            case _:
                pass
    return called - given, spoken - given, own


def lacks_errors(value: Any) -> list[str]:
    """Return the errors that a caller may meet and is not told of."""
    text = text_of(value)
    within = errors_within(value)
    return [f"{error}, by {path}" for error, path in within.items() if error not in text]


# ------------------------------------------------------------------------------------------ shapes

SHAPE = re.compile(
    r"\bshapes?\b|\bscalar|\bsizes?\b|``\([^()`]*\)``|\([\w.*\[\]]+(?:, ?[\w.*\[\]]+)+,?\)"
)
ARRAYS = re.compile(r"\b(?:Array|ArrayLike|Numbers)\b")
EXAMPLES = re.compile(r"^ *(?:>>>|\.\.\.) .*(?:\n.+)*", re.MULTILINE)


def takes_arrays(value: Any) -> bool:
    """Whether the types of a function, or of an object's call, speak of arrays."""
    call: Any = getattr(value, "update", None) if inspect.isclass(value) else value
    hints = getattr(inspect.unwrap(call), "__annotations__", {}) if callable(call) else {}
    spoken = [str(hint) for hint in hints.values()]
    return any(ARRAYS.search(hint) for hint in spoken if "Callable" not in hint)


def lacks_shapes(value: Any) -> list[str]:
    """Return ["shapes"] where arrays come or go and nothing is said of their shapes."""
    words = EXAMPLES.sub("", text_of(value))
    return ["shapes"] if takes_arrays(value) and not SHAPE.search(words) else []


# ------------------------------------------------------------------------------------------- units

# The names of times, potentials, resistances and frequencies.
PHYSICAL = re.compile(
    r"(?:tau(?:_\w+)?|dt|time|time_and_\w+|timeout|update_every|[VER](?:_\w+)?|frequency)\Z"
)
UNIT = re.compile(r"\b(?:m?s|seconds|mV|k?Hz|nS|M?Ohm|units?)\b")


def lacks_units(value: Any) -> list[str]:
    """Return the parameters that are physical quantities by their names, of no stated unit."""
    try:
        taken = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return []
    entries = _entries(text_of(value))
    physical = [name for name in taken if PHYSICAL.match(name)]
    return [name for name in physical if not UNIT.search(entries.get(name, ""))]


def _entries(text: str) -> dict[str, str]:
    """Return what is said of each parameter; where it is said twice, all of it."""
    found: dict[str, str] = {}
    for heads, words in re.findall(r"^([*\w, ]+?)(?: :.*)?\n((?: {4}.*\n?)+)", text, re.MULTILINE):
        for name in heads.replace("*", "").split(","):
            found[name.strip()] = found.get(name.strip(), "") + words
    return found


# ----------------------------------------------------------------------------------------- purpose

LONG = 8  # lines, without the docstring


def lacks_purpose(text: str) -> list[str]:
    """Return the private functions in the text of a module that are long and say nothing.

    Those inside other functions, and of names like ``__init__``, are told of by what is around.
    """
    found: list[str] = []
    nodes: list[ast.AST] = [ast.parse(text)]
    while nodes:
        node = nodes.pop()
        if not isinstance(node, ast.FunctionDef):
            nodes += ast.iter_child_nodes(node)
            continue
        private = node.name.startswith("_") and not node.name.startswith("__")
        lines = (node.end_lineno or 0) - node.body[0].lineno + 1
        if private and lines > LONG and not ast.get_docstring(node):
            found.append(node.name)
    return sorted(found)


# ------------------------------------------------------------------------------------------ source


def lacks_source(value: Any) -> list[str]:
    """Return ["References"] where no paper or implementation is named."""
    return [] if "\nReferences\n---" in text_of(value) else ["References"]
