"""The code on each page runs, one block after the other, and prints what they say."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import pytest

from brainlite import environ, nn

DOCS = Path(__file__).parents[2] / "docs"
LOOKING = DOCS / "looking_at_models.md"
FOLDERS = ("how-to", "concepts")
PAGES = [
    *(page for folder in FOLDERS for page in sorted((DOCS / folder).glob("*.md"))),
    # The one on recurrent networks has tests of its own, which compare what it prints.
    *(
        page
        for page in sorted((DOCS / "tutorials").glob("*.md"))
        if page.stem != "recurrent_networks"
    ),
    *(DOCS / f"{name}.md" for name in ("index", "install", "looking_at_models", "semantics")),
]
# What trains computes more than it compiles: XLA is to optimize it, unlike in the other tests.
TRAINING = (
    "long_range",
    "character_transformer",
    "image_classifier",
    "time_series",
    "text_classification",
    "training_a_spiking_network",
    "conductance_network",
)
# What takes longest of all tests; its layers, caches and lanes have tests of their own.
LONGEST = (
    "long_range",
    "character_transformer",
    "ensembles",
    "time_series",
    "text_classification",
    "training_a_spiking_network",
    "conductance_network",
    "image_classifier",
    "many_devices",
    "ported_from_torch",
    "train",
    "save_and_resume",
    "streaming",
    "fine_tune",
    "eight_lines",
    "learning_rates",
)
# What needs eight devices.
DEVICES = ("many_devices",)


@pytest.fixture
def optimized(page: Path) -> Iterator[None]:
    config: Any = jax.config  # untyped in jax
    few = config.read("jax_disable_most_optimizations")
    config.update("jax_disable_most_optimizations", few and page.stem not in TRAINING)
    settings = environ.all()
    yield
    environ.reset()
    environ.set(**settings)
    config.update("jax_disable_most_optimizations", few)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            marks=[
                *[pytest.mark.slow] * (page.stem in LONGEST),
                *[pytest.mark.devices(8)] * (page.stem in DEVICES),
            ],
            id=page.stem,
        )
        for page in PAGES
    ],
)
@pytest.mark.usefixtures("optimized")
def test_the_code_on_the_page_runs(page: Path) -> None:
    run(page)


def test_the_summary_on_the_page_is_what_is_shown() -> None:
    names = run(LOOKING)
    table = repr(nn.summary(names["model"], names["x"]))
    assert f"```text\n{table}\n```" in LOOKING.read_text("utf-8")


@pytest.mark.slow
def test_the_first_steps_print_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = DOCS / "first_steps.md"
    run(page)
    printed = capsys.readouterr().out
    shown: list[str] = re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert len(shown) == 2
    assert [text for text in shown if text not in printed] == []


def run(page: Path) -> dict[str, Any]:
    """Run the code on a page; return its variables."""
    blocks: list[str] = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks:
        if "import brainunit" in block and find_spec("brainunit") is None:
            break  # it and what follows it run in `make test-torch`
        exec(compile(block, str(page), "exec"), names)
    return names
