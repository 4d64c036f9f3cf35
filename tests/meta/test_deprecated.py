"""A name that goes warns whoever still uses it, at their own line, and says what to write."""

# Deprecated names are used on purpose here.
# pyright: reportDeprecated=false

import inspect
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typing_extensions import deprecated

from tests.meta.docstrings import described

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@deprecated("use new(x)")
def old(x: int) -> int:
    return x


class Layer:
    @deprecated("write layer(x)")
    def forward(self, x: int) -> int:
        return x


@deprecated("use Layer")
class Module: ...


def deprecated_among(values: dict[str, Any]) -> dict[str, str]:
    """Return what is written instead of each deprecated function, class or method."""
    found: dict[str, str] = {}
    for full, value in values.items():
        members = vars(value) if inspect.isclass(value) else {}
        for name, each in {full: value, **{f"{full}.{n}": m for n, m in members.items()}}.items():
            message = vars(each).get("__deprecated__") if hasattr(each, "__dict__") else None
            found |= {name: message} if message else {}
    return found


def untold(found: dict[str, str], changelog: str) -> list[str]:
    """Return the names that say nothing of what to write, or that the changelog leaves out."""
    told = "\n".join(re.findall(r"^### Deprecated\n(.*?)(?=^##|\Z)", changelog, re.M | re.S))
    return [
        name
        for name, message in found.items()
        if not re.search(r"\b(?:use|write) \w", message) or name.rpartition(".")[2] not in told
    ]


def test_names_that_go_say_what_to_write_and_stand_in_the_changelog() -> None:
    public = {full: name.value for full, name in described().items()}
    assert len(public) > 400
    assert untold(deprecated_among(public), CHANGELOG.read_text("utf-8")) == []


def test_deprecated_names_are_found_wherever_they_are() -> None:
    found = deprecated_among({"old": old, "Layer": Layer, "Module": Module})
    assert found == {"old": "use new(x)", "Layer.forward": "write layer(x)", "Module": "use Layer"}
    text = "### Deprecated\n\n- `old`: `new`.\n\n## 0.1\n\n- `Module`\n- `Layer.forward`\n"
    assert untold(found, text) == ["Layer.forward", "Module"]
    assert untold({"old": "it is old"}, text) == ["old"]


@pytest.mark.parametrize(
    "use",
    [lambda: old(1), lambda: Layer().forward(1), lambda: Module()],
    ids=["f", "method", "class"],
)
def test_the_warning_names_the_line_of_the_caller(use: Callable[[], object]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use()
    assert [each.category for each in caught] == [DeprecationWarning]
    assert caught[0].filename == __file__
    assert caught[0].lineno == inspect.getsourcelines(use)[1]


@pytest.mark.parametrize("module", ["brainlite.nn._layers.linear", "tests.nn.test_table"])
def test_a_use_in_our_own_code_is_an_error(module: str) -> None:
    caller = SimpleNamespace(__name__=module, old=old)
    with pytest.raises(DeprecationWarning, match=re.escape("use new(x)")):
        exec("old(1)", vars(caller))


def test_a_use_in_the_code_of_others_is_none() -> None:
    with pytest.warns(DeprecationWarning, match="use new"):
        exec("old(1)", {"__name__": "theirs", "old": old})
