"""How an object opens: what it prints before, between and after its parts."""

import dataclasses
import functools
import inspect
from collections import deque
from typing import Any, Final, NamedTuple

from brainlite.display._leaf import ATOMS, Verbatim, is_array, leaf_text, safe_repr
from brainlite.display._protocol import Description, Shown, ShownMapping, ShownSequence

LONG: Final = 32  # plain entries that a container may have before it is cut ...
HEAD: Final = 12  # ... to this many
WIDE: Final = 80  # characters up to which plain containers stay on one line ...
SHORT: Final = 32  # ... and more of them where each entry is as short as this
NESTED: Final = 4  # levels of plain containers that may share one line

_SEQUENCES: Final = (list, tuple, set, frozenset, deque)


class ShownItem(NamedTuple):
    """One part of an object: ``W=`` and ``.W`` and the value, or ``'a': `` and ``['a']``."""

    label: str
    part: str
    value: Any


class ShownItems(NamedTuple):
    """An opened object: ``opening``, entries, ``closing``; ``rest`` entries were left out."""

    opening: str
    closing: str
    entries: list[ShownItem]
    rest: int = 0
    has_names: bool = False


def is_displayable(value: object) -> bool:
    """Say whether ``value`` has ``__display__`` (a class that defines it is not displayable)."""
    return hasattr(type(value), "__display__")


def prefers_repr(value: object) -> bool:
    """Say whether the class has a ``__repr__`` of its own, written below its ``__display__``."""
    for base in type(value).__mro__:
        if "__display__" in vars(base):
            return False
        if "__repr__" in vars(base) and not _is_generated(base):
            return True
    return False


def _is_generated(cls: type[Any]) -> bool:
    """Say whether the ``__repr__`` of ``cls`` was written by ``dataclass``."""
    return "__dataclass_fields__" in vars(cls) and hasattr(vars(cls)["__repr__"], "__wrapped__")


def described(value: Any) -> Description:
    """Return what a displayable says of itself, or raise what is wrong with it."""
    shown = value.__display__()
    if isinstance(shown, (Shown, ShownSequence, ShownMapping)):
        return shown
    raise TypeError(
        f"__display__ returned a {type(shown).__name__}, not Shown, ShownSequence or ShownMapping"
    )


def open_displayable(value: object) -> ShownItems:
    """Open an object that has ``__display__``; what is wrong with it is raised."""
    shown = described(value)
    match shown:
        case Shown(name, fields):
            return _with_names(name, list(fields))
        case ShownSequence(name, items):
            return ShownItems(f"{name}([", "])", _numbered(list(items)))
        case ShownMapping(items, name):
            left, right = (f"{name}({{", "})") if name else ("{", "}")
            return ShownItems(left, right, _keyed(list(items)))


def without_defaults(value: object, opened: ShownItems) -> ShownItems:
    """Leave out what an object has by default; what is but a value needs no name."""
    if not opened.has_names:
        return opened
    kind: Any = type(value)
    defaults = _defaults(kind)
    entries = [each for each in opened.entries if not _is_default(each, defaults)]
    if len(entries) == 1 and entries[0].label == "value=":
        entries = [entries[0]._replace(label="")]
    return opened._replace(entries=entries)


@functools.lru_cache(maxsize=1024)
def _defaults(kind: type[Any]) -> dict[str, Any]:
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):  # of a class in C
        return {}
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _is_default(entry: ShownItem, defaults: dict[str, Any]) -> bool:
    default = defaults.get(entry.label.removesuffix("="), defaults)
    if entry.value is default:
        return True
    plain = isinstance(default, (*ATOMS, tuple))
    return plain and type(entry.value) is type(default) and bool(entry.value == default)


def _with_names(name: str, fields: list[tuple[str, Any]]) -> ShownItems:
    entries = [ShownItem(f"{field}=", f".{field}", value) for field, value in fields]
    return ShownItems(f"{name}(", ")", entries, has_names=True)


def _numbered(items: list[Any]) -> list[ShownItem]:
    return [ShownItem("", f"[{index}]", item) for index, item in enumerate(items)]


def _keyed(items: list[tuple[Any, Any]]) -> list[ShownItem]:
    keys = [_key_text(key) for key, _ in items]
    return [
        ShownItem(f"{key}: ", f"[{key}]", value)
        for key, (_, value) in zip(keys, items, strict=True)
    ]


def _key_text(key: object) -> str:
    # A key is a label: one line, and never a whole model.
    text = f"<{type(key).__name__}>" if is_displayable(key) else safe_repr(key)
    return " ".join(text.split()) if "\n" in text else text


def open_plain(value: object) -> ShownItems | None:
    """Open a container of Python's own, or return None for anything else."""
    if isinstance(value, dict):
        return _open_dict(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields: tuple[str, ...] = getattr(value, "_fields", ())
        return _with_names(type(value).__name__, list(zip(fields, value, strict=True)))
    if isinstance(value, _SEQUENCES):
        return _open_sequence(value)
    if isinstance(value, functools.partial):
        return _open_partial(value)
    if dataclasses.is_dataclass(value) and _has_generated_repr(type(value)):
        names = [field.name for field in dataclasses.fields(value) if field.repr]
        return _with_names(type(value).__qualname__, [(n, getattr(value, n)) for n in names])
    return None


def holds_containers(node: ShownItems) -> bool:
    """Say whether an entry of ``node`` is a container too."""
    kinds = (dict, *_SEQUENCES, functools.partial)
    return any(
        isinstance(entry.value, kinds) or dataclasses.is_dataclass(entry.value)
        for entry in node.entries
    )


def _has_generated_repr(cls: type[Any]) -> bool:
    owner = next(base for base in cls.__mro__ if "__repr__" in vars(base))
    return _is_generated(owner)


def _open_dict(value: dict[Any, Any]) -> ShownItems:
    """Open a dict, in the order in which jax counts its arrays."""
    exact = type(value) is dict
    left, right = ("{", "}") if exact else (f"{type(value).__name__}({{", "})")
    items = list(value.items())
    # jax sorts the keys of a dict, not those of an OrderedDict: we print the order of the leaves.
    if exact and _holds_arrays(value.values()):
        try:
            items.sort(key=lambda item: item[0])
        except TypeError:  # keys that do not compare stay as they came
            items = list(value.items())
    rest = _surplus([item for _, item in items])
    return ShownItems(left, right, _keyed(items[:HEAD] if rest else items), rest)


def _open_sequence(value: Any) -> ShownItems:
    items = list(value)
    if isinstance(value, (set, frozenset)):
        items.sort(key=safe_repr)  # the order of a set of strings changes from run to run
    left, right = _brackets(value)
    rest = _surplus(items)
    return ShownItems(left, right, _numbered(items[:HEAD] if rest else items), rest)


def _brackets(value: object) -> tuple[str, str]:
    """Return what stands before and after the items of a sequence or set."""
    cls = type(value)
    if cls is list:
        return "[", "]"
    if cls is tuple:
        return "(", ")"
    if not value:
        return f"{cls.__name__}(", ")"
    if cls is set:
        return "{", "}"
    left, right = ("{", "}") if isinstance(value, (set, frozenset)) else ("[", "]")
    return f"{cls.__name__}({left}", f"{right})"


def _open_partial(value: functools.partial[Any]) -> ShownItems:
    name = "functools.partial" if type(value) is functools.partial else type(value).__name__
    function = ShownItem("", ".func", Verbatim(leaf_text(value.func)))
    arguments = [ShownItem("", f".args[{i}]", item) for i, item in enumerate(value.args)]
    keywords = [ShownItem(f"{k}=", f".keywords[{k!r}]", item) for k, item in value.keywords.items()]
    return ShownItems(f"{name}(", ")", [function, *arguments, *keywords], has_names=True)


def _surplus(items: list[Any]) -> int:
    """Return how many items of a long container of plain ones to leave out."""
    return len(items) - HEAD if len(items) > LONG and all(map(_is_plain, items)) else 0


def _is_plain(value: object, nesting: int = 0) -> bool:
    """Say whether ``value`` is an atom or consists of nothing else."""
    if isinstance(value, ATOMS):
        return True
    if nesting > NESTED or is_displayable(value):
        return False
    if isinstance(value, dict):
        return all(_is_plain(item, nesting + 1) for item in value.values())
    return isinstance(value, _SEQUENCES) and all(_is_plain(item, nesting + 1) for item in value)


def _holds_arrays(values: Any) -> bool:
    """Say whether ``values`` is a pytree of arrays, as far as its first leaves show."""
    waiting, found = list(values), False
    for _ in range(64):
        if not waiting:
            break
        value = waiting.pop()
        if is_array(value):
            found = True
        elif type(value) in (list, tuple, dict):
            waiting.extend(value.values() if isinstance(value, dict) else value)
        elif value is not None and not isinstance(value, (int, float, complex)):
            return False
    return found


def inline(node: ShownItems, nesting: int = 0) -> str | None:
    """Return an opened container on one line if it holds plain atoms only, else None.

    Examples
    --------
    >>> inline(open_plain({"sizes": (3, 4), "mode": "same"}))
    "{'sizes': (3, 4), 'mode': 'same'}"
    >>> inline(open_plain(list(range(1000))))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... 988 more]'
    """
    texts: list[str] = []
    for entry in node.entries:
        text = _inline_entry(entry.value, nesting)
        if text is None:
            return None
        texts.append(entry.label + text)
    if node.rest:
        texts.append(f"... {node.rest} more")
    comma = "," if (node.opening, len(texts)) == ("(", 1) else ""
    text = f"{node.opening}{', '.join(texts)}{comma}{node.closing}"
    flat = all(isinstance(entry.value, ATOMS) for entry in node.entries)
    short = flat and max(map(len, texts), default=0) <= SHORT
    return text if short or len(text) <= WIDE else None


def _inline_entry(value: object, nesting: int) -> str | None:
    if isinstance(value, ATOMS):
        return safe_repr(value)
    if nesting >= NESTED or is_displayable(value):
        return None
    inner = open_plain(value)
    return None if inner is None else inline(inner, nesting + 1)
