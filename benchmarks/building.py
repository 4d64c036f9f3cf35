"""How long it takes to build a model in a new process, beside flax and torch; then a second start.

Every sample is a fresh interpreter that imports the library first. A second start finds what was
compiled in jax's persistent cache. Times are those of the processor: of all threads together.
"""

import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks._measure import Named, Row, Timer, compare
from benchmarks._report import main

PAIRS = 5

_OWN = """
from brainlite import nn
import jax
jax.devices()
begin = time.process_time()
if which == "LSTM language model":
    parts = [nn.Embedding(10_000, 256), nn.LSTM(256, 512, num_layers=2), nn.Linear(512, 10_000)]
elif which == "transformer of 6 layers":
    layers = [nn.TransformerEncoderLayer(256, 8, 1024) for _ in range(6)]
    parts = [nn.Embedding(5_000, 256), *layers, nn.Linear(256, 5_000)]
else:
    parts = [nn.Conv2d((32, 32, 3), 64, 3, padding=1), nn.BatchNorm2d((32, 32, 64))]
    for ins, outs in WIDTHS:
        for a, b in ((ins, outs), (outs, outs)):
            parts += [nn.Conv2d((8, 8, a), b, 3, padding=1), nn.BatchNorm2d((8, 8, b))]
        if ins != outs:
            parts.append(nn.Conv2d((8, 8, ins), outs, 1))
    parts.append(nn.Linear(512, 1000))
jax.block_until_ready([state.value for part in parts for state in part.states().values()])
"""

_FLAX = """
from flax import nnx
import jax
jax.devices()
begin = time.process_time()
rngs = nnx.Rngs(0)
if which == "LSTM language model":
    cells = [nnx.OptimizedLSTMCell(n, 512, rngs=rngs) for n in (256, 512)]
    parts = [nnx.Embed(10_000, 256, rngs=rngs), *cells, nnx.Linear(512, 10_000, rngs=rngs)]
elif which == "transformer of 6 layers":
    parts = [nnx.Embed(5_000, 256, rngs=rngs), nnx.Linear(256, 5_000, rngs=rngs)]
    for _ in range(6):
        parts.append(nnx.MultiHeadAttention(num_heads=8, in_features=256, rngs=rngs))
        parts += [nnx.Linear(256, 1024, rngs=rngs), nnx.Linear(1024, 256, rngs=rngs)]
        parts += [nnx.LayerNorm(256, rngs=rngs), nnx.LayerNorm(256, rngs=rngs)]
else:
    parts = [nnx.Conv(3, 64, (3, 3), rngs=rngs), nnx.BatchNorm(64, rngs=rngs)]
    for ins, outs in WIDTHS:
        for a, b in ((ins, outs), (outs, outs)):
            parts += [nnx.Conv(a, b, (3, 3), rngs=rngs), nnx.BatchNorm(b, rngs=rngs)]
        if ins != outs:
            parts.append(nnx.Conv(ins, outs, (1, 1), rngs=rngs))
    parts.append(nnx.Linear(512, 1000, rngs=rngs))
jax.block_until_ready([nnx.state(part) for part in parts])
"""

_PROGRAM = """
import time, warnings
warnings.filterwarnings("ignore")
WIDTHS = [(64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
which = {which!r}
{program}
print(time.process_time() - begin)
"""

GOALS = {"LSTM language model": 0.5, "transformer of 6 layers": 0.6, "ResNet-18": 0.8}


def build_anew(which: str, program: str, cache: str | None = None) -> Timer:
    """Time the building of a model, each time in an interpreter of its own."""
    command = [sys.executable, "-c", _PROGRAM.format(which=which, program=program)]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    if cache is not None:
        environment["JAX_COMPILATION_CACHE_DIR"] = cache
        environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

    def timer() -> float:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return float(done.stdout)

    timer()
    return timer


def measure() -> list[Row]:
    """Return a row for each model beside flax, and one for a second start beside the first."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as cache:
        for which, seconds in GOALS.items():
            first = Named("brainlite", build_anew(which, _OWN))
            others: list[tuple[Named, Named, dict[str, Any]]] = [
                (first, Named("flax nnx", build_anew(which, _FLAX)), {"goal_seconds": seconds}),
                (
                    Named("second start", build_anew(which, _OWN, cache)),
                    first,
                    {"goal_ratio": 1 / 3},
                ),
            ]
            rows += [
                compare("building", which, subject, reference, pairs=PAIRS, seconds=0.0, **goal)
                for subject, reference, goal in others
            ]
    return rows


if __name__ == "__main__":
    main(measure)
