"""What a model on many devices costs, of what can be counted on a CPU that stands for them.

    python -m benchmarks.devices

For each way to lay out one transformer over eight devices: compilations of the first step and of
the ones after it, what devices exchange in the compiled step, the bytes of a device, and the time
that this library itself takes in a step. No throughput: these devices share one processor.
"""

import os
import re
import statistics
import sys
import time
from collections import Counter
from typing import Any

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
)

import jax  # reads the variable above
import numpy as np

from brainlite import State, distributed, graph, nn, optim, random
from brainlite.distributed import rules
from brainlite.transform import jit

jax.config.update("jax_platforms", "cpu")

WIDTH, HEADS, LAYERS = 64, 4, 4
COLLECTIVE = re.compile(
    r" (all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all)(?:-start)?\("
)
STATES, PAIRS, CALLS = 200, 31, 20
WAYS = ("data", "fsdp", "tensor", "fsdp and tensor", "zero")


def make() -> nn.TransformerEncoder:
    """Return the model."""
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0)
    return nn.TransformerEncoder(layer, LAYERS)


def laid_out(way: str) -> tuple[Any, list[Any]]:
    """Return the mesh and the rules of a way."""
    mesh = distributed.mesh(data=-1, model=2 if "tensor" in way else 1)
    chosen: list[Any] = rules.transformer("model") if "tensor" in way else []
    if "fsdp" in way:
        chosen = [*chosen, (..., distributed.fsdp(mesh, "data", 64))]
    return mesh, chosen


def compilations() -> list[str]:
    """Return a list to which each compilation adds."""
    found: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        del duration_secs, kwargs
        if "backend_compile" in event:
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return found


def count(way: str) -> list[str]:
    """Return the row of a way: compilations, exchanges, bytes."""
    compiled = compilations()
    random.seed(0)
    mesh, chosen = laid_out(way)
    model = distributed.make(make, mesh, chosen).eval()
    optimizer = optim.AdamW(lr=1e-3)
    optimizer.register_trainable_weights(model)
    if way == "zero":
        cut = distributed.fsdp(mesh, "data", 64)
        distributed.place(optimizer, mesh, [(optim.OptimState, cut)])
    batch: Any = np.ones((16, 8, WIDTH), "float32")
    x = distributed.batch(batch, mesh)

    @jit
    def step(x: jax.Array) -> jax.Array:
        return optimizer.minimize(lambda: (model(x)[..., 0] ** 2).mean())

    counts: list[int] = []
    for _ in range(4):
        compiled.clear()
        step(x).block_until_ready()
        counts.append(len(compiled))
    lowered = step.lower(x).compile()
    text: str = lowered.as_text() or ""
    exchanged = Counter(m[1] for line in text.splitlines() for m in COLLECTIVE.finditer(line))
    memory: Any = lowered.memory_analysis()
    return [
        way,
        f"{counts[0]}, then {sum(counts[1:])}",
        ", ".join(f"{number} {name}" for name, number in sorted(exchanged.items())) or "nothing",
        f"{nn.summary(optimizer).device_bytes:,}",
        f"{memory.temp_size_in_bytes:,}",
    ]


def overhead() -> float:
    """Return the microseconds for each state that a warm step takes in this library.

    What it does before and after the one call of jax: it asks whether its compilation still holds,
    gathers the values, and puts the new ones in place. The call itself takes milliseconds for so
    many arrays on eight devices, which would hide it.
    """
    mesh = distributed.mesh(data=-1)
    layer = nn.Linear(8, 8)
    states = [State(layer.weight.value) for _ in range(STATES)]
    for each in states:
        distributed.place(each, mesh)

    @jit
    def step() -> None:
        for state in states:
            state.value = jax.tree.map(lambda leaf: leaf + 1, state.value)

    step()
    compiled: Any = step
    binding = compiled._warm_binding
    values = [state.value for state in states]

    def timed() -> float:
        begin = time.perf_counter()
        for _ in range(CALLS):
            binding.holds()
            binding.gather(binding.inputs)
            binding.settle(values)
        return (time.perf_counter() - begin) / CALLS

    return 1e6 * statistics.median(timed() for _ in range(PAIRS)) / STATES


def main() -> None:
    """Print the table."""
    header = ["way", "compilations", "exchanged in a step", "bytes held", "bytes beside"]
    lines = [header, ["---"] * len(header), *[count(way) for way in WAYS]]
    held = graph.states(make())
    out = ["| " + " | ".join(line) + " |" for line in lines]
    out += [
        "",
        f"{LAYERS} layers of width {WIDTH}, {len(held)} states, on {jax.device_count()} devices.",
        f"This library in a warm step: {overhead():.3f} us for each state.",
    ]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
