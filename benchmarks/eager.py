"""How fast recurrent networks are when they are called eagerly, beside torch.

The model is the one of the tutorial on recurrent networks: a GRU cell that reads a sequence from
a fresh hidden state, and a linear layer. torch has it twice: as a Python loop over ``GRUCell``, and
with ``nn.GRU``, which runs the loop in C++. Then one step of a single cell, and an eager loop over
a module of the user's, beside the same loop in ``jit``. All results are waited for, as torch does
by itself; torch records no gradients.
"""

import warnings
from collections.abc import Callable
from typing import Any

import brainstate
import jax
import jax.numpy as jnp
import torch

import brainlite
from benchmarks._measure import Named, Row, compare, repeated
from benchmarks._report import main

LENGTH = 15
HIDDEN = 64
CELL_SIZES = (10, 20)
STEPS = 30  # steps of a cell in a sample
LOOPED, WIDTH = 50, 8  # steps of a loop, units of each of three cells

Call = Callable[[], Any]


class Predictor(brainlite.nn.Module):
    """The tutorial's TimeSeriesPredictor."""

    def __init__(self, hidden_size: int) -> None:
        self.gru = brainlite.nn.GRUCell(1, hidden_size)
        self.fc = brainlite.nn.Linear((hidden_size,), (1,))

    def update(self, sequence: jax.Array) -> jax.Array:
        """Read a sequence; predict its next value."""
        brainlite.nn.init_all_states(self)
        brainlite.transform.for_loop(self.gru, sequence)
        return self.fc(self.gru.h.value).squeeze()


class BrainstatePredictor(brainstate.nn.Module):
    """The same in brainstate."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.gru = brainstate.nn.GRUCell(1, hidden_size)
        self.fc = brainstate.nn.Linear((hidden_size,), (1,))

    def update(self, sequence: jax.Array) -> jax.Array:
        """Read a sequence; predict its next value."""
        brainstate.nn.init_all_states(self)
        brainstate.transform.for_loop(self.gru, sequence)
        return self.fc(self.gru.h.value).squeeze()


class TorchLoop(torch.nn.Module):
    """The same in torch, with a loop in Python."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.gru = torch.nn.GRUCell(1, hidden_size)
        self.fc = torch.nn.Linear(hidden_size, 1)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Read a sequence; predict its next value."""
        h = torch.zeros(self.gru.hidden_size)
        for x in sequence:
            h = self.gru(x, h)
        return self.fc(h).squeeze()


class TorchLayer(torch.nn.Module):
    """The same in torch, with the loop in C++."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(1, hidden_size)
        self.fc = torch.nn.Linear(hidden_size, 1)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Read a sequence; predict its next value."""
        _, h = self.gru(sequence)
        return self.fc(h[0]).squeeze()


class Cells(brainlite.nn.Module):
    """Three cells, one after the other."""

    def __init__(self) -> None:
        self.first = brainlite.nn.GRUCell(WIDTH, WIDTH)
        self.second = brainlite.nn.GRUCell(WIDTH, WIDTH)
        self.third = brainlite.nn.GRUCell(WIDTH, WIDTH)

    def update(self, x: jax.Array) -> jax.Array:
        """Take one step."""
        return self.third(self.second(self.first(x)))


class BrainstateCells(brainstate.nn.Module):
    """The same in brainstate."""

    def __init__(self) -> None:
        super().__init__()
        self.first = brainstate.nn.GRUCell(WIDTH, WIDTH)
        self.second = brainstate.nn.GRUCell(WIDTH, WIDTH)
        self.third = brainstate.nn.GRUCell(WIDTH, WIDTH)

    def update(self, x: jax.Array) -> jax.Array:
        """Take one step."""
        return self.third(self.second(self.first(x)))


def jax_loop(library: Any, kind: Callable[[], Any], way: str) -> Call:
    """Return a loop over a module, over a lambda around it, or in jit."""
    model = kind()
    library.nn.init_all_states(model)
    xs = jnp.ones((LOOPED, WIDTH))
    for_loop = library.transform.for_loop
    if way == "in jit":
        compiled = library.transform.jit(lambda xs: for_loop(model, xs))
        return lambda: compiled(xs).block_until_ready()
    if way == "lambda":
        return lambda: for_loop(lambda x: model(x), xs).block_until_ready()
    return lambda: for_loop(model, xs).block_until_ready()


def jax_sequence(model: Callable[[jax.Array], jax.Array]) -> Call:
    """Return an eager call of a model on a sequence."""
    sequence = jnp.sin(jnp.arange(float(LENGTH)))[:, None]
    return lambda: model(sequence).block_until_ready()


def torch_sequence(model: torch.nn.Module) -> Call:
    """Return an eager call of a model on a sequence."""
    sequence = torch.sin(torch.arange(float(LENGTH)))[:, None]

    return lambda: model(sequence)


def jax_step(library: Any, kind: str) -> Call:
    """Return one eager step of a cell of brainlite or brainstate."""
    cell = getattr(library.nn, kind)(*CELL_SIZES)
    library.nn.init_all_states(cell)
    x = jnp.ones(CELL_SIZES[0])
    return lambda: cell(x).block_until_ready()


def torch_step(kind: str) -> Call:
    """Return one eager step of a cell of torch; its hidden state is threaded by hand."""
    cell = getattr(torch.nn, kind)(*CELL_SIZES)
    x = torch.ones(CELL_SIZES[0])
    hidden: Any = torch.zeros(CELL_SIZES[1])
    if kind == "LSTMCell":
        hidden = (hidden, hidden)

    def call() -> Any:
        nonlocal hidden
        hidden = cell(x, hidden)
        return hidden

    return call


def measure() -> list[Row]:
    """Return the rows for sequences, then those for single steps."""
    warnings.filterwarnings("ignore", module="brainstate|jax")
    torch.set_grad_enabled(False)
    case = f"GRU, hidden {HIDDEN}, {LENGTH} steps"
    rows = [
        compare(
            "eager model",
            case,
            Named(name, repeated(jax_sequence(model(HIDDEN)), calls)),
            Named(reference, repeated(torch_sequence(torch_model(HIDDEN)), calls)),
            seconds=6.0 if model is Predictor else 0.0,
        )
        for name, model, reference, torch_model, calls in (
            ("brainlite", Predictor, "torch, Python loop", TorchLoop, 4),
            ("brainlite", Predictor, "torch.nn.GRU", TorchLayer, 4),
            ("brainstate", BrainstatePredictor, "torch, Python loop", TorchLoop, 1),
        )
    ]
    rows += [
        compare(
            "eager step of a cell",
            f"{kind}, {CELL_SIZES[0]} to {CELL_SIZES[1]}",
            Named(library.__name__, repeated(jax_step(library, kind), STEPS)),
            Named(f"torch.nn.{kind}", repeated(torch_step(kind), STEPS)),
            seconds=4.0 if library is brainlite else 2.0,
        )
        for kind in ("LSTMCell", "GRUCell")
        for library in (brainlite, brainstate)
    ]
    rows += [
        compare(
            "eager loop over a module",
            f"{LOOPED} steps, 3 GRU cells",
            Named(f"{library.__name__}, {way}", repeated(jax_loop(library, kind, way), calls)),
            Named("brainlite, in jit", repeated(jax_loop(brainlite, Cells, "in jit"), calls)),
            seconds=4.0,
        )
        for library, kind, way, calls in (
            (brainlite, Cells, "module", 20),
            (brainlite, Cells, "lambda", 2),
            (brainstate, BrainstateCells, "module", 1),
        )
    ]
    return rows


if __name__ == "__main__":
    main(measure)
