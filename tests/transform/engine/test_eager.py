"""Eager loops and branches see what Python sees, and compile once."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.state import ParamState, State
from brainlite.transform import cond, for_loop, scan, switch, vmap, while_loop
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, counted_work, values
from tests.transform.small import Counter, Scale, Total

XS = jnp.arange(1.0, 4.0)

Step = Callable[[Array], Array]


def by_for_loop(step: Step) -> Array:
    return for_loop(step, XS)


def by_scan(step: Step) -> Array:
    def body(carry: Array, x: Array) -> tuple[Array, Array]:
        return carry + 1, step(x) + carry * 0

    return scan(body, jnp.zeros(()), XS)[1]


def by_while_loop(step: Step) -> Array:
    def body(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        return carry[0] + 1, carry[1].at[carry[0]].set(step(carry[1][carry[0]]))

    return while_loop(lambda carry: carry[0] < 3, body, (jnp.asarray(0), XS))[1]


def by_cond(step: Step) -> Array:
    return jnp.stack([cond(True, step, lambda x: x, x) for x in XS])


def by_switch(step: Step) -> Array:
    return jnp.stack([switch(1, [lambda x: x, step, lambda x: -x], x) for x in XS])


def by_vmap(step: Step) -> Array:
    return vmap(step)(XS)


WAYS: list[Callable[[Step], Array]] = [
    by_for_loop,
    by_scan,
    by_while_loop,
    by_cond,
    by_switch,
    by_vmap,
]
each_way = pytest.mark.parametrize("way", WAYS)
each_sequential_way = pytest.mark.parametrize("way", WAYS[:-1])


class Method(Node):
    """Something with a method."""

    def __init__(self) -> None:
        self.weight = ParamState(jnp.full((), 2.0))

    def step(self, x: Array) -> Array:
        return x * self.weight.value


def fresh_lambdas() -> Callable[[], Step]:
    scale = State(jnp.full((), 2.0))
    return lambda: lambda x: x * scale.value


def methods() -> Callable[[], Step]:
    model = Method()
    return lambda: model.step


def modules() -> Callable[[], Step]:
    return lambda: Total()


def closures_over_arrays() -> Callable[[], Step]:
    counts = iter(range(1, 9))

    def make() -> Step:
        array = jnp.full((), float(next(counts)))
        return lambda x: x * array

    return make


def closures_over_numpy_arrays() -> Callable[[], Step]:
    counts = iter(range(1, 9))

    def make() -> Step:
        array = np.arange(float(next(counts)), 9.0, dtype=np.float32)
        return lambda x: x * jnp.asarray(array[:1]).sum()

    return make


def functions_of_jax() -> Callable[[], Step]:
    return lambda: lambda x: jax.nn.relu(jax.nn.gelu(x)) + jnp.where(x > 0, x, 0.0)


def functions_with_rules() -> Callable[[], Step]:
    @jax.custom_vjp
    def rounded(x: Array) -> Array:
        return jnp.round(x)

    rounded.defvjp(lambda x: (rounded(x), None), lambda _, g: (g,))
    return lambda: lambda x: rounded(x) * 2


def inner_loops() -> Callable[[], Step]:
    return lambda: lambda x: for_loop(lambda y: x * y, jnp.ones(2)).sum()


def inner_raw_transforms() -> Callable[[], Step]:
    return lambda: lambda x: jax.grad(lambda y: jax.jit(jnp.sin)(y))(x)


KINDS: list[Callable[[], Callable[[], Step]]] = [
    fresh_lambdas,
    methods,
    closures_over_arrays,
    closures_over_numpy_arrays,
    functions_of_jax,
    functions_with_rules,
    inner_loops,
    inner_raw_transforms,
]


@each_way
@pytest.mark.parametrize("kind", KINDS)
def test_the_second_call_compiles_nothing(
    way: Callable[[Step], Array], kind: Callable[[], Callable[[], Step]]
) -> None:
    make = kind()
    for _ in range(2):  # numbers and arrays differ in whether they are weakly typed
        way(make())
    step = make()
    with counted_work() as work:
        ys = way(step)
    assert work.compiled == 0
    assert_close(ys, [step(x) for x in XS])


@each_sequential_way
def test_the_second_call_with_a_module_compiles_nothing(way: Callable[[Step], Array]) -> None:
    for _ in range(2):
        way(Total())
    model = Total()
    with counted_work() as work:
        way(model)
    assert work.compiled == 0
    assert_close(values(model.total), [6.0])


def test_numbers_that_differ_in_the_body_are_told_apart() -> None:
    def sign(number: float, x: Array) -> Array:
        return jnp.copysign(x, number) + number

    for number in (1.0, 2.0, -0.0, 0.0):
        expected = np.copysign(np.asarray(XS), number) + np.float32(number)
        assert_same(for_loop(functools.partial(sign, number), XS), expected)


def test_parameters_of_operations_that_differ_are_told_apart() -> None:
    def add_up(reverse: bool, x: Array) -> Array:
        return jax.lax.cumsum(jnp.stack([x, x * 2]), reverse=reverse)

    xs = np.asarray(XS)
    assert_close(for_loop(functools.partial(add_up, False), XS), np.stack([xs, xs * 3], 1))
    assert_close(for_loop(functools.partial(add_up, True), XS), np.stack([xs * 3, xs * 2], 1))


@each_way
def test_arrays_inside_a_compiled_function_that_differ_are_told_apart(
    way: Callable[[Step], Array],
) -> None:
    for factor in (2.0, 3.0):
        weights = jnp.full(5, factor)
        inner = jax.jit(lambda x: x * weights[2])  # noqa: B023  # called in this round only
        assert_close(way(inner), XS * factor)


def test_structures_of_results_that_differ_are_told_apart() -> None:
    assert_same(for_loop(lambda x: {"a": x}, XS), {"a": XS})
    assert_same(for_loop(lambda x: [x], XS), [XS])
    assert_same(for_loop(lambda x: (x, None), XS), (XS, None))


def test_reverse_and_unroll_are_told_apart() -> None:
    forward, backward = Total(), Total()
    assert_close(for_loop(forward, XS), [1.0, 3.0, 6.0])
    assert_close(for_loop(backward, XS, reverse=True), [6.0, 5.0, 3.0])
    assert_close(for_loop(Total(), XS, unroll=3), [1.0, 3.0, 6.0])


def test_states_that_change_roles_are_told_apart() -> None:
    first, second = State(jnp.zeros(())), State(jnp.ones(()))

    def add(target: State[Array], source: State[Array]) -> Step:
        def step(x: Array) -> Array:
            target.value = target.value + source.value * x
            return target.value

        return step

    assert_close(for_loop(add(first, second), XS), [1.0, 3.0, 6.0])
    assert_close(for_loop(add(second, first), XS), [7.0, 19.0, 37.0])
    assert_close(for_loop(add(first, first), XS), [12.0, 36.0, 144.0])


GLOBAL = 1.0


class Plain:
    """An object that is no node."""

    def __init__(self) -> None:
        self.gain = 1.0


@each_way
def test_what_python_sees_is_seen(
    way: Callable[[Step], Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, cell = Plain(), 1.0
    array = np.ones((), np.float32)
    mapping = {"gain": 1.0}

    def step(x: Array) -> Array:
        return x * GLOBAL * cell * plain.gain * jnp.asarray(array) * mapping["gain"]

    expected = np.asarray(XS)
    assert_close(way(step), expected)
    monkeypatch.setitem(globals(), "GLOBAL", 2.0)
    assert_close(way(step), expected * 2)
    cell = 3.0
    assert_close(way(step), expected * 6)
    plain.gain = 5.0
    assert_close(way(step), expected * 30)
    array[()] = 7.0
    assert_close(way(step), expected * 210)
    mapping["gain"] = 0.5
    assert_close(way(step), expected * 105)


@each_way
def test_a_numpy_array_edited_in_place_is_seen_though_nothing_is_compiled(
    way: Callable[[Step], Array],
) -> None:
    table = np.ones(3, np.float32)

    def step(x: Array) -> Array:
        return x * jnp.asarray(table).sum()

    way(step)
    table[1] = 5.0
    with counted_work() as work:
        ys = way(step)
    assert work.compiled == 0
    assert_close(ys, np.asarray(XS) * 7)


@each_sequential_way
def test_python_code_runs_at_each_call(way: Callable[[Step], Array]) -> None:
    runs, model = Runs(), Counter()

    def step(x: Array) -> Array:
        runs.add()
        return model(x)

    counts = [runs.of(lambda: way(step)) for _ in range(3)]
    assert len(set(counts)) == 1
    assert counts[0] in (1, 3)  # three calls of cond, one of the others
    assert_same(values(model.count), [9])


def test_a_cached_loop_writes_to_the_states_of_this_call() -> None:
    models = [Counter() for _ in range(3)]
    for number, model in enumerate(models, 1):
        for _ in range(number):
            for_loop(model, XS)
    assert_same(values(*(model.count for model in models)), [3, 6, 9])


def _noisy(generator: RandomState, x: Array) -> Array:
    return x + generator.normal(0.0, 1.0)


def test_a_cached_loop_draws_from_the_generator_of_this_call() -> None:
    for seed in (0, 1):
        generator, twin = RandomState(seed), RandomState(seed)
        drawn = for_loop(functools.partial(_noisy, generator), XS)
        assert_close(drawn, [x + twin.normal(0.0, 1.0) for x in XS])


def test_a_callback_is_called_by_the_loop_that_has_it() -> None:
    heard: list[tuple[str, float]] = []

    def body(name: str) -> Step:
        def step(x: Array) -> Array:
            jax.debug.callback(lambda x: heard.append((name, float(x))), x, ordered=True)
            return x

        return step

    for name in ("first", "second"):
        for_loop(body(name), XS)
    barrier: Any = jax.effects_barrier
    barrier()
    assert heard == [(name, x) for name in ("first", "second") for x in (1.0, 2.0, 3.0)]


def test_an_eager_vmap_may_decide_by_the_value_of_a_shared_state() -> None:
    flag = State(jnp.ones((), jnp.int32))
    assert_close(vmap(lambda x: x * (2 if flag.value > 0 else 3))(XS), np.asarray(XS) * 2)


def test_an_eager_vmap_takes_arguments_that_are_no_arrays() -> None:
    def fun(x: Array, mode: str) -> Array:
        return x * 2 if mode == "double" else x

    untyped: Any = vmap(fun, in_axes=(0, None))
    assert_close(untyped(XS, "double"), np.asarray(XS) * 2)


def test_a_loop_over_a_module_reads_its_attributes_at_each_call() -> None:
    model = Scale()
    xs = jnp.ones((2, 3))
    for factor in (2.0, 3.0):
        model.factor = factor
        assert_close(for_loop(model, xs), np.full((2, 3), factor))
