"""Settings that are inputs of a compilation: compiled once, and never stale."""

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn, random
from brainlite._jax_compat import jaxpr_as_fun
from brainlite.state import ParamState, ShortTermState, State
from brainlite.transform import (
    checkpoint,
    cond,
    eval_shape,
    for_loop,
    grad,
    jit,
    make_jaxpr,
    scan,
    vmap,
    while_loop,
)
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, counted_work

T = 3.0
ONE = jnp.ones(())
ONES = jnp.ones(3)


def read() -> Any:
    return environ.get("t") * 2.0


def through_while() -> Any:
    return while_loop(lambda n: n < environ.get("t"), lambda n: n + 1.0, jnp.zeros(()))


def through_scan() -> Any:
    return scan(lambda c, x: (c + x * environ.get("t"), c), jnp.zeros(()), ONES)[0]


def through_inner_context() -> Any:
    def step(n: Array) -> Any:
        with environ.context(t=environ.get("t") + n):
            return for_loop(lambda x: x * environ.get("t"), ONES).sum() + jit(read)()

    return for_loop(step, jnp.arange(3.0))


def through_grad() -> Any:
    return grad(lambda w: (w * environ.get("t") ** 2).sum())(ONES)


def through_grad_of_a_loop() -> Any:
    return grad(lambda w: for_loop(lambda x: x * w * environ.get("t"), ONES).sum())(jnp.ones(()))


def through_lanes() -> Any:
    def lane(x: Array) -> Any:
        with environ.context(t=x * environ.get("t")):
            return for_loop(lambda y: y * environ.get("t"), ONES)

    return vmap(lane)(jnp.arange(4.0))


def through_a_raw_transform() -> Any:
    def lane(x: Array) -> Any:
        with environ.context(t=x + environ.get("t")):
            return x * environ.get("t") + jax.lax.fori_loop(0, 3, lambda _, y: y + read(), x)

    return jax.vmap(lane)(jnp.arange(4.0))


# Each reads `t` in another way; the sum of the results depends on it.
READERS: dict[str, Callable[[], Any]] = {
    "jit": read,
    "nested jit": lambda: jit(read)() + jit(lambda: jit(read)())(),
    "for_loop": lambda: for_loop(lambda x: x * environ.get("t"), ONES),
    "scan": through_scan,
    "cond": lambda: cond(jnp.asarray(True), read, lambda: jnp.zeros(())),
    "cond on it": lambda: cond(environ.get("t") > 2, lambda: 1.0, lambda: 0.0),
    "while_loop": through_while,
    "grad": through_grad,
    "grad of a loop": through_grad_of_a_loop,
    "vmap": through_lanes,
    "checkpoint": lambda: checkpoint(read)(),
    "an inner context": through_inner_context,
    "a raw transform": through_a_raw_transform,
    "all()": lambda: environ.all()["t"] * 1.0,
}
TIMES: dict[str, Callable[[float], Any]] = {
    "a float": float,
    "an array": jnp.asarray,
    "an array of numpy": np.float32,
}


CASES = [
    *((how, kind, "context") for how in READERS for kind in ("a float", "an array")),
    ("jit", "an array of numpy", "context"),
    ("jit", "a float", "set"),
    ("an inner context", "an array", "set"),
]


@pytest.mark.parametrize(("how", "kind", "way"), CASES)
def test_a_time_that_changes_is_compiled_once_and_never_stale(
    how: str, kind: str, way: str
) -> None:
    runs, reader = Runs(), READERS[how]

    @jit
    def step() -> Any:
        runs.add()
        return reader()

    try:
        for t in (1.0, T):
            time = TIMES[kind](t)
            with environ.context(**({"t": time} if way == "context" else {})):
                if way == "set":
                    environ.set(t=time)
                with jax.disable_jit():
                    expected = reader()
                assert_close(step(), expected)
    finally:
        environ.pop("t", None)
    assert runs.count == 1


EAGERLY = ("for_loop", "scan", "cond", "cond on it", "while_loop", "vmap", "checkpoint")


@pytest.mark.parametrize("how", EAGERLY)
def test_eagerly_it_compiles_nothing_anew(how: str) -> None:
    reader = READERS[how]
    for t in (1.0, T):
        with environ.context(t=t):
            reader()
    with counted_work() as work, environ.context(t=2.5):
        result = reader()
    assert not work.compiled
    with environ.context(t=2.5), jax.disable_jit():
        assert_close(result, reader())


def test_the_number_of_a_step_is_an_input_too() -> None:
    runs = Runs()

    @jit
    def step(x: Array) -> Any:
        runs.add()
        return x[environ.get("i")] * environ.get("t")

    for i in range(5):
        with environ.context(i=i, t=0.1 * i):
            assert_close(step(jnp.arange(5.0)), np.float32(0.1 * i * i))
    assert runs.count == 1


def test_a_time_may_come_and_go() -> None:
    runs = Runs()

    @jit
    def step(x: Array) -> Any:
        runs.add()
        return x * environ.get("t", 7.0)

    for t, expected in ((None, 7.0), (2.0, 2.0), (None, 7.0), (3.0, 3.0)):
        if t is None:
            assert step(ONE) == expected
        else:
            with environ.context(t=t):
                assert step(ONE) == expected
    assert runs.count == 2


def test_a_constant_may_take_the_place_of_an_input() -> None:
    @jit
    def step(x: Array) -> Any:
        t = environ.get("t")
        return x if t is None or isinstance(t, str) else x * t

    for t, expected in ((2.0, 2.0), (None, 1.0), (3.0, 3.0), ("now", 1.0), (4.0, 4.0)):
        with environ.context(t=t):
            assert step(ONE) == expected


@pytest.mark.parametrize(
    "times",
    [
        (1.0, 2, True, np.int8(3), jnp.asarray(2, "int16"), np.float16(0.5)),
        (jnp.ones(3), jnp.ones(()), jnp.full((2, 3), 5.0), 3.0),
    ],
)
def test_another_dtype_or_shape_is_compiled_for(times: tuple[Any, ...]) -> None:
    step = jit(lambda x: x * environ.get("t"))
    for t in (*times, *times):
        with environ.context(t=t):
            result, expected = step(ONES), ONES * t
            assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
            assert_close(result, expected)


def test_an_inner_context_that_does_not_depend_on_the_outer_one_stays_what_it_is() -> None:
    # The same number outside, by chance, must not make it an input.
    time = 5.0

    @jit
    def step() -> Any:
        with environ.context(t=time):
            return read()

    for outside in (5.0, 9.0):
        with environ.context(t=outside):
            assert step() == 10.0


def test_contexts_of_several_keys_nest() -> None:
    @jit
    def step() -> Any:
        with environ.context(i=1):
            return environ.get("t") * 100 + environ.get("i") * 10 + environ.get("noise")

    for t in (1.0, 2.0):
        with environ.context(t=t, i=7), environ.context(noise=jnp.asarray(t)):
            assert step() == t * 100 + 10 + t


def test_any_array_is_an_input() -> None:
    runs = Runs()

    @jit
    def step() -> Any:
        runs.add()
        return environ.get("noise").sum()

    for kind in (jnp.asarray, np.asarray):
        for n in range(3):
            with environ.context(noise=kind([float(n), 1.0], np.float32)):
                assert step() == n + 1.0
    assert runs.count == 1


def test_an_array_of_numpy_that_is_edited_in_place_is_seen() -> None:
    noise, step = np.ones(3), jit(lambda: environ.get("noise").sum())
    with environ.context(noise=noise):
        assert step() == 3.0
        noise[0] = 5.0
        assert step() == 7.0


def test_threads_have_times_of_their_own() -> None:
    step, wrong = jit(lambda x: x * environ.get("t")), list[Any]()
    with environ.context(t=0.0):
        step(1.0)
    start = threading.Barrier(4)

    def work(t: float) -> None:
        start.wait(timeout=30)
        for _ in range(200):
            with environ.context(t=t):
                result = float(step(1.0))
            if result != t:
                wrong.append((t, result))

    threads = [threading.Thread(target=work, args=(float(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not wrong


def test_a_module_among_the_arguments_reads_it() -> None:
    class Clock(nn.Module):
        def __init__(self) -> None:
            self.last = ShortTermState(jnp.zeros(()))
            self.weight = ParamState(jnp.ones(()))

        def update(self, x: Array) -> Array:
            self.last.value = x * environ.get("t") * self.weight.value
            return self.last.value

    runs = Runs()

    @jit
    def step(model: Clock, x: Array) -> Any:
        runs.add()
        return grad(lambda: model(x), model.states(ParamState))()[("weight",)]

    for t in (1.0, 2.0):
        for model in (Clock(), Clock()):
            with environ.context(t=t):
                assert step(model, jnp.asarray(3.0)) == 3.0 * t
            assert float(model.last.value) == 3.0 * t
    assert runs.count == 1


def test_with_random_numbers_it_is_never_stale() -> None:
    step = jit(lambda: random.rand() * 0 + environ.get("t"))
    for t in (1.0, 2.0):
        with environ.context(t=t):
            assert step() == t


def test_an_exception_leaves_the_time_as_it_was() -> None:
    @jit
    def step() -> Any:
        with environ.context(t=9.0):
            raise ArithmeticError("on purpose")

    with environ.context(t=1.0):
        with pytest.raises(ArithmeticError, match="on purpose"):
            step()
        assert environ.get("t") == 1.0


def test_no_trace_is_kept() -> None:
    total = State(jnp.zeros(()))

    def step(n: Array) -> Any:
        with environ.context(t=n):
            total.value += jit(read)()
            return total.value

    with jax.checking_leaks():
        assert for_loop(step, jnp.arange(3.0))[-1] == 6.0
        assert jit(lambda: for_loop(step, jnp.arange(3.0)))()[-1] == 12.0


def test_the_error_names_the_setting_whose_value_is_asked_for() -> None:
    step = jit(lambda: 1 if environ.get("t") > 0 else 0)
    with (
        environ.context(t=1.0),
        pytest.raises(jax.errors.TracerBoolConversionError, match="the value of t"),
    ):
        step()


def test_types_and_jaxprs_have_it_as_an_input() -> None:
    with environ.context(t=1.0):
        assert eval_shape(read).dtype == "float32"
        closed, states = make_jaxpr(read)()
    assert [state.name for state in states] == ["t"]
    [result, _] = jaxpr_as_fun(closed)(4.0)
    assert result == 8.0
