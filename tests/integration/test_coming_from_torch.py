"""The page for those who come from torch: its names are there, and its network is carried over."""

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from tests.integration.data import make_torch_port as port

TEXT = port.PAGE.read_text(encoding="utf-8")
NAME = re.compile(r"`([\w.]+)`")


class Row(NamedTuple):
    """A line of a table: names there, names here, and what differs."""

    theirs: list[str]
    ours: list[str]
    note: str


def rows(title: str) -> list[Row]:
    """Read the tables below a heading of the second level."""
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if "| " in line]
    body = [each for each in cells if each[0] != title]
    assert all(len(each) == 3 and each[1] and each[2] for each in body)
    return [Row(NAME.findall(a), NAME.findall(b), note) for a, b, note in body]


CLASSES, FUNCTIONS = rows("torch.nn"), rows("torch.nn.functional")


def find(name: str) -> Any:
    """Return what a name of the page stands for: of jax, or brainlite, or brainlite.nn."""
    roots = {"jax": jax, "jnp": jnp, "brainlite": brainlite}
    first, *rest = name.split(".")
    found = roots[first] if first in roots else getattr(nn, first)
    for part in rest:
        found = getattr(found, part)
    return found


def names(table: list[Row]) -> list[str]:
    return [name for row in table for name in row.theirs]


def in_torch(module: Any) -> Iterator[str]:
    for name, each in vars(module).items():
        if inspect.isclass(each) and not name.startswith("_"):
            yield name


@pytest.mark.parametrize("table", [CLASSES, FUNCTIONS], ids=["classes", "functions"])
def test_every_name_on_the_right_is_there_and_each_on_the_left_stands_once(
    table: list[Row],
) -> None:
    for row in table:
        dotted = [
            name for name in NAME.findall(row.note) if re.match(r"(jax|jnp|brainlite)\.", name)
        ]
        for name in (*row.ours, *dotted):
            find(name)
    assert len(names(table)) == len({*names(table)})


def test_a_name_of_both_is_not_left_out() -> None:
    # RNNCell is another thing here.
    for row in CLASSES:
        assert {*row.theirs} & {*nn.__all__} - {"RNNCell"} <= {*row.ours}, row
    for row in FUNCTIONS:
        ours = {f"functional.{name}" for name in {*row.theirs} & {*nn.functional.__all__}}
        assert ours <= {*row.ours}, row


def test_a_name_that_is_not_there_is_found() -> None:
    with pytest.raises(AttributeError, match="LazyLinear"):
        find("LazyLinear")


def run(*blocks: str, **names: Any) -> dict[str, Any]:
    for block in blocks:
        exec(compile(block, str(port.PAGE), "exec"), names)
    return names


def test_the_network_is_carried_over() -> None:
    stored = dict(np.load(port.PATH))
    given = {name: stored.pop(name) for name in ("images", "expected")}
    left = run(*port.blocks()[1:], entries=stored, **given)
    assert left["output"].shape == (3, 10)


@pytest.mark.slow
def test_the_page_has_every_class_of_torch_and_its_network_runs() -> None:
    torch: Any = pytest.importorskip("torch")
    # Two of the page's models on many devices live elsewhere.
    parallel = importlib.import_module("torch.nn.parallel").DistributedDataParallel
    sharded = importlib.import_module("torch.distributed.fsdp").FullyShardedDataParallel
    theirs = [*in_torch(torch.nn), parallel.__name__, sharded.__name__]
    assert sorted(names(CLASSES)) == sorted(theirs)
    functional = importlib.import_module("torch.nn.functional")
    assert [name for name in names(FUNCTIONS) if not hasattr(functional, name)] == []
    run(*port.blocks())
