"""Restoring: all or nothing, into what is there."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite import nn, transform
from brainlite.checkpoint import restore
from tests.checkpoint.parts import Counter, Net, saved, values


def test_an_iterator_that_refuses_its_place_leaves_all_as_it_was(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=Net(3), good=Counter(5), bad=Counter(-1))
    model, good, bad = Net(0), Counter(1), Counter(2)
    before = values(model)
    with pytest.raises(ValueError, match="there is no such place"):
        restore(directory, model=model, good=good, bad=bad)
    assert (good.at, bad.at) == (1, 2)
    assert values(model) == before


def test_an_abstract_model_is_filled(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(p=0.5))
    model.rng = brainlite.RandomState(3)
    directory = saved(tmp_path, model=model)

    def make() -> nn.Module:
        made = nn.Sequential(nn.Linear(2, 3), nn.Dropout(p=0.5))
        made.rng = brainlite.RandomState(4)
        return made

    other = transform.eval_shape(make)
    restore(directory, model=other)
    assert values(other) == values(model)


def test_what_was_restored_shares_no_compilation_anew(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    traces: list[int] = []

    @transform.jit
    def step(x: jax.Array) -> jax.Array:
        traces.append(1)
        return model(x)

    step(jnp.ones(2))
    restore(saved(tmp_path, model=model), model=model)
    step(jnp.ones(2))
    assert len(traces) == 1
