"""What the tests of the transforms compare and count."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from brainlite.graph import Node
from brainlite.state import State

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


def assert_same(actual: Any, expected: Any) -> None:
    """Compare two pytrees bit for bit; arrays of random keys, too."""
    jax.tree.map(lambda a, e: np.testing.assert_array_equal(_plain(a), _plain(e)), actual, expected)


def assert_close(actual: Any, expected: Any, rtol: float = 1e-5) -> None:
    """Compare two pytrees up to rounding; whole numbers and random keys exactly."""

    def compare(a: Any, e: Any) -> None:
        plain = _plain(e)
        if np.issubdtype(plain.dtype, np.floating):
            np.testing.assert_allclose(_plain(a), plain, rtol=rtol, atol=rtol)
        else:
            np.testing.assert_array_equal(_plain(a), plain)

    jax.tree.map(compare, actual, expected)


def _plain(leaf: Any) -> np.ndarray[Any, Any]:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf))
    return np.asarray(leaf)


def attributes(*nodes: Node) -> list[dict[str, Any]]:
    """Return the attributes of nodes, to see later whether something was set."""
    return [dict(vars(node)) for node in nodes]


def values(*states: State[Any]) -> list[Any]:
    """Return the values of states as they are outside any transform, as numpy arrays."""
    found = [state.value for state in states]
    assert not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(found))
    plain: list[Any] = jax.tree.map(_plain, found)
    return plain
