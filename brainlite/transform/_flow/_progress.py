"""A progress bar for compiled loops: ``ProgressBar``."""

import importlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, SupportsInt, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import shape_struct
from brainlite.errors import OptionError
from brainlite.transform._engine._plain import Step
from brainlite.typing import PyTree

BarText: TypeAlias = str | tuple[str, Callable[[dict[str, object]], dict[str, object]]]

_INTERVAL = 0.1  # seconds between two updates, as tqdm has

# Its carry, how many of its steps are done, and at how many to report.
_Loop: TypeAlias = tuple[PyTree, jax.Array, jax.Array]

_UPDATES = 20  # where neither freq nor count is given, as in brainstate: one for each 5 %


class ProgressBar:
    """A bar that shows how far a loop is, also while it runs compiled.

    Pass it to ``scan``, ``for_loop`` or their checkpointed kin as ``pbar=``. It needs ``tqdm``
    (``pip install brainlite[progress]``).

    Parameters
    ----------
    freq : int, optional
        The number of steps between two updates.
    count : int, optional
        The number of updates, in place of ``freq``; about 20 if neither is given. Where the updates
        do not cut the loop evenly, its body is traced and compiled once more for the rest.
    desc : str, or (str, callable), optional
        The text before the bar; or a format and a function that makes its fields from a
        dict with ``"i"``, the number of the step, ``"carry"`` and ``"y"``, what this step
        returned. The function is traced.
    **kwargs
        For ``tqdm``, such as ``leave=False``. Updates that come sooner than ``mininterval`` (0.1)
        seconds after the last one that was shown are left out, other than the last of the loop.

    Raises
    ------
    OptionError
        Both ``freq`` and ``count`` are given, or one that is not positive.
    ImportError
        ``tqdm`` is not installed.

    Examples
    --------
    >>> ProgressBar(freq=10)  # doctest: +SKIP
    ProgressBar(freq=10)
    >>> ProgressBar(desc=("step {i}, loss {y:.3f}", lambda now: now))  # doctest: +SKIP
    """

    def __init__(
        self,
        freq: int | None = None,
        count: int | None = None,
        desc: BarText | None = None,
        **kwargs: object,
    ) -> None:
        _check_numbers(freq, count)
        self.freq: int | None = freq
        self.count: int | None = count
        self.desc: BarText | None = desc
        self.kwargs: dict[str, Any] = kwargs
        _tqdm()  # where it is missing, say so here and not from compiled code

    def _options(self) -> tuple[object, ...]:
        return self.freq, self.count, self.desc, self.kwargs

    # Equal options make equal bars, so that a loop compiled with another such bar is found again.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProgressBar) and self._options() == other._options()

    def __hash__(self) -> int:
        return hash((self.freq, self.count, self.desc))

    def __repr__(self) -> str:
        given = {"freq": self.freq, "count": self.count, "desc": self.desc, **self.kwargs}
        shown = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return f"ProgressBar({', '.join(shown)})"

    def steps_per_update(self, length: int) -> int:
        """Return how many steps of a loop lie between two updates, the last one excepted."""
        if self.freq is not None:
            return min(self.freq, length)
        if self.count is not None:
            return math.ceil(length / min(self.count, length))
        # An even cut, if there is one nearby: then nothing is compiled twice.
        near = sorted(range(_UPDATES // 2, 2 * _UPDATES), key=lambda n: abs(n - _UPDATES))
        count = next((n for n in near if length % n == 0), min(_UPDATES, length))
        return math.ceil(length / count)

    def fields(self, step: object, carry: object, y: object) -> dict[str, object]:
        """Return the fields of the description."""
        if not isinstance(self.desc, tuple):
            return {}
        return self.desc[1]({"i": step, "carry": carry, "y": y})

    def opened(self, total: int) -> "_Running":
        """Return a bar of ``tqdm`` for a loop of so many steps."""
        interval: float = self.kwargs.get("mininterval", _INTERVAL)
        return _Running(_tqdm()(**{"total": total, **self.kwargs}), interval)

    def text(self, total: int, fields: dict[str, object] | None) -> str | None:
        """Return the description; None where it needs fields that there are none of yet."""
        if isinstance(self.desc, tuple):
            return None if fields is None else self.desc[0].format(**fields)
        return f"Running for {total} iterations" if self.desc is None else self.desc


# By what a report is known by, and not in the bar that the user made: a loop that was compiled for
# an equal bar reports to that one.
_running: dict[tuple[ProgressBar, int], "_Running"] = {}
_lock = threading.Lock()


class _Running:
    """A bar that is open, and when it was shown last."""

    def __init__(self, bar: Any, interval: float) -> None:
        self.bar = bar
        self._interval = interval
        self._shown = -math.inf
        self._then = 0  # how many steps were done at that time
        self._ahead = 0.0  # how many steps will be done until it is time again

    def is_due(self, done: int) -> bool:
        """Say whether it is time to show the bar anew, which then counts as done."""
        now = time.monotonic()
        since = now - self._shown
        speed = (done - self._then) / max(since, 1e-9)
        due = since >= self._interval
        if due:
            self._shown, self._then = now, done
        self._ahead = speed * (self._interval - (0.0 if due else since))
        return due

    def next_due(self, done: int) -> int:
        """Return after how many steps to ask again: not so many that a slower loop stands still."""
        return done + int(min(self._ahead, done))


class _Report:
    """What compiled code calls; equal to another for an equal bar and loop.

    It is told how many steps are done, and answers at how many it is to be called again.
    """

    def __init__(
        self, pbar: ProgressBar, total: int, words: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        self._key = (pbar, total)
        self._words = words  # the fields that are the same at each call: no arrays

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Report):
            return False
        return self._key == other._key and self._words == other._words

    def __hash__(self) -> int:
        return hash(self._key)

    def __call__(self, done: SupportsInt, fields: dict[str, object]) -> np.int32:
        with _lock:
            due = self._show(int(done), {**fields, **self._words})
        return np.int32(min(due, self._key[1]))  # steps are counted in 32 bits

    def _show(self, done: int, fields: dict[str, object]) -> int:
        """Move the bar to ``done`` steps. It opens at 0 and closes at the last step."""
        pbar, total = self._key
        running = _running.get(self._key)
        if running is None or done == 0:
            if running is not None:  # of a loop that failed
                running.bar.close()
            running = _running[self._key] = pbar.opened(total)
        elif done < total and not running.is_due(done):
            return running.next_due(done)
        text = pbar.text(total, jax.device_get(fields) if done else None)
        if text is not None:
            running.bar.set_description_str(text, refresh=False)
        # Absolute, as under vmap it is called for each lane.
        running.bar.update(done - running.bar.n)
        if done == total:
            running.bar.close()
            del _running[self._key]
        return running.next_due(done)


def scan_with_progress(
    scan: Callable[..., tuple[PyTree, PyTree]],
    pbar: ProgressBar | int,
    f: Step,
    init: object,
    xs: object,
    length: int,
    reverse: bool,
    unroll: int | bool,
    shown: Callable[[PyTree], PyTree] | None = None,
    piece: Callable[..., tuple[PyTree, PyTree]] | None = None,
) -> tuple[PyTree, PyTree]:
    """Run ``scan(f, init, xs, length, reverse, unroll)``, and a progress bar.

    The loop is cut into one of loops, with an update after each: steps cost what they cost without
    a bar. To ask at each step whether it is time for an update would cost a branch, which
    is more than the step of a small model. A call from compiled code takes half a millisecond, and
    few updates are shown: each call says after how many steps the next one is wanted.

    Parameters
    ----------
    scan : callable
        The loop itself.
    pbar : ProgressBar or int
        The bar, or its ``freq``.
    f, init, xs, length, reverse, unroll
        As for ``scan``; ``length`` is not 0.
    shown : callable, optional
        From what ``f`` returns for a step to what the description may show of it.
    piece : callable, optional
        Runs the steps between two updates, in place of ``scan``.
    """
    bar = pbar if isinstance(pbar, ProgressBar) else ProgressBar(pbar)
    size = bar.steps_per_update(length)
    whole = length - length % size

    def block(state: _Loop, x: object) -> tuple[_Loop, PyTree]:
        return run(state, x, size)

    def run(state: _Loop, x: object, steps: int) -> tuple[_Loop, PyTree]:
        carry, done, due = state
        carry, ys = (piece or scan)(f, carry, x, steps, reverse, unroll)
        done = done + steps
        last = _map(ys, lambda y: y[0 if reverse else -1])
        last = last if shown is None else shown(last)
        fields = bar.fields(done - 1, carry, last)
        arrays = {name: each for name, each in fields.items() if _is_numbers(each)}
        report = _Report(bar, length, {name: fields[name] for name in fields.keys() - arrays})
        wanted = (done >= due) | (done == length)
        due = jax.lax.cond(wanted, lambda: _call(report, done, arrays), lambda: due)
        return (carry, done, due), ys

    def run_blocks(state: _Loop) -> tuple[_Loop, PyTree]:
        blocks = _map(xs, lambda x: x[:whole].reshape(whole // size, size, *x.shape[1:]))
        state, ys = scan(block, state, blocks, whole // size, reverse, 1)
        return state, _map(ys, lambda y: y.reshape(whole, *y.shape[2:]))

    def run_rest(state: _Loop) -> tuple[_Loop, PyTree]:
        return run(state, _map(xs, lambda x: x[whole:]), length - whole)

    # The loop counts on from what this returns, so that the bar is open before the first update.
    start = _call(_Report(bar, length), 0, {})
    state: _Loop = (init, start, start)
    parts: list[PyTree] = []
    runs = [run_blocks, run_rest] if whole < length else [run_blocks]
    for each in reversed(runs) if reverse else runs:
        state, ys = each(state)
        parts.append(ys)
    # What is asked for here, compiled code may not leave out.
    jax.debug.callback(lambda due: None, state[2])
    ordered = reversed(parts) if reverse else parts
    return state[0], jax.tree.map(_joined, *ordered)


def _call(report: _Report, done: object, fields: dict[str, object]) -> PyTree:
    number, fields = shape_struct((), jnp.int32), jax.lax.stop_gradient(fields)
    return jax.pure_callback(report, number, done, fields, vmap_method="sequential")


def _is_numbers(value: object) -> bool:
    numbers = (jax.Array, np.ndarray, np.generic, bool, int, float, complex)
    return all(isinstance(leaf, numbers) for leaf in jax.tree.leaves(value))


def _map(tree: object, change: Callable[[jax.Array], jax.Array]) -> PyTree:
    def to_array(leaf: object) -> jax.Array:
        return change(jnp.asarray(leaf))

    return jax.tree.map(to_array, tree)


def _joined(first: PyTree, *rest: PyTree) -> PyTree:
    return jnp.concatenate([first, *rest]) if rest else first


def _tqdm() -> Any:
    try:
        return importlib.import_module("tqdm.auto").tqdm
    except ImportError as error:
        raise ImportError(
            "a ProgressBar needs tqdm, which is not installed: pip install brainlite[progress], or "
            "leave out pbar"
        ) from error


def _check_numbers(freq: int | None, count: int | None) -> None:
    """Raise unless at most one of ``freq`` and ``count`` is given, as a whole number."""
    given = {"freq": freq, "count": count}
    wrong = {n: v for n, v in given.items() if v is not None and not (_is_whole(v) and v > 0)}
    if not wrong and None in (freq, count):
        return
    raise OptionError(
        "a ProgressBar does not know how often to update",
        expected="freq or count, not both: a whole number, 1 or more",
        got=", ".join(f"{name}={value!r}" for name, value in (wrong or given).items()),
        fix="pass `freq=` for the steps between updates, or `count=` for their number",
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
