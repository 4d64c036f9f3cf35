"""A bar for loops of Python, with numbers beside it."""

import io
import sys
import time

import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.nn._data import progress as inside

pytest.importorskip("tqdm")


def test_the_bar_shows_the_steps_and_the_last_numbers() -> None:
    text = io.StringIO()
    bar = nn.progress([1, 2, 3], "epoch 1", file=text)
    seen: list[int] = []
    for step in bar:
        seen.append(step)
        bar.show(loss=jnp.float32(1 / step), step=step)
    assert seen == [1, 2, 3]
    last = text.getvalue().rstrip().rpartition("\r")[2]
    assert last.startswith("epoch 1: 100%")
    assert "3/3" in last
    assert "loss=0.3333, step=3" in last


def test_numbers_are_looked_at_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    looked: list[object] = []

    def look(number: object) -> str:
        looked.append(number)
        return ""

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(inside, "_text", look)
    bar = nn.progress(range(100), file=io.StringIO())
    for step in bar:
        bar.show(n=step)
        now[0] += 0.03
    assert 20 <= len(looked) <= 35
    assert looked[-1] == 99


def test_a_loop_that_is_left_or_has_no_length(capsys: pytest.CaptureFixture[str]) -> None:
    text = io.StringIO()
    for step in nn.progress((n for n in range(3)), total=3, file=text):
        if step == 1:
            break
    assert "1/3" in text.getvalue()
    failing = iter(nn.progress((1 // n for n in (1, 0)), file=text))
    next(failing)
    with pytest.raises(ZeroDivisionError, match="division"):
        next(failing)
    assert list(nn.progress(iter([1]), file=text)) == [1]
    assert capsys.readouterr() == ("", "")


def test_without_tqdm_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install brainlite\[progress\]"):
        nn.progress(range(3))
