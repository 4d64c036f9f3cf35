"""What goes into a checkpoint, and what keeps it from being written."""

import builtins
import os
import stat
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn, transform
from brainlite.checkpoint import restore, save
from brainlite.errors import CheckpointError, OptionError
from tests.checkpoint.parts import Counter, Net, saved, values


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    net, data = Net(3), Counter(7)
    brainlite.random.seed(5)
    before = values(net)
    directory = saved(tmp_path, step=12, model=net, data=data, best=0.5, metadata={"a": (1, None)})
    other, fresh = Net(0), Counter()
    report = restore(directory, model=other, data=fresh)
    after = values(other)
    kept = [name for name in before if "'h'" in name]
    assert len(kept) == 1
    assert {n: v for n, v in after.items() if n not in kept} == {
        n: v for n, v in before.items() if n not in kept
    }
    assert after[kept[0]] != before[kept[0]]  # a hidden state is that of a run
    assert fresh.at == 7
    assert (report.step, report.values, report.metadata) == (12, {"best": 0.5}, {"a": (1, None)})
    assert report.exact
    assert not report.skipped


def test_hidden_states_are_saved_where_they_are_asked_for(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=Net(3), select=...)
    other = Net(0)
    assert restore(directory, model=other).skipped == ("model.h",)
    assert other.h.value.sum() == 0
    restore(directory, model=other, select=...)
    assert other.h.value.sum() == 9


def test_the_shared_generator_goes_along_with_any_filter(tmp_path: Path) -> None:
    brainlite.random.seed(1)
    directory = saved(tmp_path, model=Net(0), select=None)
    expected = brainlite.random.rand(3)
    brainlite.random.seed(2)
    assert restore(directory, model=Net(0), strict=False).restored == ("random.DEFAULT",)
    assert (brainlite.random.rand(3) == expected).all()


def test_saving_draws_no_random_numbers(tmp_path: Path) -> None:
    brainlite.random.seed(1)
    key = jax.random.key_data(brainlite.random.DEFAULT.value)
    saved(tmp_path, model=nn.Linear(2, 2, nn.init.ZeroInit()))
    assert (jax.random.key_data(brainlite.random.DEFAULT.value) == key).all()


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_files_have_the_mode_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        directory = saved(tmp_path, model=Net(0))
    finally:
        os.umask(old)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o640}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o750}


def test_a_checkpoint_replaces_one_but_nothing_else(tmp_path: Path) -> None:
    saved(tmp_path, n=1)
    assert restore(saved(tmp_path, n=2)).values == {"n": 2}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(CheckpointError, match=r"something else in the[\s\S]*without checkpoint"):
        save(tmp_path / "mine", n=3)
    with pytest.raises(CheckpointError, match="a file"):
        save(tmp_path / "mine" / "thesis.txt", n=3)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "saved"]


@pytest.mark.parametrize("step", [-1, 1.0, True, "3"])
def test_a_step_is_a_whole_number(tmp_path: Path, step: Any) -> None:
    with pytest.raises(OptionError, match=r"this is no step[\s\S]*pass int"):
        save(tmp_path / "a", step=step)


def test_a_value_that_is_no_array_is_refused_by_its_path(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.extra = brainlite.State({"a": builtins.object()})
    with pytest.raises(CheckpointError, match=r"model\.extra\.a: this value cannot be stored"):
        save(tmp_path / "a", model=model)
    with pytest.raises(CheckpointError, match=r"metadata\['k'\]\[1\]: this value cannot"):
        save(tmp_path / "a", metadata={"k": [1, builtins.object()]})
    assert not list(tmp_path.iterdir())


def test_an_abstract_model_has_nothing_to_save(tmp_path: Path) -> None:
    model = transform.eval_shape(lambda: nn.Linear(2, 3))
    with pytest.raises(CheckpointError, match=r"model\.weight\.bias: this has no value"):
        save(tmp_path / "a", model=model)


def test_what_is_saved_is_what_was_there_when_it_was_called(tmp_path: Path) -> None:
    from brainlite.checkpoint._save import start

    state = brainlite.State(jnp.arange(100_000.0))
    double = transform.jit(lambda: setattr(state, "value", state.value * 2), donate_states=True)
    writing = start(tmp_path / "a", None, 0, ..., None, {"x": state})
    for _ in range(3):
        double()
    writing.wait()
    restore(tmp_path / "a", x=state)
    assert (np.asarray(state.value) == np.arange(100_000)).all()


def test_nothing_at_all_can_be_saved(tmp_path: Path) -> None:
    assert restore(saved(tmp_path)).restored == ("random.DEFAULT",)
