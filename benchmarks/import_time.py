"""How long ``import brainlite`` takes when jax has been imported already.

Every sample is a fresh interpreter, which imports jax and then times one more import. A first run
writes Python's bytecode, also where the environment forbids it, and does not count.
"""

import os
import subprocess
import sys

from benchmarks._measure import Named, Row, compare
from benchmarks._report import main

PEERS = ("equinox", "flax.nnx", "brainstate")
PAIRS = 7
GOAL_SECONDS = 0.15

_PROGRAM = """
import time
import jax
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""


def import_anew(module: str) -> Named:
    """Time an import, each time in an interpreter of its own."""
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM.format(module=module)]

    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def timer() -> float:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return float(done.stdout)

    timer()
    return Named(f"import {module}", timer)


def measure() -> list[Row]:
    """Return a row for brainlite beside each peer."""
    return [
        compare(
            "import",
            "jax imported before",
            import_anew("brainlite"),
            import_anew(peer),
            pairs=PAIRS,
            seconds=0.0,
            goal_seconds=GOAL_SECONDS,
        )
        for peer in PEERS
    ]


if __name__ == "__main__":
    main(measure)
