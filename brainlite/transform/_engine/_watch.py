"""Watching a function from outside while it runs: what it computes on the way comes out.

A watcher is a setting of the environment. So it holds for this thread or task alone, and a function
that was compiled without it is compiled again inside the context, and found again after it. What
a watcher keeps, it writes to a state of its own (:class:`Trail`), which every transform carries out
as it does any state; loops stack it over their steps, and ``vmap`` over its lanes.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from brainlite import environ
from brainlite._jax_compat import no_trace, trace_cell
from brainlite.state import State
from brainlite.state._face import check_raw_write, current_frame

KEY = "_watchers"

StepOfLoop = Callable[[Any, Any], Any]


class Trail(State[Any]):
    """Where a watcher keeps a value: of any shape, written without being read."""

    def __init__(self, name: str) -> None:
        # Made for good, even when a transform is running: it belongs to the watcher.
        self.name = name
        self.tag = None
        self.__frozen__ = False
        self.__sharding__ = None
        self.__held__ = None

    def put(self, value: object) -> None:
        """Write a value of any structure."""
        frame = current_frame.get()
        if frame is not None:
            frame.write(self, value)
            return
        if trace_cell.value is not no_trace:
            check_raw_write(self)
        self.__held__ = value


class Watcher:
    """The base of watchers. Subclasses say what they look at.

    Attributes
    ----------
    trails : dict
        What was kept, by path.
    """

    def __init__(self) -> None:
        self.trails: dict[str, Trail] = {}
        self._known: dict[Any, Any] = {}
        self.repeats: int = 1  # how often the code that is traced now will run, by its loops

    def put(self, path: str, value: object) -> None:
        """Keep a value; of code that may not run there is none to keep."""
        if _may_not_run():
            return
        if path not in self.trails:
            self.trails[path] = Trail(path)
        self.trails[path].put(value)

    def around(self, module: object, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return what runs in place of a call of ``module``."""
        del module
        return call

    def after_step(self) -> None:
        """Look at what a step of a loop has done."""

    def looks_into(self, module: object) -> bool:
        """Say whether the hidden states in a layer that runs a whole sequence are looked at."""
        del module
        return False

    def after_sequence(self, module: object, hidden: Mapping[str, Any]) -> None:
        """Look at the hidden states of such a layer, by name, after each step: (time, ...)."""

    def taken(self) -> dict[str, Any]:
        """Return what was kept in the frame that is running."""
        frame = current_frame.get()
        assert frame is not None
        return {p: frame.values[t] for p, t in self.trails.items() if t in frame.written}

    @contextmanager
    def watching(self) -> Generator[None]:
        """Look at what runs inside."""
        inner = (*watchers(), self)
        # The same object at each time: settings that are no atoms are compared by identity.
        with environ.context(**{KEY: self._known.setdefault(inner, inner)}):
            yield


def watchers() -> tuple[Watcher, ...]:
    """Return who is watching; what is traced now depends on it."""
    found: tuple[Watcher, ...] = environ.get(KEY, ())
    return found


def watch_steps(
    f: StepOfLoop, length: int
) -> tuple[StepOfLoop, Callable[[Any], Any], Callable[[Any], Any]]:
    """Let the watchers look at each step of a loop.

    Returns
    -------
    step : callable
        ``f``, with what was taken beside its ``y``.
    own : callable
        From the ``y`` of ``step`` to that of ``f``.
    end : callable
        The same for the stacked ``ys``; the watchers get what was taken.
    """
    found = watchers()
    if not found:
        return f, _itself, _itself

    def step(carry: object, x: object) -> Any:
        before = [each.repeats for each in found]
        for each in found:
            each.repeats *= length
        try:
            with environ.context(**{KEY: found}):
                out = f(carry, x)
        finally:
            for each, repeats in zip(found, before, strict=True):
                each.repeats = repeats
        if not isinstance(out, tuple) or len(out) != 2:
            return out  # which the loop refuses
        for each in found:
            each.after_step()
        return out[0], (out[1], [each.taken() for each in found])

    def end(ys: Any) -> Any:
        own, taken = ys
        for each, kept in zip(found, taken, strict=True):
            for path, value in kept.items() if length else ():
                each.put(path, value)
        return own

    return step, _first, end


def _may_not_run() -> bool:
    frame = current_frame.get()
    return frame is not None and any(around.conditional for around in frame.ancestry())


def _itself(ys: object) -> Any:
    return ys


def _first(ys: Any) -> Any:
    return ys[0]
