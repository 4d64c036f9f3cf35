"""Whole texts, compared with files: what one reads in a terminal, down to the last comma.

After a change that is meant, ``make golden`` (or ``BRAINLITE_WRITE_GOLDEN=1 pytest
tests/display/test_golden.py``) writes the files in ``golden/`` anew: read the difference.
"""

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn, random
from brainlite.display import to_text
from brainlite.graph import split
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import for_loop, grad, jit, vmap
from brainlite.typing import Array

FOLDER = Path(__file__).parent / "golden"
WRITE = "BRAINLITE_WRITE_GOLDEN" in os.environ

_Case = Callable[[], object]
_cases: dict[str, _Case] = {}


def golden(case: _Case) -> _Case:
    """Add a case: its text is that of what it returns."""
    _cases[case.__name__] = case
    return case


class Predictor(nn.Module):
    """A recurrent network as in the tutorial."""

    def __init__(self) -> None:
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        self.cell = nn.GRUCell(4, 5)
        self.readout = nn.Linear(5, 1, b_init=None)

    def update(self, x: Array) -> Array:
        nn.init_all_states(self)
        return self.readout(for_loop(self.cell, self.encoder(x)))


class Block(nn.Module):
    """A layer of a transformer."""

    def __init__(self, width: int, heads: int) -> None:
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(0.9)

    def update(self, x: Array) -> Array:
        y = self.norm(x)
        x = x + self.drop(self.attention(y, y, y)[0])
        return x + self.feed_forward(x)


class Transformer(nn.Module):
    """Blocks that are alike, with the embedding used once more at the end."""

    def __init__(self, layers: int) -> None:
        self.embedding = nn.Embedding(100, 8)
        self.blocks = nn.ModuleList([Block(8, 2) for _ in range(layers)])
        self.norm = nn.LayerNorm(8)
        self.tied = self.embedding

    def update(self, tokens: Array) -> Array:
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tied.weight.value.T


class Anything(nn.Module):
    """A module with any attributes."""

    def __init__(self, **parts: Any) -> None:
        for name, part in parts.items():
            setattr(self, name, part)

    def update(self, x: Array) -> Array:
        return x


def small() -> Predictor:
    random.seed(0)
    return nn.init_all_states(Predictor())


@golden
def gru_network() -> object:
    return small()


@golden
def gru_network_depth_1() -> object:
    return to_text(small(), depth=1)


@golden
def values() -> object:
    numbers = {"row": jnp.arange(3.0), "grid": np.arange(6).reshape(2, 3), "large": jnp.ones(100)}
    model = Anything(scalar=State(jnp.float32(0.5)), key=State(jax.random.key(0)), **numbers)
    return to_text(model, values=True)


@golden
def containers() -> object:
    return Anything(
        sizes=[1, 2, 3],
        long=list(range(100)),
        options={"mode": "same", "padding": (1, 2), "deep": {"a": [1, {"b": None}]}},
        layers=[nn.Linear(2, 2) for _ in range(20)],
        by_name={"left": nn.Linear(2, 3), "right": (nn.Linear(2, 3), [nn.Tanh()])},
        empty=[[], (), {}, set()],
        one=(nn.ReLU(),),
        text="a line\nand another",
        function=jax.nn.relu,
        partial=functools.partial(jnp.clip, min=0.0),
        method=small,
        mixed=[jnp.ones(2), "word", None, 1.5, slice(2)],
    )


@golden
def shared_and_cyclic() -> object:
    linear = nn.Linear(2, 2)
    model = Anything(first=linear, second=[linear, {"again": linear}], state=linear.weight)
    model.parent = Anything(child=model)
    return model


@golden
def definition() -> object:
    return split(small())[0]


@golden
def states() -> object:
    return small().states()


@golden
def nested_states() -> object:
    return small().states(ParamState).to_nest()


@golden
def jitted() -> object:
    model = small()
    run = jit(model)
    for steps in (4, 6):
        run(jnp.ones((steps, 3)))
    model.cell.activation = jnp.sin
    with nn.record(model):
        run(jnp.ones((4, 3)))
    step = jit(lambda cell, x, times: [cell(x) for _ in range(times)], static_argnames="times")
    step(model.cell, jnp.ones(4), 2)
    return f"{run}\n\n{step}"


@golden
def transforms() -> object:
    def loss(x: Array) -> Array:
        return (x**2).sum()

    linear = nn.Linear(2, 3)
    gradient = grad(lambda x: linear(x).sum(), linear.states(ParamState), return_value=True)
    return f"{vmap(linear, in_axes=1)}\n\n{gradient}\n\n{jit(vmap(grad(loss)), donate_argnums=0)}"


@golden
def summary() -> object:
    return nn.summary(small(), jnp.zeros((7, 3)))


@golden
def transformer() -> object:
    return Transformer(3)


@golden
def transformer_summary() -> object:
    return nn.summary(Transformer(3).eval(), jnp.zeros(6, jnp.int32))


@golden
def broken() -> object:
    class Bad:
        def __repr__(self) -> str:
            raise ValueError("no text today")

    deleted = jnp.ones(3)
    deleted.delete()
    texts: list[str] = []
    jit(lambda x: texts.append(str(Anything(traced=x))))(jnp.ones(2))
    return f"{Anything(bad=Bad(), deleted=deleted, unset=HiddenState[Any](None))}\n{texts[0]}"


@pytest.mark.parametrize("name", _cases)
def test_text_is_that_of_the_file(name: str) -> None:
    text = re.sub(r"\b0x[0-9a-f]+", "0x...", f"{_cases[name]()}") + "\n"
    file = FOLDER / f"{name}.txt"
    if WRITE:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_each_file_has_a_case() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(_cases)
