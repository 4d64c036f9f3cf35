"""Watching a function from outside while it runs: what it computes on the way comes out.

A watcher is a setting of the environment. So it holds for this thread or task alone, and a function
that was compiled without it is compiled again inside the context, and found again after it. What
a watcher keeps, it writes to a state of its own (:class:`Trail`), which every transform carries out
as it does any state; loops stack it over their steps, and ``vmap`` over its lanes. Of a watcher who
wants every n-th step alone, the loop carries the rows that are kept (:class:`Thinned`).
"""

import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from brainlite import environ
from brainlite._jax_compat import jit_switch, no_trace, trace_cell
from brainlite.state import State
from brainlite.state._face import AnyState, check_raw_write, current_frame
from brainlite.transform._engine._lift import lift, one_step, strengthen
from brainlite.transform._engine._origin import origin_of
from brainlite.typing import PyTree

KEY = "_watchers"

StepOfLoop: TypeAlias = Callable[[PyTree, PyTree], PyTree]


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
    every : int
        Of how many steps of a loop one is kept.
    """

    every: int = 1

    def __init__(self) -> None:
        self.trails: dict[str, Trail] = {}
        self._known: dict[tuple[Watcher, ...], tuple[Watcher, ...]] = {}
        self.repeats: int = 1  # how often the code that is traced now will run, by its loops

    def put(self, path: str, value: object) -> None:
        """Keep a value; of code that may not run there is none to keep."""
        if _may_not_run():
            return
        if path not in self.trails:
            self.trails[path] = Trail(path)
        self.trails[path].put(value)

    def around(self, module: object, call: Callable[..., object]) -> Callable[..., object]:
        """Return what runs in place of a call of ``module``."""
        del module
        return call

    def after_step(self) -> None:
        """Look at what a step of a loop has done."""

    def looks_into(self, module: object) -> bool:
        """Say whether the hidden states in a layer that runs a whole sequence are looked at."""
        del module
        return False

    def after_sequence(self, module: object, hidden: Mapping[str, object]) -> None:
        """Look at the hidden states of such a layer, by name, after each step: (time, ...)."""

    def taken(self) -> dict[str, object]:
        """Return what was kept in the frame that is running."""
        frame = current_frame.get()
        assert frame is not None
        return {p: frame.values[t] for p, t in self.trails.items() if t in frame.written}

    def forget(self) -> None:
        """Forget what was kept in the frame that is running."""
        frame = current_frame.get()
        assert frame is not None
        for trail in self.trails.values():
            frame.written.pop(trail, None)
            frame.values.pop(trail, None)

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


class WatchedLoop(NamedTuple):
    """A loop whose steps are watched.

    Attributes
    ----------
    step : callable
        The body, with what was taken beside its ``y``.
    own : callable
        From the ``y`` of ``step`` to that of the body.
    end : callable
        The same for the stacked ``ys``; the watchers get what was taken.
    """

    step: StepOfLoop
    own: Callable[[PyTree], PyTree]
    end: Callable[[PyTree], PyTree]


def watch_steps(
    f: StepOfLoop, init: object, xs: object, length: int, reverse: bool = False
) -> WatchedLoop:
    """Let the watchers look at each step of a loop, or at every n-th as they ask for."""
    found = watchers()
    if not found:
        return WatchedLoop(f, _itself, _itself)
    look = functools.partial(_look, found, f, length)
    thinned: list[Thinned | None] = [None] * len(found)
    if length and not jit_switch.value and any(each.every > 1 for each in found):
        thinned = _places(look, found, f, init, xs, length, reverse)

    def step(carry: object, x: object) -> PyTree:
        out, taken, fresh = look(carry, x)
        if taken is None:
            return out  # which the loop refuses
        for kept, values in zip(thinned, fresh, strict=True):
            if kept is not None:
                kept.put(values)
                values.clear()
        return out[0], (out[1], taken, fresh)

    def end(ys: PyTree) -> PyTree:
        own, *stacked = ys
        for each, kept, taken, fresh in zip(found, thinned, *stacked, strict=True):
            # Where nothing was kept apart, as under `jax.disable_jit`, all steps are there.
            chosen = jax.tree.map(lambda leaf, n=each.every: leaf[::n], fresh)
            chosen = chosen if kept is None else kept.rows()
            for path, value in {**taken, **chosen}.items() if length else ():
                each.put(path, value)
        return own

    return WatchedLoop(step, _first, end)


def _look(
    found: Sequence[Watcher], f: StepOfLoop, length: int, carry: object, x: object
) -> tuple[PyTree, PyTree, PyTree]:
    """Take a step: what it returns, what loops in it have taken, and what it has taken itself."""
    before = [each.repeats for each in found]
    for each in found:
        each.repeats *= length
        each.forget()  # under `jax.disable_jit` the steps share a frame
    try:
        with environ.context(**{KEY: found}):
            out = f(carry, x)
    finally:
        for each, repeats in zip(found, before, strict=True):
            each.repeats = repeats
    if not isinstance(out, tuple) or len(out) != 2:
        return out, None, None
    taken = [each.taken() for each in found]
    for each in found:
        each.after_step()
    after = [each.taken() for each in found]
    fresh = [
        {path: value for path, value in all_of_it.items() if path not in inner}
        for inner, all_of_it in zip(taken, after, strict=True)
    ]
    return out, taken, fresh


def _places(
    look: Callable[[object, object], tuple[PyTree, object, object]],
    found: Sequence[Watcher],
    f: StepOfLoop,
    init: object,
    xs: object,
    length: int,
    reverse: bool,
) -> list["Thinned | None"]:
    """Return where every n-th step is kept; a trace says of what types the values are."""

    def types(carry: object, x: object) -> PyTree:
        return look(carry, x)[2]

    args = (strengthen(init), one_step(xs))
    fresh: PyTree = lift(types, args, label="scan", origin=origin_of(f, *args)).out_types
    return [
        Thinned(kinds, length, each.every, reverse) if each.every > 1 else None
        for each, kinds in zip(found, fresh or [{}] * len(found), strict=True)
    ]


class Thinned:
    """Every n-th of the values that a loop takes, counted from the first of ``xs``.

    They are states, which any transform carries along with the loop: each step writes its row in
    place, and the row of a step that is not kept is written over by the next.
    """

    def __init__(self, kinds: PyTree, length: int, every: int, reverse: bool) -> None:
        self._length = length
        self._every = every
        self._reverse = reverse
        self._count = -(-length // every)
        # The row behind the last is for the steps after the last that is kept.
        self._rows: AnyState = State(
            jax.tree.map(lambda k: jnp.zeros((self._count + 1, *k.shape), k.dtype), kinds)
        )
        self._done = State(jnp.zeros((), jnp.int32))

    def put(self, values: PyTree) -> None:
        """Write the values of a step."""
        done = self._done.value
        self._done.value = done + 1
        step = self._length - 1 - done if self._reverse else done
        # The last step that writes a row stays in it.
        row = jax.lax.div(step if self._reverse else step + self._every - 1, self._every)

        def write(rows: jax.Array, value: PyTree) -> PyTree:
            value = jnp.asarray(value, rows.dtype)
            return jax.lax.dynamic_update_index_in_dim(rows, value, row, 0)

        self._rows.value = jax.tree.map(write, self._rows.value, dict(values))

    def rows(self) -> PyTree:
        """Return what was kept, stacked."""
        return jax.tree.map(lambda rows: rows[: self._count], self._rows.value)


def _may_not_run() -> bool:
    frame = current_frame.get()
    return frame is not None and any(around.conditional for around in frame.ancestry())


def _itself(ys: object) -> object:
    return ys


def _first(ys: PyTree) -> PyTree:
    return ys[0]
