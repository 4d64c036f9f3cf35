"""Each test finds the environment as it was."""

from collections.abc import Iterator

import pytest

from brainlite import environ


@pytest.fixture(autouse=True)
def _settings_as_before() -> Iterator[None]:
    before = environ.all()
    yield
    environ.reset()
    environ.set(**before)
