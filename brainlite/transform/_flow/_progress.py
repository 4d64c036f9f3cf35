"""A progress bar for compiled loops: ``ProgressBar``."""

import importlib
import math
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._jax_compat import shape_struct
from brainlite.errors import OptionError

BarText: TypeAlias = str | tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]

_INTERVAL = 0.1  # seconds between two updates, as tqdm has

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

    def _options(self) -> tuple[Any, ...]:
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

    def fields(self, step: object, carry: object, y: object) -> dict[str, Any]:
        """Return the fields of the description."""
        if not isinstance(self.desc, tuple):
            return {}
        return self.desc[1]({"i": step, "carry": carry, "y": y})

    def opened(self, total: int) -> "_Running":
        """Return a bar of ``tqdm`` for a loop of so many steps."""
        interval: float = self.kwargs.get("mininterval", _INTERVAL)
        return _Running(_tqdm()(**{"total": total, **self.kwargs}), interval)

    def text(self, total: int, fields: dict[str, Any] | None) -> str | None:
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

    def is_due(self) -> bool:
        """Say whether it is time to show the bar anew, which then counts as done."""
        now = time.monotonic()
        due = now - self._shown >= self._interval
        if due:
            self._shown = now
        return due


class _Report:
    """What compiled code calls; equal to another for an equal bar and loop."""

    def __init__(self, pbar: ProgressBar, total: int) -> None:
        self._key = (pbar, total)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Report) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __call__(self, done: Any, fields: dict[str, Any]) -> Any:
        with _lock:
            self._show(int(done), fields)
        return np.zeros((), np.int32)

    def _show(self, done: int, fields: dict[str, Any]) -> None:
        """Move the bar to ``done`` steps. It opens at 0 and closes at the last step."""
        pbar, total = self._key
        running = _running.get(self._key)
        if running is None or done == 0:
            if running is not None:  # of a loop that failed
                running.bar.close()
            running = _running[self._key] = pbar.opened(total)
        elif done < total and not running.is_due():
            return
        text = pbar.text(total, jax.device_get(fields) if done else None)
        if text is not None:
            running.bar.set_description_str(text, refresh=False)
        # Absolute, as under vmap it is called for each lane.
        running.bar.update(done - running.bar.n)
        if done == total:
            running.bar.close()
            del _running[self._key]


def scan_with_progress(
    scan: Callable[..., tuple[Any, Any]],
    pbar: ProgressBar | int,
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: object,
    xs: object,
    length: int,
    reverse: bool,
    unroll: int | bool,
    shown: Callable[[Any], Any] | None = None,
    piece: Callable[..., tuple[Any, Any]] | None = None,
) -> tuple[Any, Any]:
    """Run ``scan(f, init, xs, length, reverse, unroll)``, and a progress bar.

    The loop is cut into one of loops, with an update after each: steps cost what they cost without
    a bar. To ask at each step whether it is time for an update would cost a branch, which
    is more than the step of a small model.

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
    report = _Report(bar, length)
    size = bar.steps_per_update(length)
    whole = length - length % size

    def block(state: tuple[Any, Any], x: object) -> tuple[tuple[Any, Any], Any]:
        return run(state, x, size)

    def run(state: tuple[Any, Any], x: object, steps: int) -> tuple[tuple[Any, Any], Any]:
        carry, done = state
        carry, ys = (piece or scan)(f, carry, x, steps, reverse, unroll)
        done = done + steps
        last = _map(ys, lambda y: y[0 if reverse else -1])
        last = last if shown is None else shown(last)
        jax.debug.callback(report, done, bar.fields(done - 1, carry, last))
        return (carry, done), ys

    def run_blocks(state: tuple[Any, Any]) -> tuple[tuple[Any, Any], Any]:
        blocks = _map(xs, lambda x: x[:whole].reshape(whole // size, size, *x.shape[1:]))
        state, ys = scan(block, state, blocks, whole // size, reverse, 1)
        return state, _map(ys, lambda y: y.reshape(whole, *y.shape[2:]))

    def run_rest(state: tuple[Any, Any]) -> tuple[tuple[Any, Any], Any]:
        return run(state, _map(xs, lambda x: x[whole:]), length - whole)

    # The loop counts on from what this returns, so that the bar is open before the first update.
    state: tuple[Any, Any] = (init, jax.pure_callback(report, shape_struct((), jnp.int32), 0, {}))
    parts: list[Any] = []
    runs = [run_blocks, run_rest] if whole < length else [run_blocks]
    for each in reversed(runs) if reverse else runs:
        state, ys = each(state)
        parts.append(ys)
    ordered = reversed(parts) if reverse else parts
    return state[0], jax.tree.map(_joined, *ordered)


def _map(tree: object, change: Callable[[jax.Array], jax.Array]) -> Any:
    def to_array(leaf: object) -> jax.Array:
        return change(jnp.asarray(leaf))

    return jax.tree.map(to_array, tree)


def _joined(first: Any, *rest: Any) -> Any:
    return jnp.concatenate([first, *rest]) if rest else first


def _tqdm() -> Any:
    try:
        return importlib.import_module("tqdm.auto").tqdm
    except ImportError as error:
        raise ImportError(
            "a ProgressBar needs tqdm, which is not installed: pip install brainlite[progress], or "
            "leave out pbar"
        ) from error


def _check_numbers(freq: Any, count: Any) -> None:
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
