"""Who may import whom, and what must be tested: lists what breaks the rules of the house.

A *room* is a file or folder directly under the package. Every room has a layer; it imports from
rooms of smaller layers only, so that two rooms of one layer don't see each other. Each function
below takes the package's folder and returns its complaints, one line each, empty when all is well.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LAYERS: Mapping[str, int] = {
    "typing": 0,
    "errors": 0,
    "_jax_compat": 0,
    "_given": 1,
    "environ": 1,
    "display": 1,
    "surrogate": 1,
    "state": 2,
    "graph": 3,
    "random": 3,
    "transform": 4,
    "metrics": 4,
    "nn": 5,
    "optim": 6,
    "distributed": 6,
    "checkpoint": 6,
    "interop": 6,
    "util": 6,
    "__init__": 7,
}

# A room whose files are many has wings, which keep the same rule inside it: folders, lowest first.
WINGS: Mapping[str, Mapping[str, int]] = {
    "transform": {
        "_engine": 0,
        "_compile": 1,
        "_derivatives": 1,
        "_lanes": 1,
        "_flow": 2,
        "_face": 3,
        "__init__": 3,
    },
}

# The file of a room that gathers what other rooms may use of its inside.
INNER_FACE = "_face"

# What holds no code: essays, and lists of names that other tests compare.
NEED_NO_TEST = frozenset({"__init__", INNER_FACE})

# treescope is always installed, but importing it takes longer than the rest of the library.
OPTIONAL_THIRD_PARTIES = frozenset(
    {"IPython", "matplotlib", "optax", "orbax", "rich", "safetensors", "torch", "tqdm", "treescope"}
)

JAX_INTERNALS = ("jax._src", "jax.interpreters", "jax.extend")
JAX_INTERNALS_HOME = "_jax_compat.py"


@dataclass(frozen=True)
class Import:
    """One imported module, as an absolute dotted name, and where the import stands."""

    file: Path
    line: int
    module: str
    binds_package: bool
    in_function: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def find_layer_breaches(package: Path, layers: Mapping[str, int] = LAYERS) -> list[str]:
    """List imports that don't go down, and rooms without a layer."""
    rooms = {_room(file) for file in _files(package)}
    complaints = [f"room {room!r} has no layer: add it to LAYERS" for room in rooms - set(layers)]
    for each in _imports_inside(package):
        source, target = _room(each.file), _room_of_module(each.module)
        if source == target or not {source, target} <= set(layers):
            continue
        if layers[target] >= layers[source]:
            levels = f"layer {layers[source]} imports from layer {layers[target]}"
            complaints.append(f"{each}: {levels}")
    return sorted(complaints)


def find_wing_breaches(package: Path, wings: Mapping[str, Mapping[str, int]] = WINGS) -> list[str]:
    """List imports inside a room that don't go down its wings, and files outside of them."""
    complaints: set[str] = set()
    for file in _files(package):
        if _room(file) in wings and _wing(file.parts[1:]) not in wings[_room(file)]:
            complaints.add(f"{file} is in no wing: move it, or add its folder to WINGS")
    for each in _imports_inside(package):
        room, inside = _room(each.file), each.module.split(".")[1:]
        levels = wings.get(room, {})
        source, target = _wing(each.file.parts[1:]), inside[1] if len(inside) > 1 else "__init__"
        if inside[:1] != [room] or source == target or not {source, target} <= set(levels):
            continue
        if levels[target] >= levels[source]:
            complaints.add(f"{each}: wing {source} imports from wing {target}")
    return sorted(complaints)


def find_private_imports(package: Path) -> list[str]:
    """List imports of a room's inside from another one, which may use its two faces alone."""
    complaints: list[str] = []
    for each in _imports_inside(package):
        _, room, *inside = [*each.module.split("."), "__init__"]
        private = [part for part in inside if part.startswith("_") and part != "__init__"]
        if room != _room(each.file) and private not in ([], [INNER_FACE]):
            complaints.append(f"{each}: use the face of the room, or add the name to {INNER_FACE}")
    return sorted(complaints)


def find_face_imports(package: Path) -> list[str]:
    """List imports of the package's own face, which only its users may import."""
    return sorted(
        f"{each}: name the room instead, as in `from {package.name}.state import State`"
        for each in _imports(package)
        if each.binds_package or each.module == package.name
    )


def find_cycles(package: Path) -> list[str]:
    """List the groups of files that import each other, each as one line."""
    graph: dict[str, set[str]] = {_module(package, file): set() for file in _files(package)}
    for each in _imports_inside(package):
        graph[_module(package, each.file)].add(each.module)
    reached = {module: _reachable(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return [f"import cycle: {', '.join(group)}" for group in sorted(groups)]


def find_missing_tests(package: Path, tests: Path) -> list[str]:
    """List files of the package without a test file of their name, in the folder of its name."""
    complaints: list[str] = []
    for file in _files(package):
        if file.stem not in NEED_NO_TEST:
            folders = [part.lstrip("_") for part in file.parts[:-1]]
            wanted = tests.joinpath(*folders, f"test_{file.name.lstrip('_')}")
            if not wanted.exists():
                complaints.append(f"{file} has no {wanted.relative_to(tests)}")
    return complaints


def find_imports_in_functions(package: Path) -> list[str]:
    """List imports inside functions, those of optional third parties excepted."""
    return sorted(
        f"{each} inside a function"
        for each in _imports(package)
        if each.in_function and each.module.partition(".")[0] not in OPTIONAL_THIRD_PARTIES
    )


def find_doubled_names(package: Path) -> list[str]:
    """List names of functions and classes that mean one thing in one file, another in another.

    Users may meet a name in several modules, as ``save``: what stands on a face is let through,
    unless something of the same name stands on none.
    """
    shown = {
        (_base(node, package, file), alias.name)
        for file in _files(package)
        if _is_open(file)
        for node in ast.walk(_parse(package, file))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes: dict[str, list[tuple[Path, bool]]] = {}
    for file in _files(package):
        for name in sorted(_defined(_parse(package, file))):
            public = _is_open(file) or (_module(package, file), name) in shown
            homes.setdefault(name, []).append((file, public))
    return [
        f"{name} is defined in {', '.join(str(file) for file, _ in files)}: one word for one thing"
        for name, files in sorted(homes.items())
        if len(files) > 1 and not all(public for _, public in files)
    ]


def _is_open(file: Path) -> bool:
    """Say whether users may import from a file: it is no private one."""
    parts = file.with_suffix("").parts
    return not any(part.startswith("_") and part != "__init__" for part in parts)


def _defined(tree: ast.Module) -> set[str]:
    """Return the functions, classes and aliases of types of a file that others may import."""
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        words = [each.id for each in targets if isinstance(each, ast.Name)]
        names += [each for each in words if re.match("[A-Z].*[a-z]", each) and not _varies(node)]
    return {name for name in names if not name.startswith("_")}


def _varies(node: ast.stmt) -> bool:
    """Say whether a variable of types is made, of which each file has its own."""
    return isinstance(node, ast.Assign) and "TypeVar" in ast.unparse(node.value)


def find_jax_internals(package: Path) -> list[str]:
    """List the places that name a JAX internal outside the one file that may."""
    complaints: list[str] = []
    for file in _files(package):
        if str(file) != JAX_INTERNALS_HOME:
            for line, name in _dotted_names(_parse(package, file)):
                if any(f"{name}.".startswith(f"{internal}.") for internal in JAX_INTERNALS):
                    complaints.append(f"{file}:{line} names {name}")
    return sorted(complaints)


def _files(package: Path) -> list[Path]:
    return sorted(file.relative_to(package) for file in package.rglob("*.py"))


def _parse(package: Path, file: Path) -> ast.Module:
    return ast.parse((package / file).read_text(encoding="utf-8"))


def _room(file: Path) -> str:
    return file.parts[0].removesuffix(".py")


def _wing(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py") if parts else "__init__"


def _room_of_module(module: str) -> str:
    _, _, inside = module.partition(".")
    return inside.partition(".")[0] or "__init__"


def _module(package: Path, file: Path) -> str:
    parts = [package.name, *file.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_inside(package: Path) -> Iterator[Import]:
    return (each for each in _imports(package) if each.module.split(".")[0] == package.name)


def _imports(package: Path) -> Iterator[Import]:
    modules = {_module(package, file) for file in _files(package)}
    for file in _files(package):
        tree = _parse(package, file)
        inner = {id(node) for function in _functions(tree) for node in ast.walk(function)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for module, binds_package in _targets(node, package, file, modules):
                    yield Import(file, node.lineno, module, binds_package, id(node) in inner)


def _functions(tree: ast.Module) -> Iterator[ast.AST]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return (node for node in ast.walk(tree) if isinstance(node, kinds))


def _targets(
    node: ast.Import | ast.ImportFrom, package: Path, file: Path, modules: set[str]
) -> Iterator[tuple[str, bool]]:
    """Give each module that a statement imports, and whether it binds the bare package's name."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            # `import brainlite.nn` binds `brainlite`; `import brainlite.nn as nn` does not.
            binds_package = alias.asname is None and alias.name.startswith(f"{package.name}.")
            yield alias.name, binds_package or alias.name == package.name
        return
    base = _base(node, package, file)
    for alias in node.names:
        submodule = f"{base}.{alias.name}"
        # `from brainlite import environ` imports the room, not the face.
        yield submodule if submodule in modules else base, False


def _base(node: ast.ImportFrom, package: Path, file: Path) -> str:
    """Return the module that a statement imports from, as an absolute dotted name."""
    base = node.module or ""
    if not node.level:
        return base
    folder = [package.name, *file.parent.parts]
    parents = folder[: len(folder) - node.level + 1]
    return ".".join([*parents, *([base] if base else [])])


def _dotted_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give every dotted name that the code spells, imports included, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for module in graph.get(waiting.pop(), ()):
            if module not in reached:
                reached.add(module)
                waiting.append(module)
    return reached
