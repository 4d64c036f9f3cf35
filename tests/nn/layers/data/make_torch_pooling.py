"""Writes torch_pooling.npz: what torch's pooling layers compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.layers.data.make_torch_pooling``. The tests draw
the same inputs with numpy, so that results alone are stored, channels last: for each case one
vector of the output, the gradient of the input and, where there are any, the indices.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_pooling.npz")
SIZES = (7, 6, 5)
BATCH, CHANNELS = 2, 3

Vector = np.ndarray[Any, np.dtype[np.float32]]


class Case(NamedTuple):
    """A layer by its class in torch without the dimension, its rank, and torch's arguments."""

    kind: str
    rank: int
    options: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return "-".join([f"{self.kind}{self.rank}d", *(f"{n}={v}" for n, v in self.options)])


def make_cases() -> list[Case]:
    windows: list[tuple[int, dict[str, Any]]] = [
        (1, {"kernel_size": 3, "stride": 2}),
        (1, {"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True}),
        (2, {"kernel_size": 2}),
        (2, {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
        (2, {"kernel_size": (2, 5), "stride": (3, 4), "padding": (1, 2), "ceil_mode": True}),
        (3, {"kernel_size": (3, 2, 2), "stride": 2, "padding": (1, 0, 1)}),
    ]
    found = [("MaxPool", rank, {**more, "return_indices": True}) for rank, more in windows]
    for rank, more in windows:
        found += [("AvgPool", rank, {**more, "count_include_pad": each}) for each in (False, True)]
    for rank, more in windows[:3]:
        more = {name: value for name, value in more.items() if name != "padding"}
        found += [("LPPool", rank, {"norm_type": p, **more}) for p in (1.5, 2)]
    targets: list[tuple[int, Any]] = [(1, 3), (1, 9), (2, (7, 4)), (2, (None, 1)), (3, (2, 4, 5))]
    for kind in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
        found += [(kind, rank, {"output_size": size}) for rank, size in targets]
    return [Case(kind, rank, tuple(options.items())) for kind, rank, options in found]


CASES = make_cases()


def draw(*shape: int, seed: int = 5) -> Vector:
    """Return numbers that are not negative, the same on every machine."""
    return np.abs(np.random.RandomState(seed).randn(*shape)).astype(np.float32)


def draw_input(case: Case, seed: int = 5) -> Vector:
    return draw(BATCH, *SIZES[: case.rank], CHANNELS, seed=seed)


def compute(case: Case, seed: int = 5) -> Vector:
    """Return what torch computes, as one vector; for MaxPool also what MaxUnpool makes of it."""
    torch: Any = importlib.import_module("torch")
    layer = getattr(torch.nn, f"{case.kind}{case.rank}d")(**dict(case.options))
    x = torch.tensor(draw_input(case, seed), requires_grad=True)
    output = layer(x.movedim(-1, 1))
    y, indices = output if isinstance(output, tuple) else (output, None)
    y = y.movedim(1, -1)
    results = [y] if indices is None else [y, indices.movedim(1, -1)]
    if indices is not None:
        size = x.shape[1:-1]
        unpooled = getattr(torch.nn.functional, f"max_unpool{case.rank}d")
        places = {k: v for k, v in case.options if k in ("kernel_size", "stride", "padding")}
        results += [unpooled(*output, output_size=size, **places).movedim(1, -1)]
    weight = torch.tensor(draw(*y.shape, seed=seed + 1))
    (y * weight).sum().backward()
    every = [each.detach().numpy().ravel() for each in (*results, x.grad)]
    return np.concatenate(every).astype(np.float32)


def main() -> None:
    found: dict[str, Any] = {str(case): compute(case) for case in CASES}
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
