"""Writes the pages of the API reference: every name of every public module, from its docstring.

The modules say by ``__all__`` what is public, so no name can be forgotten. A name that several
modules have stands where it is at home, and the others point there.
"""

import ast
import importlib
import inspect
import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

# What a module's docstring says to those who work on it, and not to those who use it.
INTERNAL = ("The rooms", "How it is kept", "The cases it guards")
# The rooms inside nn, each on a page of its own, in the order of the reference.
ROOMS = {
    "_modules": "Modules and containers",
    "_layers": "Layers",
    "_recurrent": "Recurrent networks",
    "_dynamics": "Dynamics",
    "_attention": "Attention and transformers",
    "_data": "Data and progress",
    "_looking": "Looking at a model",
}
PACKAGE = Path(__file__).parents[1] / "brainlite"
LONG = 30  # characters of a default in a signature
MANY = 12  # names on a page without headings
# Classes whose methods are those of their bases, which are private.
WHOLE = ("brainlite.nn.Module", "brainlite.graph.Node", "brainlite.optim.Optimizer")


class Name(NamedTuple):
    """A public name."""

    module: str
    name: str
    value: object
    source: str  # the module that defines it

    @property
    def full(self) -> str:
        """The name as a user writes it."""
        return f"{self.module}.{self.name}"


def public_modules(package: Path = PACKAGE) -> list[str]:
    """Return the modules that a user may import, by name: no part of it is private."""
    files = (file.relative_to(package.parent).with_suffix("") for file in package.rglob("*.py"))
    names = (".".join(file.parts[:-1] if file.name == "__init__" else file.parts) for file in files)
    return sorted(name for name in names if "._" not in name)


def names_of(module: str) -> list[Name]:
    """Return the public names of a module, but for modules."""
    loaded = importlib.import_module(module)
    found: list[Name] = []
    for name in getattr(loaded, "__all__", ()):
        value = getattr(loaded, name)
        if not isinstance(value, ModuleType) and name != "__version__":
            source = getattr(value, "__module__", None)
            inside = isinstance(source, str) and source.startswith("brainlite")
            found.append(Name(module, name, value, str(source) if inside else module))
    return found


def homes(modules: list[str]) -> dict[int, Name]:
    """Return, for each public object, the name under which it is described: the most exact one."""
    found: dict[int, Name] = {}
    for module in sorted(modules, key=lambda each: -each.count(".")):
        for name in names_of(module):
            found.setdefault(id(name.value), name)
    return found


def write_reference(folder: Path) -> list[Path]:
    """Write all pages into a folder, which is made anew; return them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    modules = public_modules()
    at_home = homes(modules)
    pages = {page: text for module in modules for page, text in _pages(module, at_home)}
    entries = "\n   ".join(pages)
    pages["index"] = _INDEX.format(table=_modules_table(modules), entries=entries)
    for page, text in pages.items():
        (folder / f"{page}.rst").write_text(text, "utf-8")
    return [folder / f"{page}.rst" for page in pages]


_INDEX = """\
API reference
=============

Every public name, under the module that a program imports it from. All examples run, with
``import brainlite`` and ``import jax.numpy as jnp`` before them.

{table}

.. toctree::
   :hidden:

   {entries}
"""


def _pages(module: str, at_home: dict[int, Name]) -> Iterator[tuple[str, str]]:
    """Yield the pages of a module: one, or for nn one for each of its rooms besides."""
    names = names_of(module)
    rooms = {room: [n for n in names if f".{room}." in f"{n.source}."] for room in ROOMS}
    rooms = {room: found for room, found in rooms.items() if found and module == "brainlite.nn"}
    placed = {n.name for found in rooms.values() for n in found}
    rest = [n for n in names if n.name not in placed]
    text = _heading(module, "=") + f".. py:module:: {module}\n\n" + _essay(module)
    for room, found in rooms.items():
        text += _heading(ROOMS[room], "-") + f":doc:`{module}{room}`\n\n" + _table(found, at_home)
    yield module, text + _described(rest, at_home)
    for room, found in rooms.items():
        title = _heading(f"nn: {ROOMS[room]}", "=") + f".. currentmodule:: {module}\n\n"
        yield module + room, title + _described(found, at_home)


def _described(names: list[Name], at_home: dict[int, Name]) -> str:
    """Return the descriptions of names, under a heading for each file if they are many."""
    if not names:
        return ""
    if len(names) <= MANY:
        return _table(names, at_home) + "".join(_entry(name, at_home) for name in names)
    text = ""
    sources = dict.fromkeys(name.source for name in names)
    for source in sorted(sources, key=lambda each: (each.count("."), each)):
        here = [name for name in names if name.source == source]
        loaded = importlib.import_module(source)
        if source != here[0].module:
            text += _heading(
                source.rpartition(".")[2].strip("_").replace("_", " ").capitalize(), "-"
            )
            text += (inspect.getdoc(loaded) or "").partition("\n\n")[0] + "\n\n"
        text += _table(here, at_home) + "".join(_entry(name, at_home) for name in here)
    return text


def _entry(name: Name, at_home: dict[int, Name]) -> str:
    """Return the directive that describes a name."""
    home = at_home.get(id(name.value), name)
    if home.full != name.full:
        place = f".. py:data:: {name.name}\n   :module: {name.module}\n\n"
        return f"{place}   The same as :any:`{home.full}`.\n\n"
    if inspect.isclass(name.value):
        members = "   :members:\n"
        members += "   :inherited-members: object\n" * (name.full in WHOLE)
        return f".. autoclass:: {name.full}\n{members}\n"
    kind = "function" if inspect.isroutine(name.value) else "data"
    return f".. auto{kind}:: {name.full}\n\n"


def _table(names: list[Name], at_home: dict[int, Name]) -> str:
    """Return a table of names with the first sentence of each."""
    rows = [
        f"   * - :any:`{name.name} <{at_home.get(id(name.value), name).full}>`\n"
        f"     - {_summary(name)}"
        for name in names
    ]
    return ".. list-table::\n   :widths: 30 70\n\n" + "\n".join(rows) + "\n\n"


def _modules_table(modules: list[str]) -> str:
    rows = [
        f"   * - :doc:`{module}`\n     - {_first_line(inspect.getdoc(loaded))}"
        for module, loaded in zip(modules, map(importlib.import_module, modules), strict=True)
    ]
    return ".. list-table::\n   :widths: 30 70\n\n" + "\n".join(rows) + "\n"


def _summary(name: Name) -> str:
    return _first_line(comment_of(name.full) or inspect.getdoc(name.value))


def comment_of(full: str) -> str:
    """Return the string that follows the assignment of a constant or an alias."""
    module, _, name = full.rpartition(".")
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for one, following in itertools.pairwise(tree.body):
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        if any(isinstance(each, ast.Name) and each.id == name for each in targets):
            match following:
                case ast.Expr(ast.Constant(str(text))):
                    return inspect.cleandoc(text)
                case _:
                    return ""
    return ""


def _first_line(text: str | None) -> str:
    return _starred((text or "").strip().partition("\n\n")[0].replace("\n", " "))


def readable(lines: list[str], full: str) -> list[str]:
    """Return the lines of a docstring as Sphinx has to get them.

    A star before a name, as in ``(batch, *spatial)``, begins no emphasis; footnotes are numbered
    for each docstring, and many of these make a page.
    """
    label = full.replace(".", "-")
    text = "\n".join(lines)
    text = re.sub(r"(?<!\w)\[(\d+)\](?=_|[ \n])", rf"[#{label}-\1]", text)
    return [
        line if line.lstrip().startswith((">>>", "...")) else _starred(line)
        for line in text.split("\n")
    ]


def _starred(line: str) -> str:
    parts = re.split(r"(``.*?``|`.*?`)", line)
    parts[::2] = [re.sub(r"(?<![\w*\\])\*(?=\w+(?:[,)\s]|$))", r"\\*", part) for part in parts[::2]]
    return "".join(parts)


def signature_of(value: object) -> str | None:
    """Return the parameters of something that can be called, with short defaults and no types."""
    try:
        found = inspect.signature(value)  # type: ignore[arg-type]  # what cannot be called raises
    except (TypeError, ValueError):
        return None
    parameters = [
        each.replace(annotation=each.empty, default=_Short.of(each.default))
        for each in found.parameters.values()
    ]
    return str(found.replace(parameters=parameters, return_annotation=found.empty))


class _Short(str):
    """A default as it is written: without quotes of its own."""

    __slots__ = ()
    __repr__ = str.__str__

    @classmethod
    def of(cls, default: object) -> object:
        """Return something whose repr fits into a signature."""
        if default is inspect.Parameter.empty:
            return default
        if inspect.isclass(default) or inspect.isroutine(default):
            return cls(default.__name__)
        text = repr(default)
        return cls(
            text if len(text) <= LONG and "\n" not in text else f"{type(default).__name__}()"
        )


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


def _essay(module: str) -> str:
    """Return a module's docstring without what only those need who work on it."""
    text = inspect.getdoc(importlib.import_module(module)) or ""
    parts = re.split(r"^(?=[^\n]+\n-{3,}\n)", text, flags=re.MULTILINE)
    kept = [part for part in parts if not part.startswith(INTERNAL)]
    return "".join(map(_demoted, kept)).strip() + "\n\n"


def _demoted(part: str) -> str:
    """Make a heading within a docstring a line in bold: the page's headings are its own."""
    return re.sub(r"\A([^\n]+)\n-{3,}\n", r".. rubric:: \1\n\n", part)
