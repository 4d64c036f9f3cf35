"""Transforms under jax.disable_jit(): bodies run as Python, with values that can be looked at."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite._jax_compat import Tracer
from brainlite.errors import LoopStateError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import (
    ProgressBar,
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    ifelse,
    jit,
    scan,
    switch,
    value_and_grad,
    vmap,
    while_loop,
)
from brainlite.transform import map as map_slices
from brainlite.typing import Array

XS = jnp.arange(1.0, 5.0)
ONE = jnp.ones(())


@pytest.fixture
def _plain() -> Iterator[None]:
    with jax.disable_jit():
        yield


class Total(Node):
    """Adds up, and looks at each value as only Python can."""

    def __init__(self) -> None:
        self.total = State(jnp.zeros(()))
        self.weight = ParamState(jnp.asarray(2.0))
        self.seen: list[float] = []

    def __call__(self, x: Any) -> Any:
        if x > 0:
            self.total.value = self.total.value + x
        self.seen.append(float(self.total.value))
        return x * self.weight.value


def negative(x: Any) -> Any:
    return -x


def with_a_bar(module: Any) -> Any:
    pytest.importorskip("tqdm")
    return for_loop(module, XS, pbar=ProgressBar(freq=2, disable=True))


Run = Callable[[Total], Any]
RUNS: dict[str, Run] = {
    "jit": lambda m: jit(m)(XS[0]),
    "jit with the module as an argument": lambda m: jit(lambda m, x: m(x))(m, XS[0]),
    "for_loop": lambda m: for_loop(m, XS),
    "for_loop in reverse": lambda m: for_loop(m, XS, reverse=True),
    "for_loop with a bar": with_a_bar,
    "scan": lambda m: scan(lambda c, x: (c + x, m(x)), 0.0, XS),
    "checkpointed": lambda m: checkpointed_for_loop(m, XS, base=2),
    "map": lambda m: map_slices(m, XS),
    "while_loop": lambda m: while_loop(lambda c: c < 10, lambda c: c + m(c), 1.0),
    "bounded": lambda m: bounded_while_loop(lambda c: c < 10, lambda c: c + m(c), 1.0, max_steps=9),
    "cond": lambda m: cond(True, m, lambda x: -x, XS[1]),
    "switch": lambda m: switch(1, [negative, m.__call__], XS[1]),
    "ifelse": lambda m: ifelse([False, True], [negative, m.__call__], XS[1]),
    "checkpoint": lambda m: checkpoint(m)(XS[1]),
    "jit of a loop": lambda m: jit(lambda xs: for_loop(m, xs).sum())(XS),
}


def plain_total(run: Run) -> tuple[Any, Total]:
    model = Total()
    return run(model), model


class Smooth(Total):
    """The same without a look at the values, for a run under trace."""

    def __call__(self, x: Any) -> Any:
        self.total.value = self.total.value + jnp.where(x > 0, x, 0.0)
        return x * self.weight.value


@pytest.mark.parametrize("name", RUNS)
def test_a_body_may_look_at_values_and_comes_to_the_same(name: str) -> None:
    run = RUNS[name]
    compiled = Smooth()
    expected = run(compiled)
    with jax.disable_jit():
        out, model = plain_total(run)
    jax.tree.map(np.testing.assert_allclose, out, expected)
    assert jax.tree.map(jnp.shape, out) == jax.tree.map(jnp.shape, expected)
    np.testing.assert_allclose(model.total.value, compiled.total.value)
    assert model.seen
    assert model.seen[-1] == float(model.total.value)


@pytest.mark.usefixtures("_plain")
def test_a_gradient_may_look_at_values_under_disable_jit() -> None:
    model = Total()
    value, gradient = value_and_grad(lambda: for_loop(model, XS).sum(), model.weight)()
    assert float(gradient) == 10.0
    assert float(value) == 20.0
    assert model.seen == [1.0, 3.0, 6.0, 10.0]


@pytest.mark.usefixtures("_plain")
def test_a_lane_looks_at_what_it_does_not_map_over() -> None:
    model = Total()
    kinds: list[str] = []

    def lane(x: Array) -> Array:
        kinds.append(type(x).__name__)
        assert float(model.weight.value) == 2.0
        return model.weight.value * x

    np.testing.assert_allclose(vmap(lane)(XS), 2 * XS)
    assert kinds
    assert not any("Jaxpr" in kind for kind in kinds)  # lanes of values, and not a trace of shapes


@pytest.mark.parametrize("name", [name for name in RUNS if "bar" not in name])
@pytest.mark.usefixtures("_plain")
def test_an_exception_on_the_way_leaves_states_as_they_were(name: str) -> None:
    class Failing(Total):
        def __call__(self, x: Any) -> Any:
            super().__call__(x)
            raise ArithmeticError("on purpose")

    model = Failing()
    with pytest.raises(ArithmeticError, match="on purpose"):
        RUNS[name](model)
    assert float(model.total.value) == 0.0


def test_a_function_compiled_before_runs_plainly_and_compiled_again_after() -> None:
    looks: list[bool] = []

    @jit
    def double(x: Array) -> Array:
        looks.append(isinstance(x, Tracer))
        return 2 * x

    double(XS)
    double(XS)
    with jax.disable_jit():
        double(XS)
        double(XS)
    double(XS)
    assert looks == [True, False, False]


@pytest.mark.usefixtures("_plain")
def test_a_carry_that_changes_raises_as_it_does_compiled() -> None:
    with pytest.raises(LoopStateError, match=r"expected: a carry like init: .*float32\[\]"):
        scan(lambda c, _: (jnp.ones(2), None), jnp.zeros(()), XS)
    with pytest.raises(LoopStateError, match=r"the carry of a while_loop changes"):
        while_loop(lambda c: True, lambda c: jnp.ones(2), jnp.zeros(()))
    count = State(jnp.zeros(()))

    def writes(_: Array) -> bool:
        count.value = count.value + 1
        return False

    with pytest.raises(LoopStateError, match="the condition of a while_loop writes states"):
        while_loop(writes, lambda c: c, jnp.zeros(()))
    assert float(count.value) == 0.0


@pytest.mark.usefixtures("_plain")
def test_a_loop_of_no_steps_gives_what_it_gives_compiled() -> None:
    assert for_loop(Smooth(), jnp.zeros((0,))).shape == (0,)


@pytest.mark.usefixtures("_plain")
def test_a_while_loop_in_a_lane_is_compiled_as_jax_does() -> None:
    def count(x: Array) -> Array:
        return while_loop(lambda c: c < 10, lambda c: c * 2, x)

    assert vmap(count)(XS).tolist() == [16.0, 16.0, 12.0, 16.0]
    assert vmap(lambda x: cond(x > 2, lambda: ONE, lambda: -ONE))(XS).tolist() == [-1, -1, 1, 1]


@pytest.mark.usefixtures("_plain")
def test_states_made_in_a_body_are_there_afterwards() -> None:
    class Fresh(Node):
        h: HiddenState[Array]

        def __call__(self, x: Array) -> Array:
            if not hasattr(self, "h"):
                self.h = HiddenState(jnp.zeros(()))
            self.h.value = self.h.value + x
            return self.h.value

    model = Fresh()
    assert for_loop(model, XS).tolist() == [1.0, 3.0, 6.0, 10.0]
    assert float(model.h.value) == 10.0


@pytest.mark.usefixtures("_plain")
def test_what_is_recorded_is_the_same() -> None:
    cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(1, 2))
    with brainlite.nn.record(cell) as history:
        ys = for_loop(cell, XS[:, None])
    np.testing.assert_array_equal(history["h"], ys)


def test_the_environment_variable_of_jax_does_the_same() -> None:
    program = (
        "import brainlite, jax.numpy as jnp\n"
        "step = brainlite.transform.jit(lambda x: int(x) + (1 if x > 0 else 2))\n"
        "print(step(jnp.asarray(2.0)))\n"
        "grad = brainlite.transform.grad(lambda x: x * x if x > 0 else -x)\n"
        "print(brainlite.transform.jit(grad)(3.0))"
    )
    environment = {**os.environ, "JAX_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["3", "6.0"]


@pytest.mark.usefixtures("_plain")
def test_a_gradient_of_the_body_itself_looks_at_values() -> None:
    assert float(grad(lambda x: x * x if x > 0 else -x)(3.0)) == 6.0
