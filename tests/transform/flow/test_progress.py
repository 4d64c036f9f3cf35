"""``ProgressBar``: what it shows, and that a loop is the same with one."""

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import OptionError
from brainlite.state import State
from brainlite.transform import (
    checkpointed_for_loop,
    checkpointed_scan,
    grad,
    jit,
    scan,
    vmap,
)
from brainlite.transform._flow import _progress
from brainlite.transform._flow._checks import jit_error_if
from brainlite.transform._flow._progress import ProgressBar, scan_with_progress
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values

finish: Any = jax.effects_barrier  # neither has types
wait: Any = jax.block_until_ready


class Recorder:
    """Stands for tqdm, and writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self.opened: list[dict[str, Any]] = []
        self.closed = 0
        self.n = 0
        self.text = ""

    def __call__(self, **options: Any) -> "Recorder":
        self.opened.append(options)
        self.n = 0
        return self

    def set_description_str(self, text: str, refresh: bool) -> None:
        self.text = text

    def update(self, steps: int) -> None:
        self.n += steps
        self.seen.append((self.n, self.text))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def tqdm(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(_progress, "_tqdm", lambda: recorder)
    monkeypatch.setattr(_progress, "_INTERVAL", 0)  # each update, however fast the machine is
    return recorder


class Sum:
    """A loop with a carry and a state."""

    def __init__(self) -> None:
        self.total = State(jnp.zeros(()))

    def body(self, carry: Array, x: Array) -> tuple[Array, Array]:
        self.total.value = self.total.value * 0.9 + x
        return carry + x, self.total.value

    def run(self, xs: Array, pbar: ProgressBar | int | None, reverse: bool = False) -> Any:
        if pbar is None:
            return scan(self.body, jnp.zeros(()), xs, reverse=reverse)
        return scan_with_progress(scan, pbar, self.body, 0.0, xs, len(xs), reverse, 1)


@pytest.mark.parametrize(
    ("length", "reverse"),
    [
        (1, False),
        (7, True),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(6, False), (6, True), (7, False)]
        ),
    ],
)
def test_loop_is_the_same_with_a_bar(tqdm: Recorder, length: int, reverse: bool) -> None:
    xs = jnp.sin(jnp.arange(float(length)))
    plain, ours = Sum(), Sum()

    def without(xs: Array) -> Any:
        return plain.run(xs, None, reverse)

    def with_bar(xs: Array) -> Any:
        return ours.run(xs, ProgressBar(3), reverse)

    untyped: Any = grad
    wraps: list[Callable[..., Any]] = [
        lambda fun: fun,
        jit,
        lambda fun: untyped(lambda x: fun(x)[0]),
    ]
    for wrap in wraps:
        assert_close(wrap(with_bar)(xs), wrap(without)(xs))
        assert_close(values(ours.total), values(plain.total))
    finish()
    assert tqdm.closed == len(tqdm.opened)


@pytest.mark.parametrize("reverse", [False, True])
def test_bar_opens_moves_and_closes(tqdm: Recorder, reverse: bool) -> None:
    jit(lambda xs: Sum().run(xs, ProgressBar(3, leave=False), reverse))(jnp.ones(7))
    finish()
    assert tqdm.opened == [{"total": 7, "leave": False}]
    assert [n for n, _ in tqdm.seen] == [0, 3, 6, 7] if not reverse else [0, 1, 4, 7]
    assert {text for _, text in tqdm.seen} == {"Running for 7 iterations"}
    assert tqdm.closed == 1


def test_compiled_loop_opens_a_bar_at_each_call(tqdm: Recorder) -> None:
    run = jit(lambda xs: Sum().run(xs, 2))
    for _ in range(2):
        run(jnp.ones(4))
        finish()
    assert [n for n, _ in tqdm.seen] == [0, 2, 4] * 2
    assert tqdm.closed == 2


def test_description_shows_values_of_the_loop(tqdm: Recorder) -> None:
    def fields(now: dict[str, Any]) -> dict[str, Any]:
        return {"i": now["i"], "sum": now["carry"], "y": now["y"] * 2}

    pbar = ProgressBar(2, desc=("step {i}: {sum:.1f} {y:.2f}", fields))
    loop = Sum()
    loop.run(jnp.ones(4), pbar)
    finish()
    assert [text for _, text in tqdm.seen][1:] == ["step 1: 2.0 3.80", "step 3: 4.0 6.88"]
    Sum().run(jnp.ones(4), ProgressBar(4, desc="training"))
    finish()
    assert tqdm.text == "training"


@pytest.mark.parametrize(
    ("mininterval", "shown"),
    [
        ({}, [0, 1, 2, 12, 20]),
        ({"mininterval": 0}, list(range(21))),
        ({"mininterval": 9}, [0, 1, 20]),
    ],
)
def test_updates_that_come_fast_are_left_out_but_for_the_last(
    tqdm: Recorder, monkeypatch: pytest.MonkeyPatch, mininterval: dict[str, Any], shown: list[int]
) -> None:
    clock = iter([0.0, 0.125, *(0.125 + n / 80 for n in range(1, 18))])
    monkeypatch.setattr(_progress, "_INTERVAL", 0.125)
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    pbar = ProgressBar(1, desc=("{y:.2f}", lambda now: {"y": now["y"]}), **mininterval)
    report = _progress._Report(pbar, 20)  # pyright: ignore[reportPrivateUsage]
    for done in range(21):
        report(done, {"y": done / 2})
    assert [n for n, _ in tqdm.seen] == shown
    assert [text for _, text in tqdm.seen][1:] == [f"{n / 2:.2f}" for n in shown[1:]]
    assert tqdm.closed == 1


@pytest.mark.parametrize("wrap", [lambda fun: fun, jit])
def test_what_is_no_number_may_stand_in_a_description(tqdm: Recorder, wrap: Any) -> None:
    def fields(now: dict[str, Any]) -> dict[str, Any]:
        return {"task": "copy", "parts": ["a", 1], "none": None, "y": now["y"], "n": 3}

    bar = ProgressBar(2, desc=("{task} {parts} {none} {y:.1f} {n}", fields))
    wrap(lambda xs: Sum().run(xs, bar))(jnp.ones(4))
    finish()
    assert [text for _, text in tqdm.seen][1:] == [
        "copy ['a', 1] None 1.9 3",
        "copy ['a', 1] None 3.4 3",
    ]


def test_gradients_are_the_same_where_the_description_shows_what_depends_on_the_input(
    tqdm: Recorder,
) -> None:
    bar = ProgressBar(2, desc=("{y:.1f} {carry:.1f}", lambda now: now))
    untyped: Any = grad

    def slope(pbar: ProgressBar | None) -> Any:
        return untyped(lambda xs: Sum().run(xs, pbar)[1].sum() ** 2)

    xs = jnp.arange(1.0, 5.0)
    assert_close(slope(bar)(xs), slope(None)(xs))
    assert_close(jit(slope(bar))(xs), jit(slope(None))(xs))
    lanes = jnp.stack([xs, xs + 1])
    assert_close(vmap(slope(bar))(lanes), vmap(slope(None))(lanes))
    finish()
    assert tqdm.closed == len(tqdm.opened)


def test_compiled_code_calls_no_more_than_is_shown(
    tqdm: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def monotonic() -> float:
        return calls[-1] / 4096  # so many steps in a second

    class Counted(_progress._Report):  # pyright: ignore[reportPrivateUsage]
        def __call__(self, done: Any, fields: dict[str, Any]) -> Any:
            calls.append(int(done))
            return super().__call__(done, fields)

    monkeypatch.setattr(_progress, "_INTERVAL", 0.125)
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=monotonic))
    monkeypatch.setattr(_progress, "_Report", Counted)
    jit(lambda xs: Sum().run(xs, ProgressBar(8)))(jnp.ones(4096))
    finish()
    # It looks no further ahead than twice as far as it is.
    assert calls == [0, 8, 16, 32, 64, 128, 256, 512, *range(520, 4096, 512), 4096]
    assert [n for n, _ in tqdm.seen] == [0, 8, *range(520, 4096, 512), 4096]


def test_a_loop_that_becomes_slower_moves_its_bar_again_when_twice_as_many_steps_are_done(
    tqdm: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    running = _progress._Running(tqdm, 0.1)  # pyright: ignore[reportPrivateUsage]
    assert running.is_due(1)
    clock[0] = 1e-6
    assert not running.is_due(1000)
    assert running.next_due(1000) == 2000


def test_a_loop_of_two_thousand_million_steps_looks_no_further_than_its_end(
    tqdm: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1e-3])
    monkeypatch.setattr(_progress, "_INTERVAL", 0.1)
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    total = 2**31 - 1
    report = _progress._Report(ProgressBar(1), total)  # pyright: ignore[reportPrivateUsage]
    assert [report(done, {}) for done in (0, 1, 2**31 - 2, total)][2:] == [total, total]


def test_under_vmap(tqdm: Recorder) -> None:
    loop = Sum()
    pbar = ProgressBar(2, desc=("{y:.1f}", lambda now: {"y": now["y"]}))
    loop.total.value = jnp.zeros(2)
    carry, _ = vmap(lambda xs: loop.run(xs, pbar), in_states=loop.total)(jnp.ones((2, 4)))
    finish()
    assert_same(carry, jnp.full(2, 4.0))
    assert tqdm.n == 4


def test_bar_of_a_loop_that_failed_is_closed_by_the_next(tqdm: Recorder) -> None:
    def fields(now: dict[str, Any]) -> dict[str, Any]:
        jit_error_if(now["y"] > 5, "too large")
        return now

    pbar = ProgressBar(2, desc=("{i}", fields))
    with pytest.raises(jax.errors.JaxRuntimeError, match="too large"):
        wait(Sum().run(jnp.full(4, 3.0), pbar))
    assert (len(tqdm.opened), tqdm.closed) == (1, 0)
    wait(Sum().run(jnp.ones(4), pbar))
    finish()
    assert (len(tqdm.opened), tqdm.closed) == (2, 2)


def test_body_runs_once_where_updates_cut_evenly(tqdm: Recorder) -> None:
    runs = Runs()

    def body(carry: Array, x: Array) -> tuple[Array, Array]:
        runs.add()
        return carry, x

    def loop(length: int, pbar: ProgressBar) -> Callable[[], Any]:
        return lambda: scan_with_progress(scan, pbar, body, 0.0, jnp.ones(length), length, False, 1)

    assert runs.of(loop(1000, ProgressBar())) == 1
    assert runs.of(loop(100, ProgressBar(10))) == 1
    assert runs.of(loop(101, ProgressBar(10))) == 2


def test_updates_are_cut_evenly(tqdm: Recorder) -> None:
    bars = [ProgressBar(), ProgressBar(7), ProgressBar(count=3), ProgressBar(1000)]
    steps = [[bar.steps_per_update(length) for length in (1, 90, 100, 1000)] for bar in bars]
    assert steps == [[1, 5, 5, 50], [1, 7, 7, 7], [1, 30, 34, 334], [1, 90, 100, 1000]]


def test_equal_options_make_equal_bars(tqdm: Recorder) -> None:
    assert ProgressBar(2, leave=True) == ProgressBar(2, leave=True)
    assert hash(ProgressBar(2)) == hash(ProgressBar(2))
    assert ProgressBar(2) != ProgressBar(3)
    assert repr(ProgressBar(2, leave=True)) == "ProgressBar(freq=2, leave=True)"


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"freq": 2, "count": 3}, "freq=2, count=3"),
        ({"freq": 0}, "freq=0"),
        ({"count": -1}, "count=-1"),
        ({"freq": 1.5}, r"freq=1\.5"),
    ],
)
def test_bad_options(tqdm: Recorder, options: dict[str, Any], got: str) -> None:
    with pytest.raises(OptionError, match=rf"freq or count, not both[\s\S]*got: +{got}\n"):
        ProgressBar(**options)


def test_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install brainlite\[progress\]"):
        ProgressBar()


def test_with_tqdm_itself() -> None:
    pytest.importorskip("tqdm")
    written = io.StringIO()
    Sum().run(jnp.ones(6), ProgressBar(2, desc="six", file=written, mininterval=0))
    finish()
    assert "six: 100%" in written.getvalue()
    assert "6/6" in written.getvalue()


@pytest.mark.parametrize("length", [3, 50])
def test_checkpointed_loops_show_progress_once(tqdm: Recorder, length: int) -> None:
    xs = jnp.sin(jnp.arange(float(length)))

    def loss(xs: Array, pbar: ProgressBar | None) -> Array:
        loop = Sum()
        carry, ys = checkpointed_scan(loop.body, jnp.zeros(()), xs, base=4, pbar=pbar)
        return carry**2 + (ys * checkpointed_for_loop(jnp.sin, xs, base=2)).sum()

    untyped: Any = grad
    for wrap in (lambda fun: fun, jit):
        plain = wrap(untyped(lambda xs: loss(xs, None), return_value=True))(xs)
        shown = wrap(untyped(lambda xs: loss(xs, ProgressBar(7)), return_value=True))(xs)
        finish()
        assert_close(shown, plain)
        assert [n for n, _ in tqdm.seen] == [0, *range(7, length, 7), length]  # not once more
        tqdm.seen.clear()
    assert tqdm.closed == len(tqdm.opened)
    checkpointed_for_loop(jnp.sin, xs[:0], pbar=2)
    finish()
    assert tqdm.seen == []


def test_a_description_of_a_checkpointed_loop_shows_its_values(tqdm: Recorder) -> None:
    bar = ProgressBar(5, desc=("{y:.1f}", lambda now: {"y": now["y"]}))
    checkpointed_for_loop(lambda x: x * 2, jnp.arange(10.0), base=2, pbar=bar)
    finish()
    assert [text for _, text in tqdm.seen][1:] == ["8.0", "18.0"]
