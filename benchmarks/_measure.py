"""Measuring in pairs.

The words
---------
timer
    A function that does the work once more and returns the seconds it took.
pair
    One sample of the subject and one of the reference, right after each other. Which of them
    comes first changes from pair to pair.
row
    A subject against a reference: the median of the ratios of its pairs.
"""

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax

__all__ = [
    "QUICK",
    "Named",
    "Row",
    "Timer",
    "compare",
    "first_calls",
    "is_quick",
    "per",
    "repeated",
]

jax.config.update("jax_platforms", "cpu")  # where torch runs, too

Timer = Callable[[], float]

# `python -m benchmarks --quick`: few pairs, and few libraries beside ours, which take the most
# time to compile: a first look at what a change does.
QUICK = "BRAINLITE_BENCH_QUICK"
_FEW = 3

_WARM_UP = 5  # calls: the first compiles, and caches settle with the next ones


def is_quick() -> bool:
    """Say whether a first look is enough."""
    return QUICK in os.environ


class Named(NamedTuple):
    """A timer with the name that it has in the table."""

    name: str
    timer: Timer


@dataclass(frozen=True)
class Row:
    """What came out for one subject and one reference.

    Times are medians, in seconds. ``ratio`` is the median of the ratios of the pairs. ``fastest``
    is the ratio of the times that a tenth of the samples stay under, which other programs on
    the machine disturb least.
    """

    question: str
    case: str
    subject: str
    seconds: float
    reference: str
    reference_seconds: float
    ratio: float
    quartiles: tuple[float, float]
    fastest: float
    pairs: int
    goal_ratio: float | None = None
    goal_seconds: float | None = None

    @property
    def missed(self) -> bool:
        """Say whether there is a goal that was not reached."""
        too_slow = self.goal_ratio is not None and self.ratio > self.goal_ratio
        too_long = self.goal_seconds is not None and self.seconds > self.goal_seconds
        return too_slow or too_long


def repeated(call: Callable[[], Any], times: int = 1) -> Timer:
    """Time one of some calls, of which only the last is waited for.

    A loop in a program does not wait either. Where the result is needed at once, ``call`` waits.
    Subject and reference are called equally often in a sample, so that the wait counts alike.
    ``times`` is chosen such that a sample of the reference takes some milliseconds: well above the
    clock's resolution, and short enough for the scheduler to leave most samples in peace.
    """
    for _ in range(_WARM_UP):
        jax.block_until_ready(call())

    def timer() -> float:
        begin = time.perf_counter()
        for _ in range(times - 1):
            call()
        jax.block_until_ready(call())
        return (time.perf_counter() - begin) / times

    return timer


def first_calls(make: Callable[[], Callable[[], Any]]) -> Timer:
    """Time the first call of what ``make`` returns, which is made anew for each sample."""

    def timer() -> float:
        call = make()
        begin = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - begin

    timer()  # what jax keeps for every function of a process is there from now on
    return timer


def per(number: int, timer: Timer) -> Timer:
    """Share the time among as many things as were dealt with."""
    return lambda: timer() / number


def compare(
    question: str,
    case: str,
    subject: Named,
    reference: Named,
    *,
    pairs: int = 15,
    seconds: float = 3.0,
    goal_ratio: float | None = None,
    goal_seconds: float | None = None,
) -> Row:
    """Measure a subject against a reference.

    Parameters
    ----------
    question, case : str
        What the row is about.
    subject, reference : Named
        How to time them.
    pairs : int
        The least number of pairs.
    seconds : float
        How long to go on with more pairs.
    goal_ratio, goal_seconds : float, optional
        What is good enough: a ratio to the reference, or a time.
    """
    if is_quick():
        pairs, seconds = min(pairs, _FEW), seconds / 20
    own: list[float] = []
    other: list[float] = []
    gc.collect()
    gc.freeze()  # so that collecting between two pairs looks at their garbage only
    gc.disable()
    try:
        begin = time.perf_counter()
        while len(own) < pairs or time.perf_counter() - begin < seconds:
            if len(own) % 2:
                own.append(subject.timer())
                other.append(reference.timer())
            else:
                other.append(reference.timer())
                own.append(subject.timer())
            gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    low, middle, high = statistics.quantiles(
        [mine / theirs for mine, theirs in zip(own, other, strict=True)], n=4
    )
    row = Row(
        question=question,
        case=case,
        subject=subject.name,
        seconds=statistics.median(own),
        reference=reference.name,
        reference_seconds=statistics.median(other),
        ratio=middle,
        quartiles=(low, high),
        fastest=_tenth(own) / _tenth(other),
        pairs=len(own),
        goal_ratio=goal_ratio,
        goal_seconds=goal_seconds,
    )
    sys.stderr.write(f"  {case}: {row.subject} / {row.reference} = {row.ratio:.2f}\n")
    return row


def _tenth(times: list[float]) -> float:
    """Return the time that a tenth of the samples stay under."""
    return statistics.quantiles(times, n=10, method="inclusive")[0]
