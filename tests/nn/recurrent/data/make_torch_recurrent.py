"""Writes torch_recurrent.npz: what torch's recurrent layers compute, and their gradients.

Run it with torch installed: ``python -m tests.nn.recurrent.data.make_torch_recurrent``. The tests
draw the same inputs and parameters with numpy, so that results alone are stored: for each case and
run one vector of the output, the final states, and the gradients of input, initial states and
parameters.
"""

import importlib
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PATH = Path(__file__).with_name("torch_recurrent.npz")
TIMES, BATCH, FEATURES, HIDDEN = 5, 3, 2, 3
LENGTHS = np.array([2, 5, 1])
RUNS = ("full", "lengths", "unbatched")  # the last two with initial states

Arrays = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


class Case(NamedTuple):
    """A layer by its class in torch and its options."""

    kind: str
    options: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        chosen = [f"{name}={value}" for name, value in self.options if value]
        return "-".join([self.kind, *chosen])


def make_cases() -> list[Case]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("RNN", {"nonlinearity": "tanh"}),
        ("RNN", {"nonlinearity": "relu"}),
        ("GRU", {}),
        ("LSTM", {}),
        ("LSTM", {"proj_size": 2}),
    ]
    flags = itertools.product((1, 2), (True, False), (True, False), (True, False))
    names = ("num_layers", "bias", "batch_first", "bidirectional")
    return [
        Case(kind, tuple({**more, **dict(zip(names, values, strict=True))}.items()))
        for values in flags
        for kind, more in kinds
    ]


CASES = make_cases()


def draw(shapes: dict[str, tuple[int, ...]], seed: int) -> Arrays:
    """Return an array for each name, the same on every machine."""
    generator = np.random.RandomState(seed)
    return {k: (generator.randn(*shape) / 2).astype(np.float32) for k, shape in shapes.items()}


def draw_inputs(case: Case, run: str, seed: int = 7) -> tuple[Arrays, Arrays]:
    """Return x and initial states, and with what the loss weighs output and final states."""
    options = dict(case.options)
    directions = 2 if options["bidirectional"] else 1
    layers = options["num_layers"] * directions
    out = options.get("proj_size") or HIDDEN
    lead: tuple[int, ...] = (TIMES, BATCH)
    if options["batch_first"]:
        lead = (BATCH, TIMES)
    batch: tuple[int, ...] = (BATCH,)
    if run == "unbatched":
        lead, batch = (TIMES,), ()
    states = {"h": (layers, *batch, out)}
    if case.kind == "LSTM":
        states["c"] = (layers, *batch, HIDDEN)
    inputs = draw({"x": (*lead, FEATURES), **({} if run == "full" else states)}, seed)
    return inputs, draw({"y": (*lead, out * directions), **states}, seed + 1)


def compute(case: Case, run: str, seed: int = 7) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return what torch computes, as one vector."""
    torch: Any = importlib.import_module("torch")
    rnn = torch.nn.utils.rnn
    options = dict(case.options)
    layer = getattr(torch.nn, case.kind)(FEATURES, HIDDEN, **options)
    shapes = {name: tuple(value.shape) for name, value in layer.named_parameters()}
    values = {name: torch.tensor(value) for name, value in draw(shapes, seed + 2).items()}
    layer.load_state_dict(values)
    inputs, weights = draw_inputs(case, run, seed)
    leaves = {name: torch.tensor(each, requires_grad=True) for name, each in inputs.items()}
    hx = tuple(each for name, each in leaves.items() if name != "x")
    x, first = leaves["x"], options["batch_first"]
    if run == "lengths":
        x = rnn.pack_padded_sequence(x, LENGTHS, batch_first=first, enforce_sorted=False)
    y, last = layer(x, *([hx if case.kind == "LSTM" else hx[0]] if hx else []))
    if run == "lengths":
        y, _ = rnn.pad_packed_sequence(y, batch_first=first, total_length=TIMES)
    results = [y, *(last if case.kind == "LSTM" else [last])]
    pairs = zip(results, weights.values(), strict=True)
    loss: Any = sum((each * torch.tensor(weight)).sum() for each, weight in pairs)
    loss.backward()
    gradients = [each.grad for each in (*leaves.values(), *layer.parameters())]
    return np.concatenate([each.detach().numpy().ravel() for each in (*results, *gradients)])


def main() -> None:
    found: dict[str, Any] = {f"{c}/{run}": compute(c, run) for c in CASES for run in RUNS}
    np.savez_compressed(PATH, **found)


if __name__ == "__main__":
    main()
