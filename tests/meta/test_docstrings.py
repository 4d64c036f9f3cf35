"""The docstring of each public function and class says what it takes, gives back, and shows it."""

import inspect
import re
from typing import Any

import pytest
from typing_extensions import is_protocol

from docs.reference import Name, homes, names_of, public_modules

# Their docstrings are a table in the module's, and types explain themselves by what follows them.
OTHERWISE = ("brainlite.errors", "brainlite.typing")
# A class or function that is like another one says so, instead of saying it again.
LIKE = re.compile(r"\b(?:[Pp]arameters|[Aa]rguments|[Aa]s for|[Aa]s in|[Ss]ee)\b[^.]*?:\w+:`")


# What a function returns is made by no user; its page shows it.
RESULT = re.compile(r"\A[^\n]*\bWhat (?::func:`|``|registering)|\A.*?, as :func:`\w+` returns it")


def described() -> dict[str, Name]:
    found = {name.full: name for name in homes(public_modules()).values()}
    return {
        full: name
        for full, name in sorted(found.items())
        if name.module not in OTHERWISE
        and (inspect.isclass(name.value) or inspect.isroutine(name.value))
    }


def lacks(value: Any) -> list[str]:
    """Say which parts are missing from the docstring of a function or a class."""
    text = inspect.getdoc(value) or ""
    if RESULT.search(text) and inspect.isclass(value):
        return []
    like = LIKE.search(text) is not None
    found = {
        "Parameters": any(f"\n{each}\n---" in text for each in ("Parameters", "Attributes"))
        or like
        or not takes_any(value),
        "Returns": "\nReturns\n---" in text or like or inspect.isclass(value) or is_none(value),
        "Examples": ">>> " in text,
    }
    return [part for part, there in found.items() if not there]


def takes_any(value: Any) -> bool:
    if is_protocol(value):  # of which no object is made
        return False
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return False
    return any(name not in ("self", "name") and name[0] != "_" for name in parameters)


def is_none(function: Any) -> bool:
    return getattr(function, "__annotations__", {}).get("return", 0) in (None, "None")


def test_docstrings_are_whole() -> None:
    found = {full: parts for full, name in described().items() if (parts := lacks(name.value))}
    assert found == {}


def untrue(value: Any) -> list[str]:
    """Return the names in a docstring's Parameters that a function or a class does not take."""
    section = re.search(
        r"\nParameters\n-+\n(.*?)(?:\n\n\S|\Z)", inspect.getdoc(value) or "", re.DOTALL
    )
    try:
        taken = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return []
    heads = re.findall(r"^(\S[^:\n]*)", section[1], re.MULTILINE) if section else []
    named = [name.strip().lstrip("*") for head in heads for name in head.split(",")]
    keywords = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    return [name for name in named if name not in taken and not keywords]


def test_docstrings_name_parameters_that_there_are() -> None:
    found = {full: names for full, name in described().items() if (names := untrue(name.value))}
    assert found == {}


def square(x: float, name: str | None = None) -> float:
    """Return the square."""
    return x * x


def cube(x: float) -> float:
    """Return the cube.

    Parameters
    ----------
    x : number

    Returns
    -------
    number

    Examples
    --------
    >>> cube(2.0)
    8.0
    """
    return x**3


class Like:
    """Parameters are those of :class:`Other`.

    >>> Like(3).x
    3
    """

    def __init__(self, x: int) -> None:
        self.x: int = x


@pytest.mark.parametrize(
    ("value", "parts"),
    [(square, ["Parameters", "Returns", "Examples"]), (cube, []), (Like, [])],
)
def test_what_a_docstring_lacks_is_noticed(value: Any, parts: list[str]) -> None:
    assert lacks(value) == parts


def quartic(x: float) -> float:
    """Return the fourth power.

    Parameters
    ----------
    x, y : number
        The base.

    Returns
    -------
    number
    """
    return x**4


def test_a_parameter_that_there_is_not_is_noticed() -> None:
    assert untrue(quartic) == ["y"]
    assert untrue(cube) == untrue(square) == []


def test_every_public_function_and_class_is_looked_at() -> None:
    every = {id(name.value) for module in public_modules() for name in names_of(module)}
    assert {"brainlite.nn.GRUCell", "brainlite.transform.jit"} <= described().keys()
    assert {id(name.value) for name in described().values()} <= every
    assert len(described()) > 400
