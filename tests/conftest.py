"""After every test: no frame is open, no setting is left."""

import os
from collections.abc import Iterator

import jax
import pytest
from hypothesis import settings

from brainlite import environ
from brainlite.graph import _node
from brainlite.state._frame import current_frame

# The tests compile much and compute little: XLA is quicker when it leaves out most optimizations
# and writes loops over elements by itself, without a detour through MLIR. XLA reads the variable
# when it first compiles.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false"
jax.config.update("jax_disable_most_optimizations", True)  # type: ignore[no-untyped-call]  # of jax

# Of the tests that draw examples; `make test-all` asks for the second by --hypothesis-profile.
settings.register_profile("quick", max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=10_000, deadline=None)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run an example once, where layers of a family share what documents them."""
    seen: set[tuple[str, ...]] = set()
    kept: list[pytest.Item] = []
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            example = tuple(each.source for each in item.dtest.examples)
            if example in seen:
                continue
            seen.add(example)
        kept.append(item)
    items[:] = kept


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    settings = environ.all()
    yield
    assert current_frame.get() is None
    assert not _node._open_frames  # pyright: ignore[reportPrivateUsage]
    assert environ.all() == settings
