"""The types: what a user may write is accepted, and mistakes are refused by both checkers.

``accepted/`` holds correct code with ``assert_type``, ``refused/`` a mistake in each marked line.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator

import pytest

from brainlite.errors import BrainliteError
from docs.reference import public_modules
from tests.meta.public_names import read_public_names
from tests.typing.checkers import HERE, ROOT, Findings, announced, compare, run_mypy, run_pyright

ACCEPTED = sorted(HERE.glob("accepted/*.py"))
CANARY = HERE / "refused" / "canary.py"  # what the comparison must complain about
REFUSED = sorted({*HERE.glob("refused/*.py")} - {CANARY})
SHARED = BrainliteError.__init__
CHECKERS = {"mypy": run_mypy, "pyright": run_pyright}


@pytest.fixture(scope="module", params=CHECKERS)
def checked(request: pytest.FixtureRequest) -> tuple[str, Findings]:
    checker: str = request.param
    pytest.importorskip(checker, reason="the checkers are installed for development only")
    return checker, CHECKERS[checker]()


def test_correct_code_is_accepted_with_exact_types(checked: tuple[str, Findings]) -> None:
    checker, found = checked
    assert [each for file in ACCEPTED for each in compare(file, checker, found[file])] == []


def test_every_mistake_is_refused(checked: tuple[str, Findings]) -> None:
    checker, found = checked
    assert [each for file in REFUSED for each in compare(file, checker, found[file])] == []


def test_the_comparison_can_fail(checked: tuple[str, Findings]) -> None:
    checker, found = checked
    assertion, argument = {
        "mypy": ("assert-type", "arg-type"),
        "pyright": ("reportAssertTypeFailure", "reportArgumentType"),
    }[checker]
    assert compare(CANARY, checker, found[CANARY]) == [
        f"canary.py:11: {checker} found {assertion} in correct code",
        f"canary.py:12: {checker} found {argument} in correct code",
        f"canary.py:13: {checker} accepted a mistake",
        f"canary.py:14: {checker} found {argument} instead",
    ]


def test_there_is_enough_to_check() -> None:
    assertions = sum(file.read_text("utf-8").count("assert_type(") for file in ACCEPTED)
    assert assertions >= 400
    for checker in CHECKERS:
        assert sum(len(announced(file, checker)) for file in REFUSED) >= 150


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Spell out each use of an imported name, with the attributes that follow it."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            if first in imported:
                yield imported[first] + dot + rest


def public_callables() -> dict[str, int]:
    """Name every public function and class, with its identity: some have several names."""
    found: dict[str, int] = {}
    for module in public_modules(ROOT / "brainlite"):
        for name in read_public_names(ROOT / "brainlite", module):
            each = getattr(importlib.import_module(module), name)
            # The errors share one signature, that of BrainliteError.
            same = inspect.isclass(each) and getattr(each, "__init__", None) is SHARED
            if (
                callable(each)
                and hasattr(each, "__name__")
                and (not same or each is BrainliteError)
            ):
                found[f"{module}.{name}"] = id(each)
    return found


def test_every_public_callable_occurs_in_correct_code() -> None:
    callables = public_callables()
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in ACCEPTED]
    used = {callables.get(name) for tree in trees for name in dotted_names(tree)}
    assert len(callables) > 190
    assert [name for name, identity in callables.items() if identity not in used] == []
