"""Writes torch_spatial.npz: what torch's convolutions and paddings compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.layers.data.make_torch_spatial``. The tests draw
the same input and parameters with numpy, so that results alone are stored: for each case one vector
of the output and the gradients of input and parameters, laid out as in this library, channels last.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_spatial.npz")
SPATIAL = {1: (7,), 2: (6, 5), 3: (4, 3, 4)}
BATCH, EPS = 2, 1e-4

Array = np.ndarray[Any, np.dtype[np.float32]]


class Case(NamedTuple):
    """A convolution by its kind, rank and kernel size, with torch's options."""

    kind: str
    rank: int
    kernel: tuple[int, ...]
    options: dict[str, Any]
    channels: tuple[int, int] = (4, 2)

    def __str__(self) -> str:
        return "-".join([f"{self.kind}{self.rank}", *(f"{k}={v}" for k, v in self.options.items())])

    @property
    def transposed(self) -> bool:
        return self.kind == "ConvTranspose"


def conv(rank: int, kernel: tuple[int, ...], **options: Any) -> Case:
    return Case("Conv", rank, kernel, options)


def transpose(rank: int, kernel: tuple[int, ...], **options: Any) -> Case:
    return Case("ConvTranspose", rank, kernel, options)


CASES = [
    conv(1, (3,)),
    conv(1, (3,), stride=2, padding=1),
    conv(1, (2,), padding="same", dilation=3),
    conv(1, (3,), padding=2, groups=2, dilation=2),
    conv(1, (3,), padding=2, padding_mode="reflect"),
    conv(1, (3,), padding=2, padding_mode="replicate", stride=2),
    conv(1, (3,), padding=2, padding_mode="circular"),
    conv(2, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
    conv(2, (4, 3), padding="same", padding_mode="reflect"),
    conv(2, (3, 3), padding=(2, 0), padding_mode="circular", dilation=2),
    conv(3, (2, 3, 2), stride=(1, 2, 2), padding=1, groups=2),
    conv(3, (3, 2, 3), padding=1, padding_mode="replicate"),
    Case("ScaledWSConv", 1, (3,), {"padding": 1, "groups": 2}),
    Case("ScaledWSConv", 2, (3, 2), {"stride": 2, "padding_mode": "circular", "padding": 1}),
    transpose(1, (3,)),
    transpose(1, (4,), stride=2, padding=1),
    transpose(1, (3,), stride=2, padding=1, output_padding=1, groups=2),
    transpose(1, (2,), stride=3, dilation=2, output_padding=2),
    transpose(2, (3, 2), stride=(2, 3), padding=(2, 0), output_padding=(1, 2), groups=2),
    transpose(3, (2, 3, 2), stride=(2, 1, 2), dilation=(1, 1, 2), padding=(1, 2, 0)),
]

# Mode, and the padding of the first axis, then of the next.
PADS = [
    (mode, flat)
    for mode in ("Reflection", "Replication", "Circular", "Zero", "Constant")
    for flat in ((1, 2), (2, 1, 0, 3), (1, 0, 2, 1, 0, 2))
]


def draw(shape: tuple[int, ...], seed: int) -> Array:
    """Return an array, the same on every machine."""
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


def draw_input(rank: int, channels: int, seed: int = 1) -> Array:
    return draw((BATCH, *SPATIAL[rank], channels), seed)


def draw_params(case: Case) -> dict[str, Array]:
    """Return the parameters in this library's layout."""
    fan = (case.channels[0] // case.options.get("groups", 1), case.channels[1])
    shape = (*case.kernel, *(fan[::-1] if case.transposed else fan))
    ones = (1,) * case.rank
    params = {"weight": draw(shape, 2), "bias": draw((*ones, fan[1]), 3)}
    if case.kind == "ScaledWSConv":
        params["gain"] = draw((*ones, 1, fan[1]), 4)
    return params


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def to_torch(weight: Any, case: Case) -> Any:
    """Return a weight in torch's layout."""
    groups = case.options.get("groups", 1)
    if not case.transposed:
        return weight.movedim((-1, -2), (0, 1))  # (*kernel, in / groups, out)
    *kernel, out, per_group = weight.shape
    parts = weight.reshape(*kernel, groups, out // groups, per_group)
    return parts.movedim((-3, -1, -2), (0, 1, 2)).reshape(-1, out // groups, *kernel)


def compute(case: Case) -> Array:
    """Return what torch computes, as one vector."""
    torch: Any = importlib.import_module("torch")
    x = torch.tensor(draw_input(case.rank, case.channels[0]), requires_grad=True)
    params = {k: torch.tensor(v, requires_grad=True) for k, v in draw_params(case).items()}
    weight = params["weight"]
    if "gain" in params:
        along = tuple(range(case.rank + 1))
        variance, mean = torch.var_mean(weight, along, keepdim=True, correction=0)
        number = weight[..., 0].numel()
        weight = (weight - mean) / torch.sqrt(torch.clamp(variance * number, min=EPS))
        weight = weight * params["gain"]
    name = f"{'ConvTranspose' if case.transposed else 'Conv'}{case.rank}d"
    layer = getattr(torch.nn, name)(*case.channels, case.kernel, **case.options)
    own = {"weight": to_torch(weight, case), "bias": params["bias"].reshape(-1)}
    y = torch.func.functional_call(layer, own, channels_first(x)).movedim(1, -1)
    return _collect(y, [x, *params.values()], torch)


def compute_pad(mode: str, flat: tuple[int, ...]) -> Array:
    """Return the padded input and the gradient, as one vector."""
    torch: Any = importlib.import_module("torch")
    rank = len(flat) // 2
    x = torch.tensor(draw_input(rank, 1), requires_grad=True)
    pairs = [flat[i : i + 2] for i in range(0, len(flat), 2)]
    from_last = tuple(n for pair in reversed(pairs) for n in pair)
    more = (1.5,) if mode == "Constant" else ()
    layer = getattr(torch.nn, f"{mode}Pad{rank}d")(from_last, *more)
    return _collect(layer(channels_first(x)).movedim(1, -1), [x], torch)


def _collect(y: Any, leaves: list[Any], torch: Any) -> Array:
    (y * torch.tensor(draw(tuple(y.shape), 5))).sum().backward()
    return np.concatenate(
        [y.detach().numpy().ravel(), *(each.grad.numpy().ravel() for each in leaves)]
    )


def main() -> None:
    found: dict[str, Any] = {str(case): compute(case) for case in CASES}
    found |= {f"{mode}Pad{flat}": compute_pad(mode, flat) for mode, flat in PADS}
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
