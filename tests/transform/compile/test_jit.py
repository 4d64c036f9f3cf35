"""``jit`` as its users meet it: functions, methods, modules, and what it offers beside calls."""

import inspect
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, TransformError
from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import (
    BoundJit,
    JitFunction,
    eval_shape,
    for_loop,
    grad,
    jit,
    make_jaxpr,
    vmap,
)
from brainlite.transform._compile import _jit
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, counted_work, says, values
from tests.transform.small import Chain, Counter, Scale, Total

X = np.arange(1.0, 4.0, dtype=np.float32)


class Model(Node):
    """A model with compiled methods."""

    runs = Runs()

    def __init__(self, gain: float = 2.0) -> None:
        self.gain = gain
        self.weight = ParamState(jnp.ones(3))
        self.count = State(jnp.zeros((), jnp.int32))

    @jit
    def step(self, x: Array) -> Array:
        """Do one step."""
        self.runs.add()
        self.count.value = self.count.value + 1
        return x * self.weight.value * self.gain

    @jit(static_argnames="times")
    def repeat(self, x: Array, times: int = 1) -> Array:
        for _ in range(times):
            x = x * self.gain
        return x

    def plain(self, x: Array) -> Array:
        self.count.value = self.count.value + 1
        return x * self.gain

    def __call__(self, x: Array) -> Array:
        return self.plain(x)


# What can be compiled.


def test_a_function_keeps_its_name_and_signature() -> None:
    @jit
    def double(x: Array, *, shift: float = 0.0) -> Array:
        """Double."""
        return x * 2 + shift

    assert (getattr(double, "__name__", None), double.__doc__) == ("double", "Double.")
    assert list(inspect.signature(double).parameters) == ["x", "shift"]
    assert isinstance(double, JitFunction)
    assert_close(double(jnp.asarray(X), shift=1.0), X * 2 + 1)


def test_jit_is_a_decorator_with_and_without_options() -> None:
    @jit(keep_unused=True)
    def add(x: Array, _unused: Array) -> Array:
        return x + 1

    assert_close(add(jnp.asarray(X), jnp.zeros(2)), X + 1)
    assert len(add.lower(jnp.asarray(X), jnp.zeros(2)).in_avals[0]) == 3


def test_a_compiled_method_serves_each_object_with_one_compilation() -> None:
    first, second, other = Model(), Model(), Model(gain=5.0)
    assert Model.runs.of(lambda: [first.step(jnp.asarray(X)), second.step(jnp.asarray(X))]) == 1
    assert Model.runs.of(lambda: other.step(jnp.asarray(X))) == 1
    second.weight.value = second.weight.value * 3
    assert_close([m.step(jnp.asarray(X)) for m in (first, second, other)], [X * 2, X * 6, X * 5])
    assert_same(values(first.count, second.count, other.count), [2, 2, 2])
    first.gain = 7.0
    assert_close(first.step(jnp.asarray(X)), X * 7)
    assert isinstance(first.step, BoundJit)
    assert isinstance(Model.step, JitFunction)
    assert_close(Model.step(first, jnp.asarray(X)), X * 7)


def test_a_compiled_method_takes_options() -> None:
    model = Model()
    assert_close(model.repeat(jnp.asarray(X), times=3), X * 8)
    assert_close(model.repeat(jnp.asarray(X), 2), X * 4)
    assert_close(model.repeat(jnp.asarray(X)), X * 2)


def test_a_compiled_method_of_an_object_that_is_no_node() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.model = Model()

        def run(self, x: Array) -> Array:
            return self.model.plain(x)

    trainer = Trainer()
    fun = jit(trainer.run)
    for gain in (2.0, 3.0):
        trainer.model.gain = gain
        assert_close(fun(jnp.asarray(X)), X * gain)
    assert_same(values(trainer.model.count), [2])


def test_a_bound_method_and_a_module_can_be_compiled() -> None:
    model = Model()
    for fun in (jit(model.plain), jit(model)):
        assert_close(fun(jnp.asarray(X)), X * 2)
    assert_same(values(model.count), [2])
    model.gain = 3.0
    assert_close(jit(model)(jnp.asarray(X)), X * 3)


def test_a_gradient_can_be_compiled() -> None:
    weight = ParamState(jnp.asarray(3.0))
    fun = jit(grad(lambda x: weight.value**2 * x, weight, return_value=True))
    assert_close(fun(2.0), (12.0, 18.0))
    weight.value = jnp.asarray(1.0)
    assert_close(fun(2.0), (4.0, 2.0))


def test_a_compiled_function_inside_a_compiled_function() -> None:
    runs, model = Runs(), Counter()

    @jit
    def inner(x: Array) -> Array:
        runs.add()
        return model(x)

    @jit
    def outer(x: Array) -> Array:
        return inner(inner(x))

    assert_close(outer(jnp.asarray(X)), X * 2)
    assert_close(inner(jnp.asarray(X)), X * 3)
    assert_close(outer(jnp.asarray(X)), X * 4 * 5)
    assert runs.count <= 2
    assert_same(values(model.count), [5])


def test_a_compiled_function_that_closes_over_a_traced_value() -> None:
    model = Total()

    @jit
    def outer(scale: Array) -> Array:
        inner = jit(lambda x: model(x * scale))
        return inner(jnp.ones(())) + inner(jnp.ones(()))

    assert_close([outer(jnp.asarray(s)) for s in (2.0, 3.0)], [2.0 + 4.0, 7.0 + 10.0])
    assert_close(values(model.total), [10.0])


def test_arguments_and_results_may_be_pytrees_and_nothing() -> None:
    fun = jit(lambda tree, nothing, *rest, **named: (tree, nothing, rest, named))
    tree = {"a": [X, (X, None)]}
    assert_same(fun(tree, None, 1, k=2), (tree, None, (1,), {"k": 2}))
    assert jit(lambda: None)() is None


def test_random_numbers_differ_from_call_to_call_and_are_those_of_python() -> None:
    generator, twin = RandomState(0), RandomState(0)
    fun = jit(lambda: generator.normal(0.0, 1.0, 2))
    assert_close([fun() for _ in range(3)], [twin.normal(0.0, 1.0, 2) for _ in range(3)])
    assert_same(generator.value, twin.value)


def test_a_state_may_change_its_shape_between_calls() -> None:
    state = HiddenState(jnp.zeros(2))

    @jit
    def grow() -> Array:
        state.value = jnp.concatenate([state.value, jnp.ones(1)])
        return state.value.sum()

    assert_close([grow() for _ in range(3)], [1.0, 2.0, 3.0])
    state.value = jnp.zeros(2)
    assert_close(grow(), 1.0)
    assert state.value.shape == (3,)


# What it offers beside a call.


def test_lower_shows_the_program_and_changes_nothing() -> None:
    model = Counter()
    fun = jit(model)
    lowered = fun.lower(jnp.asarray(X))
    assert "stablehlo" in lowered.as_text()
    assert lowered.compile().cost_analysis() is not None
    assert_same(values(model.count), [0])


def test_trace_shows_the_states_before_the_arguments() -> None:
    model = Chain(Scale(), Counter())
    traced = jit(model).trace(jnp.asarray(X))
    assert [v.aval.shape for v in traced.jaxpr.jaxpr.invars] == [(3,), (), (3,)]
    assert [v.aval.shape for v in traced.jaxpr.jaxpr.outvars] == [(3,), ()]


def test_lower_and_trace_are_there_for_methods() -> None:
    model = Model()
    assert "stablehlo" in model.step.lower(jnp.asarray(X)).as_text()
    assert len(model.step.trace(jnp.asarray(X)).jaxpr.jaxpr.outvars) == 2
    assert_same(values(model.count), [0])
    model.step.clear_cache()
    assert_close(model.step(jnp.asarray(X)), X * 2)


def test_a_call_after_lower_does_not_run_the_code_again() -> None:
    runs, model = Runs(), Counter()

    @jit
    def fun(x: Array) -> Array:
        runs.add()
        return model(x)

    fun.lower(jnp.asarray(X))
    assert_close(fun(jnp.asarray(X)), X)
    assert runs.count == 1


def test_clear_cache_makes_it_compile_again() -> None:
    runs, model = Runs(), Counter()

    @jit
    def fun(model: Counter, x: Array) -> Array:
        runs.add()
        return model(x)

    for clear in (False, False, True, False):
        if clear:
            fun.clear_cache()
        fun(model, jnp.asarray(X))
    assert runs.count == 2
    assert_same(values(model.count), [4])


def test_the_same_options_as_those_of_jax_reach_it() -> None:
    def calls(fun: Any) -> list[Any]:
        jaxpr = jax.make_jaxpr(lambda x: jit(lambda x: fun(x))(x))(jnp.asarray(X))
        [call] = [e for e in jaxpr.eqns if "jaxpr" in e.params]
        inside = call.params["jaxpr"].eqns
        return [each.params["inline"] for each in inside if "inline" in each.params]

    def add(x: Array) -> Array:
        return x + 1

    inlined, outlined = calls(jit(add, inline=True)), calls(jit(add))
    assert inlined == calls(jax.jit(add, inline=True))
    assert outlined == calls(jax.jit(add))
    assert inlined != outlined


def test_the_compiler_is_told_what_compiler_options_say() -> None:
    model = Model()
    without_passes: dict[str, str | float] = {"xla_disable_all_hlo_passes": True}
    told = jit(model.plain, compiler_options=without_passes)
    without_passes.clear()  # it was copied, as it is read again for other shapes
    ways = [told, jit(model.plain), jit(model.plain, compiler_options={})]
    programs = [each.lower(jnp.asarray(X)).compile().as_text() for each in ways]
    assert programs[1] == programs[2] != programs[0]
    assert "compiler_options={'xla_disable_all_hlo_passes': True}" in repr(told)
    for width in (128, 256):
        fun = jit(model.plain, compiler_options={"xla_cpu_prefer_vector_width": width})
        assert_close(fun(jnp.asarray(X)), X * 2)
    assert_same(values(model.count), [2])
    with pytest.raises(Exception, match="No such compile option: 'xla_none'"):
        jit(model.plain, compiler_options={"xla_none": 1})(jnp.asarray(X))
    assert_same(values(model.count), [2])


@pytest.mark.parametrize("bad", [5, "x", [("a", 1)], {5: 1}, {"a": None}, {"a": [1]}])
def test_compiler_options_that_are_none_are_refused(bad: Any) -> None:
    message = says(
        "jit was given compiler_options that are none",
        expected="a dict of names to texts, bools and numbers",
        got=re.escape(repr(bad)),
        fix="write compiler_options={'xla_cpu_prefer_vector_width': 512}",
    )
    with pytest.raises(OptionError, match=message):
        jit(Model().plain, compiler_options=bad)


@pytest.mark.parametrize(
    "around", [jit, vmap, lambda fun: lambda xs: for_loop(fun, xs), make_jaxpr]
)
def test_compiler_options_are_for_the_outermost_jit_only(around: Any) -> None:
    model = Model()
    fun = jit(model.plain, compiler_options={"xla_cpu_prefer_vector_width": 256})
    fun(jnp.asarray(X))  # known on its own
    message = says(
        "the jit of Model.plain has compiler_options, and was called inside another transform",
        expected="compiler_options of the outermost jit",
        got="compiler_options={'xla_cpu_prefer_vector_width': 256}",
        fix="give them to a jit around the whole",
    )
    with pytest.raises(OptionError, match=message):
        around(lambda x: fun(x))(jnp.ones((2, 3)))
    assert_same(values(model.count), [1])


def test_a_warm_call_is_one_dispatch_for_each_way_of_calling() -> None:
    model = Model()
    ways: list[tuple[Any, tuple[Any, ...]]] = [
        (jit(model), (jnp.asarray(X),)),
        (jit(lambda model, x: model.plain(x)), (model, jnp.asarray(X))),
        (model.step, (jnp.asarray(X),)),
        (jit(lambda models, x: models[0].plain(x)), ([model], jnp.asarray(X))),
    ]
    for fun, args in ways:
        fun(*args)
        with counted_work() as work:
            fun(*args)
        assert (work.traced, work.compiled) == (0, 0)


@pytest.mark.parametrize("error", [TypeError, ValueError])
def test_an_error_in_the_body_comes_out_as_it_is(error: type[Exception]) -> None:
    model = Counter()

    @jit
    def fun(x: Array, fail: bool = False) -> Array:
        if x.size > 3:
            raise error("too long")
        return model(x)

    fun(jnp.ones(3))
    with pytest.raises(error, match="too long"):
        fun(jnp.ones(4))
    fun(jnp.ones(3))
    assert_same(values(model.count), [2])


def test_a_model_without_values_raises() -> None:
    model = eval_shape(lambda: Scale())
    message = says(
        "this ParamState holds no value, but only its shape and dtype",
        where=r"Scale.weight \(ParamState\)",
        expected="arrays",
        got=r"float32\[3\]",
        fix="write a value to it",
    )
    with pytest.raises(TransformError, match=message):
        jit(model)(jnp.ones(3))


def test_a_printed_jit_tells_what_it_was_compiled_for_and_why() -> None:
    model = Model()

    @jit(static_argnames="times")
    def step(x: Array, times: int = 1) -> Array:
        return x * model.weight.value * model.gain * times

    assert "compilations=[]" in repr(step)
    step(jnp.ones((4, 3)))
    step(jnp.ones((2, 3)))
    model.gain = 4.0
    step(jnp.ones((2, 3)))
    step(jnp.ones((2, 3)), times=2)
    text = repr(step)
    first, changed, static = text.split("Compilation(")[1:]
    assert "because=['first call']" in first
    assert "arguments=[(float32[4,3]), (float32[2,3])]" in first
    assert "because=['Model.gain']" in changed
    assert "because=['other static arguments']" in static
    model.step(jnp.ones(3))
    assert "(Model(weight=float32[3], count=int32[]), float32[3])" in repr(model.step)
    step.clear_cache()
    assert "compilations=[]" in repr(step)


def test_compilations_not_used_for_long_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jit, "_KEPT", 3)
    node, runs = Open(), list[float]()

    @jit
    def scaled(x: Array) -> Array:
        runs.append(node.factor)
        return x * node.factor

    for factor in (0.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 4.0, 0.0):
        node.factor = factor
        assert scaled(jnp.ones(())) == factor
    assert runs == [0.0, 1.0, 2.0, 3.0, 4.0, 0.0]


class Open(Node):
    """A node with one number."""

    factor: float
