"""After every test in this room: no frame is open, and nothing is watched."""

from collections.abc import Iterator

import pytest

from brainlite.graph import Node
from brainlite.state._frame import current_frame


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    yield
    assert current_frame.get() is None
    assert "__getattribute__" not in vars(Node)
