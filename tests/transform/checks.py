"""What the tests of the transforms compare and count."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
from jax.core import Tracer

from brainlite.graph import Node
from brainlite.state import State
from tests.closeness import assert_close as assert_close
from tests.closeness import assert_same as assert_same
from tests.closeness import plain

_TRACED = "/jax/core/compile/jaxpr_trace_duration"
_COMPILED = "/jax/core/compile/backend_compile_duration"


class Work:
    """What jax has done in a block: how many functions it traced, how many programs compiled."""

    def __init__(self) -> None:
        self.traced = 0
        self.compiled = 0

    def hear(self, event: str, _seconds: float, **_details: str | int) -> None:
        self.traced += event == _TRACED
        self.compiled += event == _COMPILED


@contextmanager
def counted_work() -> Generator[Work]:
    work = Work()
    listener: Any = work.hear  # jax's own type asks for other names of its parameters
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        yield work
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


class Runs:
    """How often the Python code of a function runs: it calls ``add`` at each run."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1

    def of(self, fun: Callable[[], object]) -> int:
        """Return how many runs a call of ``fun`` takes."""
        before = self.count
        fun()
        return self.count - before


def says(problem: str, *, where: str = "", expected: str, got: str, fix: str) -> str:
    """Return the pattern of a message with all its parts; each part given is a pattern, too."""
    head = f"^{where}: .*" if where else ""
    return rf"(?s){head}{problem}.*\n  expected: .*{expected}.*\n  got: .*{got}.*\n  fix: .*{fix}"


def attributes(*nodes: Node) -> list[dict[str, Any]]:
    """Return the attributes of nodes, to see later whether something was set."""
    return [dict(vars(node)) for node in nodes]


def values(*states: State[Any]) -> list[Any]:
    """Return the values of states as they are outside any transform, as numpy arrays."""
    found = [state.value for state in states]
    assert not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(found))
    whole: list[Any] = jax.tree.map(plain, found)
    return whole
