"""The page for those who come from brainstate: every name stands there, once, and is true."""

import importlib
import json
import re
from typing import Any

import pytest

import brainlite
from tests.integration.data.make_brainstate_names import MODULES, PATH, full_name
from tests.integration.data.make_torch_port import PAGE as FROM_TORCH

PAGE = FROM_TORCH.with_name("coming_from_brainstate.md")
TEXT = PAGE.read_text("utf-8")
NAMES: dict[str, list[str]] = json.loads(PATH.read_text("utf-8"))
NAME = re.compile(r"`([\w.]+)`")


def rows(module: str) -> list[tuple[list[str], str, str]]:
    """Read the table of a module: names there, the name here, and what is done instead."""
    section = TEXT.split(f"\n### {module}\n")[1].split("\n###")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [re.split(r" *\| *", line[2:-2]) for line in lines]
    return [(NAME.findall(each[0]), each[1], each[2] if len(each) > 2 else "") for each in cells]


def find(module: str, name: str) -> Any:
    """Return what brainlite has in the place of a name of brainstate."""
    found: Any = brainlite
    for part in [*([] if module == "brainstate" else module.split(".")), *name.split(".")]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_name_stands_there_once(module: str) -> None:
    listed = [name for names, _, _ in rows(module) for name in names]
    assert sorted(listed) == NAMES[module]


@pytest.mark.parametrize("module", MODULES)
def test_what_is_the_same_is_there_and_what_is_not_is_told_what_to_use(module: str) -> None:
    for names, here, how in rows(module):
        if here == "same":
            for name in names:
                find(module, name)
            continue
        assert here != "no" or how
        for name in [] if here == "no" else NAME.findall(here):
            find("brainstate", name)
        for name in names:
            with pytest.raises(AttributeError):
                find(module, name)


def test_names_in_advice_are_there() -> None:
    rooms = ("nn", "transform", "graph", "environ", "optim", "random", "interop", "display")
    told = " ".join(how for module in MODULES for _, _, how in rows(module))
    for name in NAME.findall(told):
        if name.partition(".")[0] in rooms and "." in name:
            find("brainstate", name)


def test_a_name_that_is_not_there_is_found() -> None:
    with pytest.raises(AttributeError):
        find("nn", "no_such_layer")


def test_the_program_runs() -> None:
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), {"__name__": "page"})


def test_code_that_catches_errors_by_their_names_there_holds() -> None:
    with pytest.raises(brainlite.BrainStateError):
        brainlite.environ.set(precision=7)
    assert issubclass(brainlite.errors.RawTransformError, brainlite.BrainStateError)
    assert brainlite.BatchAxisError is brainlite.errors.MapStateError


@pytest.mark.slow
def test_the_names_are_those_of_brainstate() -> None:
    pytest.importorskip("brainstate")
    for module in MODULES:
        there = importlib.import_module(full_name(module))
        assert NAMES[module] == sorted({n for n in there.__all__ if not n.startswith("_")})
