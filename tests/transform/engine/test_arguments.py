"""Modules, states and static values among the arguments of a compiled function."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import ArgumentError, OptionError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import checkpoint, eval_shape, jit
from brainlite.transform._engine._arguments import choose_arguments, contains_graph
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, says, values
from tests.transform.small import Chain, Counter, Scale, Total

X = np.arange(1.0, 4.0, dtype=np.float32)


def counted(fun: Callable[..., Any]) -> tuple[Callable[..., Any], Runs]:
    """Compile a function, and count the runs of its Python code."""
    runs = Runs()

    def body(*args: Any, **kwargs: Any) -> Any:
        runs.add()
        return fun(*args, **kwargs)

    return jit(body), runs


# Modules and states.


def test_two_models_of_equal_structure_share_a_compilation() -> None:
    fun, runs = counted(lambda model, x: model(x))
    models = [Chain(Scale(w), Counter()) for w in (1.0, 2.0, 3.0)]
    for calls in (1, 2):
        for weight, model in enumerate(models, 1):
            assert_close(fun(model, jnp.asarray(X)), X * weight * 2 * calls)
    assert runs.count == 1
    for model in models:
        assert_same(values(model.layers[1].count), [2])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "other", [Chain(Scale()), Chain(Scale(), Scale(factor=3.0)), Chain(Scale(), Counter())]
)
def test_models_of_different_structure_do_not(other: Chain) -> None:
    fun, runs = counted(lambda model, x: model(x))
    fun(Chain(Scale(), Scale()), jnp.asarray(X))
    expected = np.asarray(Chain(Scale(), Scale())(jnp.asarray(X)))
    result = np.asarray(fun(other, jnp.asarray(X)))
    assert runs.count == 2
    assert not np.allclose(result, expected)


def test_models_of_different_sharing_do_not() -> None:
    def tied() -> Chain:
        layer = Counter()
        return Chain(layer, layer)

    fun, runs = counted(lambda model, x: model(x))
    assert_close(fun(Chain(Counter(), Counter()), jnp.asarray(X)), X)
    assert_close(fun(tied(), jnp.asarray(X)), X * 1 * 2)
    assert_close(fun(tied(), jnp.asarray(X)), X * 1 * 2)
    assert runs.count == 2


def test_the_same_model_twice_is_not_two_models() -> None:
    def both(a: Counter, b: Counter, x: Array) -> Array:
        return a(x) * 10 + b(x)

    fun, runs = counted(both)
    first, second = Counter(), Counter()
    assert_close(fun(first, second, jnp.asarray(X)), X * 11)
    assert_close(fun(first, first, jnp.asarray(X)), X * (20 + 3))
    assert_close(fun(second, first, jnp.asarray(X)), X * (20 + 4))
    assert runs.count == 2
    assert_same(values(first.count, second.count), [4, 2])


def test_a_part_of_a_model_beside_the_model_is_the_same_object() -> None:
    def both(model: Chain, part: Counter, x: Array) -> Array:
        return model(x) * 10 + part(x)

    fun, runs = counted(both)
    part = Counter()
    model = Chain(part)
    assert_close(fun(model, part, jnp.asarray(X)), X * 12)
    assert_close(fun(Chain(Counter()), Counter(), jnp.asarray(X)), X * 11)
    assert_close(fun(model, part, jnp.asarray(X)), X * (30 + 4))
    assert runs.count == 2
    assert_same(values(part.count), [4])


def test_a_model_may_come_as_an_argument_and_through_the_closure() -> None:
    model, other = Counter(), Counter()
    fun, _ = counted(lambda argument, x: argument(x) * 10 + model(x))
    assert_close(fun(model, jnp.asarray(X)), X * (10 + 2))
    assert_close(fun(other, jnp.asarray(X)), X * (10 + 3))
    assert_close(fun(model, jnp.asarray(X)), X * (40 + 5))


def test_a_model_without_states_may_come_both_ways() -> None:
    class Gain(Node):
        def __init__(self) -> None:
            self.gain = 2.0

        def __call__(self, x: Array) -> Array:
            return x * self.gain

    model, other = Gain(), Gain()
    fun, runs = counted(lambda argument, x: argument(x) * 10 + model(x))
    for _ in range(2):
        assert_close([fun(m, jnp.asarray(X)) for m in (model, other)], [X * 22] * 2)
    assert runs.count <= 3
    model.gain = 3.0
    assert_close([fun(m, jnp.asarray(X)) for m in (model, other)], [X * 33, X * 23])


def test_a_state_is_an_argument_like_a_module() -> None:
    def add(total: State[Array], x: Array) -> Array:
        total.value = total.value + x
        return total.value

    fun, runs = counted(add)
    first, second = State(jnp.zeros(3)), State(jnp.ones(3))
    for state, start in ((first, 0), (second, 1)):
        assert_close(fun(state, jnp.asarray(X)), X + start)
    assert runs.count == 1
    fun(HiddenState(jnp.zeros(3)), jnp.asarray(X))
    assert runs.count == 2
    assert_close(values(first, second), [X, X + 1])


def test_a_state_as_an_argument_may_be_one_of_the_model() -> None:
    def scale(model: Scale, weight: ParamState[Array], x: Array) -> Array:
        weight.value = weight.value * 2
        return model(x)

    fun, runs = counted(scale)
    model = Scale()
    assert_close(fun(model, model.weight, jnp.asarray(X)), X * 4)
    assert_close(fun(model, ParamState(jnp.ones(3)), jnp.asarray(X)), X * 4)
    assert_close(fun(model, model.weight, jnp.asarray(X)), X * 8)
    assert runs.count == 2


def test_modules_may_come_by_keyword_and_inside_containers() -> None:
    def total(models: dict[str, list[Any]], *, last: Any, x: Array) -> Array:
        for model in (*models["all"], last):
            x = model(x)
        return x

    fun, runs = counted(total)
    first, second = Counter(), Counter()
    for calls in (1, 2):
        result = fun({"all": [first, Scale()]}, last=second, x=jnp.asarray(X))
        assert_close(result, X * 2 * calls * calls)
    assert runs.count == 1
    assert_same(values(first.count, second.count), [2, 2])


def test_a_module_may_take_the_place_of_an_array() -> None:
    def multiply(a: Any, b: Any) -> Any:
        first, second = (each(jnp.ones(())) if isinstance(each, Total) else each for each in (a, b))
        return first * second

    model = Total()
    fun, runs = counted(multiply)
    # The total goes up by one at each call.
    assert_close(fun(model, 5.0), 5.0)
    assert_close(fun(5.0, model), 10.0)
    assert_close(fun(5.0, 4.0), 20.0)
    assert_close(fun(model, 5.0), 15.0)
    assert_close(fun(5.0, model), 20.0)
    assert_close(fun([5.0][0], b=model), 25.0)
    assert runs.count == 4


def test_a_model_that_is_gone_does_not_stay_alive() -> None:
    fun, _ = counted(lambda model, x: model(x))
    keeper = Scale()
    fun(keeper, jnp.asarray(X))
    model = Scale()
    gone = weakref.ref(model)
    fun(model, jnp.asarray(X))
    del model
    gc.collect()
    assert gone() is None


def test_a_plain_attribute_of_an_argument_is_guarded_for_each_model() -> None:
    fun, runs = counted(lambda model, x: model(x))
    first, second = Scale(), Scale()
    for model in (first, second):
        fun(model, jnp.asarray(X))
    second.factor = 5.0
    assert_close(fun(first, jnp.asarray(X)), X * 2)
    assert_close(fun(second, jnp.asarray(X)), X * 5)
    first.factor = 5.0
    assert_close(fun(first, jnp.asarray(X)), X * 5)
    assert runs.count == 2


def test_modules_are_found_in_containers() -> None:
    assert contains_graph([1, {"a": (Scale(),)}])
    assert not contains_graph([1, {"a": (2,)}])


# Static arguments.


def power(x: Any, n: int = 2, *, negate: bool = False) -> Any:
    return -(x**n) if negate else x**n


@pytest.mark.parametrize(
    "options",
    [
        {"static_argnums": (1,), "static_argnames": "negate"},
        {"static_argnums": -1, "static_argnames": ["negate"]},
        {"static_argnames": ("n", "negate")},
    ],
    ids=["numbers", "from the end", "names"],
)
def test_static_arguments_are_compiled_for(options: dict[str, Any]) -> None:
    runs = Runs()

    def body(x: Any, n: int = 2, *, negate: bool = False) -> Any:
        runs.add()
        return power(x, int(n), negate=bool(negate))

    fun = jit(body, **options)
    for _ in range(2):
        assert_close(fun(jnp.asarray(X)), X**2)
        assert_close(fun(jnp.asarray(X), 3), X**3)
        assert_close(fun(jnp.asarray(X), n=3), X**3)
        assert_close(fun(jnp.asarray(X), 2, negate=True), -(X**2))
    assert runs.count <= 4


def test_static_values_that_are_equal_but_of_another_type_are_told_apart() -> None:
    fun = jit(lambda x, kind: x * (2 if isinstance(kind, bool) else 3), static_argnums=1)
    assert_close([fun(1.0, kind) for kind in (True, 1, True)], [2.0, 3.0, 2.0])


def test_static_arguments_and_modules_mix() -> None:
    @jit(static_argnames="times")
    def fun(model: Counter, x: Array, times: int) -> Array:
        for _ in range(times):
            x = model(x)
        return x

    model = Counter()
    assert_close(fun(model, jnp.asarray(X), 2), X * 2)
    assert_close(fun(model, jnp.asarray(X), times=1), X * 3)
    assert_close(fun(Counter(), jnp.asarray(X), times=1), X)
    assert_same(values(model.count), [3])


def test_numbers_and_names_stand_for_each_other() -> None:
    assert choose_arguments(power, 1, None, label="jit") == ((1,), ("n",))
    assert choose_arguments(power, None, "n", label="jit") == ((1,), ("n",))
    assert choose_arguments(power, -2, ["negate"], label="jit") == ((0,), ("negate", "x"))
    assert choose_arguments(power, None, None, label="jit") == ((), ())


def test_functions_that_take_anything_may_have_any_static_argument() -> None:
    def anything(*args: Any, **kwargs: Any) -> None: ...

    assert choose_arguments(anything, (0, 5), "free", label="jit") == ((0, 5), ("free",))


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({"static_argnames": "m"}, r"\['m'\]"),
        ({"static_argnums": 2}, r"\[2\]"),
        ({"static_argnums": (1, -3)}, r"\[-3\]"),
    ],
)
def test_a_static_argument_that_is_not_there_raises(options: dict[str, Any], got: str) -> None:
    message = says(
        "jit got static_argnums or static_argnames that the function does not have",
        expected=r"among \['x', 'n'\] or the keywords \['n', 'negate', 'x'\]",
        got=got,
        fix="use static_argnames with names from the signature",
    )
    with pytest.raises(OptionError, match=message):
        jit(power, **options)


def test_a_static_value_that_cannot_be_hashed_raises() -> None:
    message = says(
        "static argument 'n' of jit cannot be hashed",
        expected="a hashable value",
        got="a list",
        fix="pass a tuple instead of a list",
    )
    with pytest.raises(OptionError, match=message):
        jit(power, static_argnames="n")(jnp.asarray(X), n=[1])  # type: ignore[arg-type]


EDITS: dict[str, Callable[[Any], Any]] = {
    "reversed": lambda states: states["list"].reverse(),
    "exchanged": lambda states: states.update(a=states["b"], b=states["a"]),
    "one more": lambda states: states["list"].append(State(jnp.ones(()))),
    "one less": lambda states: states.pop("a"),
    "inside": lambda states: states["list"][0].pop("c"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
@pytest.mark.parametrize("transform", [jit, checkpoint, lambda f: lambda x: eval_shape(f, x)])
def test_a_container_that_gets_other_states_inside_is_refused(transform: Any, edit: Any) -> None:
    one, other = State(jnp.ones(())), State(jnp.zeros(()))
    given = {"a": one, "b": other, "list": [{"c": one}, other]}

    def fun(states: Any) -> Any:
        one.value = one.value + 1
        edit(states)
        return one.value

    with pytest.raises(ArgumentError, match=r"(list|dict) among the arguments got other states"):
        transform(fun)(given)
    assert float(one.value) == 1.0
    assert given["a"] is one
    assert given["list"] == [{"c": one}, other]


def test_a_container_of_arrays_may_be_edited_inside() -> None:
    def fun(xs: list[Any], states: dict[str, Any]) -> Any:
        xs.append(xs.pop() * 2)
        return xs[-1] + states["a"].value

    state = State(jnp.ones(()))
    assert float(jit(fun)([jnp.ones(()), jnp.ones(())], {"a": state})) == 3.0
