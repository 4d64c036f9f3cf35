"""How stored entries are compared with objects, by name and shape."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.checkpoint import restore
from brainlite.errors import (
    StateDictError,
)
from brainlite.graph import PathContains
from tests.checkpoint.parts import Net, saved, values


def test_a_misfit_names_what_differs_and_changes_nothing(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), n=3)
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 5), nn.Linear(5, 5))
    before = values(other)
    with pytest.raises(StateDictError, match="does not fit") as caught:
        restore(directory, model=other, n="three", m=1)
    text = str(caught.value)
    assert "nothing was restored" in text
    assert "missing: model.2.weight.bias, model.2.weight.weight, m" in text
    assert "model.1.weight.weight: float32[3, 4] for float32[3, 5]" in text
    assert "n: 3 for 'three'" in text
    with pytest.raises(StateDictError, match=r"misshaped: model\.1\.weight\.bias"):
        restore(directory, model=other, strict=False)  # a wrong shape is no matter of strictness
    assert values(other) == before


def test_what_is_missing_or_unexpected_is_an_error_unless_told(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3)))
    shorter = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(StateDictError, match=r"unexpected: model\.1\.weight\.bias.*[\s\S]*strict="):
        restore(directory, model=shorter)
    report = restore(directory, model=shorter, strict=False)
    assert report.unexpected == ("model.1.weight.bias", "model.1.weight.weight")
    assert not report.exact
    longer = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    report = restore(directory, model=longer, strict=False)
    assert report.missing == ("model.2.weight.bias", "model.2.weight.weight")


def test_a_misspelt_item_meets_the_names_that_there_are(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=nn.Linear(2, 3), n=3)
    with pytest.raises(StateDictError, match=r"no item mdl\n.*names that .*: model, n$"):
        restore(directory, mdl=nn.Linear(2, 3))


def test_a_filter_restores_a_part(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=Net(3))
    other = Net(0)
    before, generator = values(other), brainlite.random.DEFAULT.value
    report = restore(directory, model=other, select=PathContains("second"))
    assert report.restored == ("model.second.weight.bias", "model.second.weight.weight")
    assert {"random.DEFAULT", "model.first.weight.bias", "model.rng"} <= set(report.skipped)
    changed = [name for name, value in values(other).items() if value != before[name]]
    assert changed == ["1.(0, 'second', 'weight')['weight']"]
    assert generator == brainlite.random.DEFAULT.value


def test_items_that_are_not_passed_are_left_alone(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=nn.Linear(2, 2), optimizer=brainlite.State(jnp.ones(3)))
    assert restore(directory, model=nn.Linear(2, 2)).skipped == ("optimizer",)


def test_tied_states_are_found_by_any_of_their_names(tmp_path: Path) -> None:
    class Pair(nn.Module):
        def __init__(self, *, tied: bool, swapped: bool = False) -> None:
            one = nn.Linear(2, 2)
            two = one if tied else nn.Linear(2, 2)
            for name in ("two", "one") if swapped else ("one", "two"):
                setattr(self, name, one if name == "one" else two)

    directory = saved(tmp_path, model=(whole := Pair(tied=True)))
    weight = np.asarray(whole.one.weight.value["weight"])  # type: ignore[attr-defined]
    for other in (Pair(tied=True), Pair(tied=True, swapped=True), Pair(tied=False)):
        assert restore(directory, model=other).exact
        for state in other.states(brainlite.ParamState).values():
            assert (state.value["weight"] == weight).all()
    apart = saved(tmp_path, model=Pair(tied=False))
    with pytest.raises(StateDictError, match=r"unexpected: model\.two\.weight\.bias"):
        restore(apart, model=Pair(tied=True))  # of two arrays one would be lost
