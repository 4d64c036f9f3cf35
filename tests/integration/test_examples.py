"""The example programs run and do what they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_train_gru_learns_the_wave(capsys: pytest.CaptureFixture[str]) -> None:
    losses = runpy.run_path(str(EXAMPLES / "train_gru.py"))["losses"]
    assert losses[0] > 0.1
    assert losses[-1] < 0.002
    assert "after" in capsys.readouterr().out
