"""The example programs run and do what they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_ten_lines_learn_exclusive_or(capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(EXAMPLES / "ten_lines.py"))
    assert names["losses"][0] > 0.2
    assert names["losses"][-1] < 0.01
    assert names["model"](names["x"]).round().ravel().tolist() == [0, 1, 1, 0]
    assert "0.0000 after" in capsys.readouterr().out


def test_train_gru_learns_the_wave(capsys: pytest.CaptureFixture[str]) -> None:
    losses = runpy.run_path(str(EXAMPLES / "train_gru.py"))["losses"]
    assert losses[0] > 0.1
    assert losses[-1] < 0.002
    assert "after" in capsys.readouterr().out


@pytest.mark.slow
def test_the_lstm_learns_to_add(capsys: pytest.CaptureFixture[str]) -> None:
    losses = runpy.run_path(str(EXAMPLES / "adding_problem.py"))["losses"]
    assert sum(losses[:100]) / 100 > 0.15
    assert sum(losses[-100:]) / 100 < 0.02
    assert "twice as long" in capsys.readouterr().out


def test_the_habits_of_torch_hold_under_jit(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "habits.py"))
    parameters, gradients, hooked, frozen, loaded, pickled = capsys.readouterr().out.splitlines()
    assert parameters == "['0.weight', '2.weight'] 33"
    assert gradients == "[('0', 'weight'), ('2', 'weight')] (4, 1)"
    assert (hooked, frozen) == ("0.0", "[('2', 'weight')]")
    assert (loaded, pickled) == ("IncompatibleKeys(missing_keys=[], unexpected_keys=[])", "True")
