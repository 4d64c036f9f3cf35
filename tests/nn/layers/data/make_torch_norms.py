"""Writes torch_norms.npz: what torch's normalisations compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.layers.data.make_torch_norms``. The tests draw the
same inputs and parameters with numpy, so that results alone are stored, channels last: for each
case one vector of the output, the gradients of input and parameters, and the running averages.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_norms.npz")
SPATIAL = (5, 4, 3)
BATCH, CHANNELS = 3, 6

Vector = np.ndarray[Any, np.dtype[np.float32]]


class Case(NamedTuple):
    """A class of torch, how many spatial axes the input has, and torch's options."""

    kind: str
    rank: int
    options: tuple[tuple[str, Any], ...] = ()
    training: bool = True

    def __str__(self) -> str:
        parts = [f"{self.kind}-{self.rank}", *(f"{n}={v}" for n, v in self.options)]
        return "-".join(parts + ["eval"] * (not self.training))

    @property
    def shape(self) -> tuple[int, ...]:
        return BATCH, *SPATIAL[: self.rank], CHANNELS


CASES = [
    Case("LayerNorm", 0, (("eps", 1e-5),)),
    Case("LayerNorm", 1, (("eps", 1e-3), ("bias", False))),
    Case("LayerNorm", 2, (("elementwise_affine", False), ("eps", 1e-6))),
    Case("RMSNorm", 1, (("eps", 1e-6),)),
    Case("GroupNorm", 0, (("num_groups", 3), ("eps", 1e-5))),
    Case("GroupNorm", 2, (("num_groups", 2), ("eps", 1e-6))),
    Case("GroupNorm", 3, (("num_groups", 1), ("eps", 1e-6), ("affine", False))),
    Case("InstanceNorm", 1),
    Case("InstanceNorm", 2, (("affine", True), ("eps", 1e-4))),
    Case("BatchNorm", 0),
    Case("BatchNorm", 1, (("momentum", 0.3), ("eps", 1e-3))),
    Case("BatchNorm", 2, (("momentum", None),)),
    Case("BatchNorm", 2, (("track_running_stats", False),), training=False),
    Case("BatchNorm", 3, (("affine", False),)),
    *(Case("BatchNorm", rank, training=False) for rank in range(4)),
]


def draw(shape: tuple[int, ...], seed: int) -> Vector:
    """Return numbers whose mean is far from 0, the same on every machine."""
    return (1.5 * np.random.RandomState(seed).randn(*shape) + 3).astype(np.float32)


def inputs(case: Case) -> list[Vector]:
    """Return two batches: a first call, and another by whose running averages one can tell."""
    return [draw(case.shape, seed) for seed in (1, 2)]


def compute(case: Case) -> Vector:
    """Return what torch computes, as one vector."""
    torch: Any = importlib.import_module("torch")
    options = dict(case.options)
    groups = [options.pop("num_groups")] if "num_groups" in options else []
    per_dimension = case.kind in ("BatchNorm", "InstanceNorm")
    dimensions = f"{max(case.rank, 1)}d" if per_dimension else ""
    layer = getattr(torch.nn, f"{case.kind}{dimensions}")(*groups, CHANNELS, **options)
    params: list[Any] = [getattr(layer, name, None) for name in ("weight", "bias")]
    params = [each for each in params if each is not None]
    for seed, param in enumerate(params):
        param.data = torch.tensor(draw((CHANNELS,), seed + 3))
    channels_last = case.kind in ("LayerNorm", "RMSNorm")
    first, second = (torch.tensor(each, requires_grad=True) for each in inputs(case))

    def call(x: Any) -> Any:
        return layer(x) if channels_last else layer(x.movedim(-1, 1)).movedim(1, -1)

    call(first)
    layer.train(case.training)
    y = call(second)
    (y * torch.tensor(draw(case.shape, 5))).sum().backward()
    running = []
    if case.kind == "BatchNorm" and options.get("track_running_stats", True):
        running = [layer.running_mean, layer.running_var]
    found = [y, second.grad, *(each.grad for each in params), *running]
    return np.concatenate([each.detach().numpy().ravel() for each in found]).astype(np.float32)


def main() -> None:
    found: dict[str, Any] = {str(case): compute(case) for case in CASES}
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
