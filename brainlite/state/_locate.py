"""Where is this object? Paths for error messages, found on the Python stack.

A module does not know its parents, and calls do not keep a path: that would cost every call. When
an error has to be raised, though, the modules that led there are on the call stack, as the
variables of the functions that are running. The one from which the path to the object is longest
is the outermost.
"""

import inspect
from collections.abc import Iterator
from types import FrameType
from typing import Any

from brainlite.errors import InputError


def locate(target: object, error: BaseException | None = None) -> str | None:
    """Return the path of a state or node from the outermost object on the stack that holds it.

    Parameters
    ----------
    target : object
        The state or node.
    error : exception, optional
        Look at the functions as well that this exception has ended.

    Returns
    -------
    str or None
        For example ``'SimpleRNN.rnn_cell.W (Linear)'``; None when nothing on the stack holds it.
    """
    found: list[str] = []
    asked: set[int] = set()
    for frame in (*reversed(_ended_by(error)), *_running()):
        for candidate in _variables(frame):
            finder: Any = getattr(type(candidate), "__path_to__", None)
            if finder is None or id(candidate) in asked:
                continue
            asked.add(id(candidate))
            steps: list[str] | None = finder(candidate, target)
            if steps is not None and len(steps) >= len(found):
                found = steps
    if not found:
        return None
    return "".join(found) + (f" ({type(target).__name__})" if len(found) > 1 else "")


def _running() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _ended_by(error: BaseException | None) -> list[FrameType]:
    frames: list[FrameType] = []
    step = None if error is None else error.__traceback__
    while step is not None:
        frames.append(step.tb_frame)
        step = step.tb_next
    return frames


def _variables(frame: FrameType) -> list[Any]:
    # Before 3.13 a frame whose variables were read keeps them alive. Those of jax hold the trace,
    # which its leak checker would report.
    if frame.f_globals.get("__name__", "").partition(".")[0] == "jax":
        return []
    # Copied: what a running frame hands out is a live mapping from 3.13 on.
    return list(frame.f_locals.values())


def refused(owner: object, problem: str, *, expected: str, got: str, fix: str) -> InputError:
    """Return the error for what a layer or a metric does not take, with its path."""
    where = locate(owner) or type(owner).__name__
    return InputError(problem, where=where, expected=expected, got=got, fix=fix)
