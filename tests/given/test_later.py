"""Names that are imported when they are first asked for: the same as the checkers of types see."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Mapping
from types import ModuleType

import pytest

import brainlite
from brainlite import nn
from brainlite._given import later

FACES = [brainlite, nn]


def _under_type_checking(module: ModuleType) -> dict[str, str]:
    """Read of each name where the checkers of types take it from."""
    found: dict[str, str] = {}
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "_typing.TYPE_CHECKING":
            for each in statement.body:
                assert isinstance(each, ast.ImportFrom)
                assert each.module is not None
                place = each.module.removeprefix(module.__name__) or "."
                found.update({alias.name: place for alias in each.names})
    return found


def _table(module: ModuleType) -> dict[str, str]:
    """Read of each name where it is taken from when it is asked for."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "_later":
            places: Mapping[str, str] = ast.literal_eval(call.args[1])
            return {name: place for place, names in places.items() for name in names.split()}
    raise AssertionError


@pytest.mark.parametrize("module", FACES)
def test_the_checkers_of_types_see_the_names_that_come_later_in_the_same_places(
    module: ModuleType,
) -> None:
    assert _table(module) == _under_type_checking(module)


@pytest.mark.parametrize("module", FACES)
def test_every_public_name_is_there_before_and_after_it_was_asked_for(module: ModuleType) -> None:
    listing = f"import {module.__name__} as m; print(*dir(m))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    names: list[str] = module.__all__
    assert set(names) <= set(done.stdout.split())
    for name in names:
        assert getattr(module, name) is getattr(module, name)
        assert name in vars(module)


def test_a_name_that_is_nowhere_is_an_attribute_error_as_without() -> None:
    get, names = later("brainlite.nn", {".": "init", "._layers.linear": "Linear"})
    assert get("init") is nn.init
    assert get("Linear") is nn.Linear
    assert {"Linear", "init"} <= set(names())
    with pytest.raises(AttributeError, match=r"module 'brainlite\.nn' has no attribute 'Linaer'"):
        get("Linaer")
    with pytest.raises(AttributeError, match=r"torch's `cat` is here: `jnp\.concatenate"):
        get("cat")
    with pytest.raises(ImportError, match="cannot import name 'Linaer'"):
        exec("from brainlite.nn import Linaer")


def test_all_names_come_with_a_star() -> None:
    scope: dict[str, object] = {}
    exec("from brainlite.nn import *", scope)
    assert scope["Linear"] is nn.Linear
    assert set(nn.__all__) <= set(scope)
