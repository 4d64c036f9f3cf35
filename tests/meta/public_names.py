"""Finds public names without documentation by reading the source, without importing anything.

A function or class is documented by its docstring; an alias or constant by the string that follows
its assignment; a bound method in its class; a module by its docstring; a name from elsewhere by
whoever made it.
"""

import ast
import functools
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path


def read_public_names(package: Path, module: str) -> list[str]:
    """Read a module's `__all__`; a module without one offers nothing."""
    for statement, _ in _statements(_parse(package, module).body):
        if "__all__" in _assigned_names(statement):
            assert isinstance(statement, ast.Assign | ast.AnnAssign)
            assert statement.value is not None
            return [str(name) for name in ast.literal_eval(statement.value)]
    return []


def is_documented(package: Path, module: str, name: str) -> bool:
    """Whether a module's public name has documentation, wherever it is defined."""
    if _file(package, f"{module}.{name}") is not None:
        return ast.get_docstring(_parse(package, f"{module}.{name}")) is not None
    return any(
        _documents(package, module, name, statement, following)
        for statement, following in _statements(_parse(package, module).body)
    )


def _documents(
    package: Path, module: str, name: str, statement: ast.stmt, following: ast.stmt | None
) -> bool:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name == name and ast.get_docstring(statement) is not None
        case ast.ImportFrom():
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    source = _source(package, module, statement)
                    inside = source.partition(".")[0] == package.name
                    return not inside or is_documented(package, source, alias.name)
            return False
        case ast.Import():
            return any((alias.asname or alias.name) == name for alias in statement.names)
        case ast.Assign(value=ast.Name(id=original)) if name in _assigned_names(statement):
            # A second name for something is documented where the first one is.
            return _is_string(following) or is_documented(package, module, original)
        case (
            ast.Assign(value=ast.Attribute(attr=method))
            | ast.AnnAssign(value=ast.Attribute(attr=method))
        ) if name in _assigned_names(statement):
            # A bound method is documented in its class, which stands in a file of the same room.
            file = _file(package, module)
            assert file is not None
            return _is_string(following) or method in _documented_methods(file.parent)
        case _:
            return name in _assigned_names(statement) and _is_string(following)


@functools.cache
def _documented_methods(folder: Path) -> frozenset[str]:
    """Name the methods with a docstring, and those that are another name of such a method."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in folder.glob("*.py"))
    classes = (node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef))
    found: set[str] = set()
    for statement in (statement for each in classes for statement in each.body):
        match statement:
            case ast.FunctionDef(name=name) if ast.get_docstring(statement):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=original)):
                found |= {name} if original in found else set()
            case _:
                pass
    return frozenset(found)


def _source(package: Path, module: str, statement: ast.ImportFrom) -> str:
    """Name the module that a from-import takes from."""
    if not statement.level:
        return statement.module or ""
    file = _file(package, module)
    is_folder = file is not None and file.name == "__init__.py"
    parents = module.split(".")
    parents = parents[: len(parents) - statement.level + is_folder]
    return ".".join([*parents, *([statement.module] if statement.module else [])])


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Give each statement with the one after it, those under `if` and `try` included."""
    for statement, following in zip_longest(body, body[1:]):
        yield statement, following
        if isinstance(statement, ast.If):
            yield from _statements(statement.body)
            yield from _statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            yield from _statements(statement.body)
            for handler in statement.handlers:
                yield from _statements(handler.body)


def _assigned_names(statement: ast.stmt) -> list[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_string(statement: ast.stmt | None) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _file(package: Path, module: str) -> Path | None:
    path = package.parent.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _parse(package: Path, module: str) -> ast.Module:
    file = _file(package, module)
    assert file is not None, f"no module {module}"
    return ast.parse(file.read_text(encoding="utf-8"))
