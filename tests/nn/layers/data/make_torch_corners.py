"""Writes torch_corners.npz: what torch's activations and pools make of NaN, infinities and kinks.

Run it with torch installed: ``python -m tests.nn.layers.data.make_torch_corners``. Output and
gradient of each are stored as one array (2, ...); the gradient is that of the sum of the output.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.nn.layers.data.make_torch_layers import ACTIVATIONS

PATH = Path(__file__).with_name("torch_corners.npz")
ALONG = ("Softmax", "LogSoftmax", "Softmin", "GLU")  # along the last axis
POINTWISE = {
    name: case
    for name, case in ACTIVATIONS.items()
    if case[0] not in (*ALONG, "Softmax2d", "PReLU") or name == "PReLU"
}

nan, inf = np.nan, np.inf
POINTS = np.array([
    nan, inf, -inf, 3e38, -3e38, 6e4, -6e4, 1e-30, -1e-30, 0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0,
    -3.0, 6.0, 0.1, 0.9, -0.9, 0.7, 20.0, -11.0, 88.0, -104.0,
])  # fmt: skip
ROWS = np.array(
    [[nan, 1, 2, 0], [inf, 1, 2, 0], [-inf, 1, 2, 0], [3e38, -3e38, 1, 0], [1, 2, nan, inf]]
)
# Each pool of two, over (1, 8) and (1, 1, 4, 2).
POOLS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "MaxPool": ("MaxPool1d", (2,)),
    "AvgPool": ("AvgPool1d", (2,)),
    "LPPool-2": ("LPPool1d", (2.0, 2)),
    "LPPool-1": ("LPPool1d", (1.0, 2)),
    "AdaptiveMaxPool": ("AdaptiveMaxPool1d", (4,)),
    "AdaptiveAvgPool": ("AdaptiveAvgPool1d", (4,)),
}
SIGNAL = np.array([[nan, 1.0, inf, 1.0, -inf, -1.0, 0.5, -2.0]])


def _run(torch: Any, layer: Any, points: Any, dtype: Any) -> Any:
    x = torch.tensor(points, dtype=dtype, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    parts = [each.detach().to(torch.float64).numpy() for each in (y, x.grad)]
    return np.stack(parts) if parts[0].shape == parts[1].shape else np.concatenate(parts, -1)


def compute() -> dict[str, Any]:
    torch: Any = importlib.import_module("torch")
    found: dict[str, Any] = {}
    for kind in ("float32", "float16"):
        dtype = getattr(torch, kind)
        for name, (layer, options) in POINTWISE.items():
            made = getattr(torch.nn, layer)(**options).eval().to(dtype)
            found[f"{name} {kind}"] = _run(torch, made, POINTS, dtype)
        for name in ALONG:
            made = getattr(torch.nn, name)(dim=-1)
            found[f"{name} {kind}"] = _run(torch, made, ROWS, dtype)
    for name, (layer, given) in POOLS.items():
        made = getattr(torch.nn, layer)(*given)
        found[f"{name} float32"] = _run(torch, made, SIGNAL, torch.float32)
    return found


def main() -> None:
    found: dict[str, Any] = compute()
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
