"""A keyboard interrupt may come between any two steps of the interpreter: nothing stays open."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite import environ
from brainlite._jax_compat import no_trace, trace_cell
from brainlite.graph import _node
from brainlite.nn import Linear
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._frame import current_frame
from brainlite.transform import cond, for_loop, grad, jit, vmap
from brainlite.typing import Array

PACKAGE = str(Path(brainlite.__file__).parent)
X = jnp.ones((4, 3))


class Interrupter:
    """Raises at one of the steps that the interpreter takes in the code of the library."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.steps = 0

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.steps += 1
            if self.steps == self.at:
                raise KeyboardInterrupt("by hand")
        return self._trace

    def run(self, work: Callable[[], object]) -> bool:
        """Say whether the work was cut short."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False


class Program:
    """Work that writes a state by a transform, made anew for each try so that it is traced."""

    def __init__(self) -> None:
        self.model = Linear(3, 2)
        self.total = State(jnp.zeros(()))
        self.other = HiddenState(jnp.zeros(()))
        self.steps = 0

    def body(self, x: Array) -> Array:
        loss: Array = (self.model(x) ** 2).sum()
        with environ.context(fit=True):
            self.total.value = self.total.value + 1
            self.other.value = self.other.value - 1
        return loss

    def grad(self) -> None:
        grad(lambda: self.body(X), self.model.states(ParamState))()

    def jit(self) -> None:
        jit(self.body)(X)

    def loop(self) -> None:
        for_loop(self.body, X[:1])

    def lanes(self) -> None:
        vmap(self.body)(X)

    def branch(self) -> None:
        cond(True, self.body, self.body, X)

    def nested(self) -> None:
        jit(lambda: grad(lambda: for_loop(self.body, X[:1]).sum(), self.model.weight)())()


WORK = [Program.grad, Program.jit, Program.loop, Program.lanes, Program.branch, Program.nested]
NAMES = [work.__name__ for work in WORK]


def check(work: Callable[[Program], None], at: int) -> None:
    program = Program()
    settings = environ.all()
    assert Interrupter(at).run(lambda: work(program))
    assert current_frame.get() is None
    assert trace_cell.value is no_trace
    assert environ.all() == settings
    count = float(program.total.value)
    assert count in (0.0, 1.0)
    work(program)  # the library works on
    assert program.total.value == count + 1
    # All that may be left is that attributes are watched for longer, which takes time only.
    _node._open_frames.clear()  # pyright: ignore[reportPrivateUsage]


def steps_of(work: Callable[[Program], None]) -> int:
    work(Program())  # what happens once in a process is done
    counting = Interrupter(None)
    program = Program()
    assert not counting.run(lambda: work(program))
    return counting.steps


@pytest.mark.parametrize("work", WORK, ids=NAMES)
def test_an_interrupt_leaves_nothing_open(work: Callable[[Program], None]) -> None:
    steps = steps_of(work)
    assert steps > 500
    for at in random.Random(0).sample(range(1, steps + 1), 8):
        check(work, at)


@pytest.mark.slow
@pytest.mark.parametrize("work", WORK, ids=NAMES)
def test_an_interrupt_anywhere_leaves_nothing_open(work: Callable[[Program], None]) -> None:
    steps = steps_of(work)
    for at in random.Random(1).sample(range(1, steps + 1), min(steps, 334)):
        check(work, at)


SIGNALS = """
import random, signal
import jax.numpy as jnp
import brainlite
from brainlite._jax_compat import no_trace, trace_cell
from brainlite.state._frame import current_frame

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
model, x = brainlite.nn.Linear(3, 2), jnp.ones((4, 3))
step = brainlite.transform.grad(lambda: (model(x) ** 2).sum(), model.states(brainlite.ParamState))
step()
draw = random.Random(0)
open_after = 0
for _ in range(COUNT):
    try:
        signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.001, 0.02))
        for _ in range(20):  # not for ever: a signal during a finalizer is ignored by Python
            step()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except (KeyboardInterrupt, ValueError):  # in a comparison, jax makes the latter of the former
        pass
    left_open = current_frame.get() is not None or trace_cell.value is not no_trace
    open_after += left_open
    if left_open:
        break
    model.weight.value = model.weight.value
print("left open:", open_after)
"""


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_signals_leave_no_frame_open(count: int) -> None:
    if sys.platform == "win32":
        pytest.skip("this platform has no interval timer")
    program = SIGNALS.replace("COUNT", str(count))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.stdout.strip() == "left open: 0", done.stderr
