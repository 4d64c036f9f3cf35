"""Writes torch_layers.npz: what torch's embeddings and activations compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.layers.data.make_torch_layers``. The tests draw
the same inputs with numpy, so that results alone are stored: output and gradients as one vector.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("torch_layers.npz")
INDICES = np.array([[1, 4, 1], [3, 1, 0]])

# Each by its name in both libraries, with its options.
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        name: (name, {})
        for name in (
            "ReLU", "ReLU6", "Sigmoid", "LogSigmoid", "Hardsigmoid", "Tanh", "Tanhshrink", "SiLU",
            "Hardswish", "Mish", "SELU", "Softplus", "Softsign", "ELU", "CELU", "LeakyReLU",
            "Hardtanh", "Hardshrink", "Softshrink", "GELU", "GLU", "PReLU", "RReLU",
        )
    },
    "ELU-alpha": ("ELU", {"alpha": 0.5}),
    "CELU-alpha": ("CELU", {"alpha": 0.5}),
    "LeakyReLU-slope": ("LeakyReLU", {"negative_slope": 0.3}),
    "Hardtanh-bounds": ("Hardtanh", {"min_val": -0.5, "max_val": 0.7}),
    "Hardshrink-lambd": ("Hardshrink", {"lambd": 0.9}),
    "Softshrink-lambd": ("Softshrink", {"lambd": 0.9}),
    "Softplus-beta": ("Softplus", {"beta": 0.7, "threshold": 1.0}),
    "GELU-tanh": ("GELU", {"approximate": "tanh"}),
    "GLU-0": ("GLU", {"dim": 0}),
    "Threshold": ("Threshold", {"threshold": 0.1, "value": 3.0}),
    "Softmax": ("Softmax", {"dim": -1}),
    "Softmax-0": ("Softmax", {"dim": 0}),
    "LogSoftmax": ("LogSoftmax", {"dim": -1}),
    "Softmin": ("Softmin", {"dim": -1}),
    "Softmax2d": ("Softmax2d", {}),
    "PReLU-channels": ("PReLU", {"num_parameters": 4}),
}  # fmt: skip
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padding": {"padding_idx": 1},
    "padding from the end": {"padding_idx": -1},
    "frequency": {"scale_grad_by_freq": True},
    "norm": {"max_norm": 1.0},
    "norm 1": {"max_norm": 1.0, "norm_type": 1.0},
    "norm inf": {"max_norm": 0.5, "norm_type": float("inf")},
    "all": {"padding_idx": 1, "scale_grad_by_freq": True, "max_norm": 1.0},
}

Floats = np.ndarray[Any, np.dtype[np.float32]]


def draw(*shape: int, seed: int) -> Floats:
    """Return an array that is the same on every machine."""
    return (np.random.RandomState(seed).randn(*shape) * 2).astype(np.float32)


def compute_activation(name: str) -> Floats:
    """Return output, gradient of the input and of the slopes."""
    torch: Any = importlib.import_module("torch")
    kind, options = ACTIVATIONS[name]
    layer = getattr(torch.nn, kind)(**options).eval()
    x = torch.tensor(draw(2, 4, 6, seed=0), requires_grad=True)
    y = layer(x)
    (y * torch.tensor(draw(*y.shape, seed=1))).sum().backward()
    return join([y, x.grad, *(each.grad for each in layer.parameters())])


def compute_embedding(name: str) -> Floats:
    """Return output, gradient of the table, and the table after the lookup."""
    torch: Any = importlib.import_module("torch")
    layer = torch.nn.Embedding(5, 3, **EMBEDDINGS[name])
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(draw(5, 3, seed=2)))
    y = layer(torch.tensor(INDICES))
    (y * torch.tensor(draw(2, 3, 3, seed=3))).sum().backward()
    return join([y, layer.weight.grad, layer.weight])


def join(parts: list[Any]) -> Floats:
    return np.concatenate([part.detach().numpy().ravel() for part in parts])


def compute() -> dict[str, Floats]:
    return {
        **{name: compute_activation(name) for name in ACTIVATIONS},
        **{f"Embedding {name}": compute_embedding(name) for name in EMBEDDINGS},
    }


def main() -> None:
    found: dict[str, Any] = compute()
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
