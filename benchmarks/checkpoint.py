"""What a checkpoint of 100 MB costs: how long it holds up the run, and how long until it is whole.

The reference is orbax's own interface with the same arrays and, for one file of weights, the
package of safetensors with arrays of numpy.
"""

import importlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import brainlite
from benchmarks._measure import Named, Row, compare
from benchmarks._report import main
from brainlite.checkpoint import Checkpointer
from brainlite.interop import safetensors

NUMBER, SIZE = 50, 500_000  # arrays of 2 MB
PAIRS = 15
GOAL_SECONDS = 0.1

orbax: Any = importlib.import_module("orbax.checkpoint").v1
peer: Any = importlib.import_module("safetensors.numpy")


def make() -> list[brainlite.State[jax.Array]]:
    """Return states with numbers that do not compress."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=SIZE).astype(np.float32) for _ in range(NUMBER)]
    return [brainlite.State(jnp.asarray(array)) for array in arrays]


def timed(call: Callable[[], Callable[[], object]], *, whole: bool) -> Callable[[], float]:
    """Time what ``call`` holds up or, ``whole``, until what it returns has waited for the end."""

    def timer() -> float:
        begin = time.perf_counter()
        wait = call()
        if whole:
            wait()
        seconds = time.perf_counter() - begin
        wait()
        return seconds

    timer()
    return timer


def measure() -> list[Row]:
    """Return the rows, all written below one temporary directory."""
    folder = Path(tempfile.mkdtemp())
    states = make()
    tree = {str(number): state.value for number, state in enumerate(states)}
    saver = Checkpointer(folder / "run", keep=1)
    steps = iter(range(1, 10**6))

    def ours() -> Callable[[], object]:
        saver.save(next(steps), states=states)
        return saver.wait

    def theirs() -> Callable[[], object]:
        response = orbax.save_async(folder / "orbax", tree, overwrite=True)
        return lambda: response.result()

    def row(question: str, one: Named, two: Named, goal: float | None = None) -> Row:
        case = f"{NUMBER} arrays, 100 MB"
        return compare(question, case, one, two, pairs=PAIRS, seconds=0.0, goal_seconds=goal)

    file, array_file = folder / "a.safetensors", folder / "b.safetensors"
    model = brainlite.nn.ParameterList([brainlite.ParamState(each.value) for each in states])
    arrays = {name: np.asarray(value) for name, value in tree.items()}

    def at_once(call: Callable[[], object]) -> Callable[[], Callable[[], object]]:
        def done() -> Callable[[], object]:
            call()
            return lambda: None

        return done

    rows = [
        row(
            "save, held up",
            Named("Checkpointer.save", timed(ours, whole=False)),
            Named("orbax save_async", timed(theirs, whole=False)),
            GOAL_SECONDS,
        ),
        row(
            "save, until it is whole",
            Named("Checkpointer.save, wait", timed(ours, whole=True)),
            Named("orbax save_async, result", timed(theirs, whole=True)),
        ),
        row(
            "restore",
            Named("restore", timed(at_once(lambda: saver.restore(states=states)), whole=True)),
            Named(
                "orbax load", timed(at_once(lambda: orbax.load(folder / "orbax", tree)), whole=True)
            ),
        ),
        row(
            "weights in one file, save",
            Named(
                "interop.safetensors.save",
                timed(at_once(lambda: safetensors.save(file, model)), whole=True),
            ),
            Named(
                "safetensors save_file",
                timed(at_once(lambda: peer.save_file(arrays, array_file)), whole=True),
            ),
        ),
        row(
            "weights in one file, load",
            Named(
                "interop.safetensors.load",
                timed(at_once(lambda: safetensors.load(file, model)), whole=True),
            ),
            Named(
                "safetensors load_file",
                timed(at_once(lambda: peer.load_file(array_file)), whole=True),
            ),
        ),
    ]
    shutil.rmtree(folder)
    return rows


if __name__ == "__main__":
    main(measure)
