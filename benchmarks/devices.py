"""What a model on many devices costs, of what can be counted on a CPU that stands for them.

    python -m benchmarks.devices
    python -m benchmarks.devices paper

For each way to lay out one transformer over eight devices: compilations of the first step and of
the ones after it, what devices exchange in the compiled step, the bytes of a device, and the time
that this library itself takes in a step. No throughput: these devices share one processor.

On paper: what a thousand devices would exchange in a step of training, read from programs that are
compiled for them, of models that are never made. Of two depths, and so of a layer more.
"""

import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    + f" --xla_force_host_platform_device_count={1000 if 'paper' in sys.argv else 8}"
)

import jax  # reads the variable above
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from brainlite import State, distributed, graph, nn, optim, random
from brainlite.distributed import rules
from brainlite.transform import eval_shape, jit, remat

jax.config.update("jax_platforms", "cpu")

WIDTH, HEADS, LAYERS = 64, 4, 4
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
    exchanged: Counter[str] = Counter()
    for row in distributed.exchanges(lowered).rows:
        exchanged[row.kind] += row.times
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

    It asks whether its compilation still holds, gathers the values, and puts the new ones in place.
    The one call of jax takes milliseconds for so many arrays on eight devices, which would hide
    that: here it is left out.
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
    warm = binding.write(lambda _flat: (None, values))

    def timed() -> float:
        begin = time.perf_counter()
        for _ in range(CALLS):
            warm((), {})
        return (time.perf_counter() - begin) / CALLS

    return 1e6 * statistics.median(timed() for _ in range(PAIRS)) / STATES


def exchanged_on_paper(model: Callable[[], Any], rules_of: Any, mesh: Any, x: Any) -> int:
    """Return the bytes that a device sends in a step of training of a model that is not made."""

    def pair() -> Any:
        net = model()
        return net, optim.AdamW(lr=1e-3).register_trainable_weights(net)

    net, optimizer = eval_shape(pair)
    distributed.place(net, mesh, rules_of)
    distributed.place(optimizer, mesh)

    @jit
    def step(net: Any, optimizer: Any, x: jax.Array) -> jax.Array:
        loss: jax.Array = optimizer.minimize(lambda: (net(x) ** 2).mean())
        return loss

    found = distributed.exchanges(step.lower(net, optimizer, x).compile())
    sys.stdout.write(f"{found!r}\n")
    return found.bytes


class Deep(nn.Module):
    """Linear recurrent units behind each other, each with a way around it."""

    def __init__(self, layers: int) -> None:
        self.layers = [nn.LRU(256, 256, parts=1000) for _ in range(layers)]

    def update(self, x: jax.Array) -> jax.Array:
        """Run all layers over a sequence."""
        for layer in self.layers:
            x = x + remat(layer)(x)[0]
        return x


def paper() -> None:
    """Print what a thousand devices exchange, for the two models of the page on many machines."""

    def by_depth(name: str, layers: int, one: Callable[[int], int]) -> None:
        first, second = one(1), one(2)
        whole = first + (layers - 1) * (second - first)
        sys.stdout.write(f"{name}: a device sends {whole / 1e9:.4g} GB in a step\n\n")

    def abstract(mesh: Any, *shape: int) -> Any:
        make_spec: Any = PartitionSpec
        struct: Any = jax.ShapeDtypeStruct
        where = NamedSharding(mesh, make_spec(mesh.axis_names[0]))
        return struct(shape, "float32", sharding=where)

    def transformer(layers: int) -> int:
        mesh = distributed.mesh(data=250, model=4)
        layer = nn.TransformerEncoderLayer
        cut: list[Any] = [*rules.transformer("model"), (..., distributed.fsdp(mesh, "data"))]
        x = abstract(mesh, 1000, 2048, 2000)
        return exchanged_on_paper(
            lambda: nn.TransformerEncoder(layer(2000, 20, 8000, dropout=0.0), layers), cut, mesh, x
        )

    def recurrent(layers: int) -> int:
        mesh = distributed.mesh(time=1000)
        x = abstract(mesh, 1_000_000, 1, 256)
        return exchanged_on_paper(lambda: Deep(layers), [], mesh, x)

    by_depth("a transformer of a billion parameters", 21, transformer)
    by_depth("ten linear recurrent units over a million steps", 10, recurrent)


def main() -> None:
    """Print the table."""
    if "paper" in sys.argv:
        paper()
        return
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
