"""``vjp`` and ``jvp`` return what jax returns, and do to states what a call would do."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import GradError
from brainlite.graph import states
from brainlite.random import RandomState
from brainlite.state import ParamState, State
from brainlite.transform import for_loop, grad, jit, jvp, vjp, vmap
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, says, values
from tests.transform.small import Chain, Counter, Fresh, Scale

X = np.asarray([2.0, 3.0], np.float32)
Y = np.asarray([0.5, 4.0], np.float32)


def pure(weight: dict[str, Array], x: Array, y: Array) -> Array:
    return jnp.tanh(weight["w"] * x) * y


def make() -> tuple[ParamState[dict[str, Array]], Counter, Any]:
    weight, count = ParamState({"w": jnp.asarray([1.0, 0.2])}), Counter()
    return weight, count, lambda x, y: count(pure(weight.value, x, y))


# vjp.


@pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])
@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("targets", ["argument", "arguments", "state", "dict", "both", "last"])
def test_a_pullback_gives_cotangents_in_the_structure_of_the_targets(
    targets: str, has_aux: bool, lifted: bool
) -> None:
    weight, count, fun = make()
    value, pull = jax.vjp(pure, weight.value, jnp.asarray(X), jnp.asarray(Y))
    by_weight, by_x, by_y = pull(jnp.asarray(Y))
    cases: dict[str, tuple[dict[str, Any], Any]] = {
        "argument": ({}, by_x),
        "arguments": ({"argnums": (1, 0)}, (by_y, by_x)),
        "state": ({"grad_states": weight, "argnums": None}, by_weight),
        "dict": ({"grad_states": {"a": weight}, "argnums": None}, {"a": by_weight}),
        "both": ({"grad_states": [weight]}, ([by_weight], by_x)),
        "last": ({"argnums": -1}, by_y),
    }
    options, expected = cases[targets]
    untyped: Any = vjp

    def called(x: Array, y: Array) -> Any:
        return (fun(x, y), {"x": x}) if has_aux else fun(x, y)

    def product(x: Array, y: Array) -> Any:
        out, pullback, *aux = untyped(called, x, y, has_aux=has_aux, **options)
        return out, pullback(jnp.asarray(Y)), aux

    found = (jit(product) if lifted else product)(jnp.asarray(X), jnp.asarray(Y))
    assert_close(found, (value, expected, [{"x": jnp.asarray(X)}] if has_aux else []))
    structure: Any = jax.tree.structure(expected)
    assert jax.tree.structure(found[1]) == structure
    assert_same(values(count.count), [1])


def test_without_arguments_the_pullback_is_for_the_states() -> None:
    model = Chain(Scale(), Scale(3.0))
    x = jnp.arange(3.0)
    value, pull = vjp(lambda: model(x).sum(), grad_states=states(model, ParamState))
    assert_close(value, 36.0)
    expected = grad(lambda: model(x).sum(), states(model, ParamState))()
    assert_close(pull(1.0), expected)


def test_the_function_runs_once_and_the_pullback_any_number_of_times() -> None:
    runs, count = Runs(), Counter()

    def fun(x: Array) -> Array:
        runs.add()
        return count(x) ** 2

    _, pull = vjp(fun, jnp.asarray(X))
    rows = jax.vmap(pull)(jnp.eye(2))
    assert_close(rows, np.diag(2 * X))
    assert_close(vmap(pull)(jnp.eye(2)), np.diag(2 * X))
    assert_close(pull(jnp.ones(2)), 2 * X)
    assert runs.count == 1
    assert_same(values(count.count), [1])


def test_a_pullback_is_for_the_values_at_the_call() -> None:
    weight = ParamState(jnp.asarray(2.0))
    _, pull = vjp(lambda: weight.value**2, grad_states=weight)
    weight.value = jnp.asarray(10.0)
    assert_close(pull(1.0), 4.0)


def test_a_pullback_may_leave_a_compiled_function() -> None:
    weight, count, fun = make()
    compiled = jit(lambda x: vjp(lambda x: fun(x, Y), x, grad_states=weight))
    for x in (X, X / 2):
        _, pull = compiled(jnp.asarray(x))
        count.count.value = jnp.zeros((), jnp.int32)
        assert_close(pull(Y), vjp(lambda x: fun(x, Y), jnp.asarray(x), grad_states=weight)[1](Y))
        count.count.value = jnp.zeros((), jnp.int32)


def test_a_result_that_is_a_tree_takes_a_tree() -> None:
    _, pull = vjp(lambda x: {"a": x**2, "b": (x.sum(), x.astype(jnp.int32))}, jnp.asarray(X))
    whole = np.zeros(2, jax.dtypes.float0)
    assert_close(pull({"a": jnp.ones(2), "b": (2, whole)}), 2 * X + 2)


def test_a_state_that_is_written_is_differentiated_by_its_value_before() -> None:
    weight = ParamState(jnp.asarray(X))

    def fun() -> Array:
        weight.value = weight.value**2
        return weight.value.sum()

    assert_close(vjp(fun, grad_states=weight)[1](1.0), 2 * X)
    assert_close(values(weight), [X**2])


# jvp.


@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("sequence", [tuple, list])
def test_it_is_the_derivative_along_the_tangents(sequence: Any, has_aux: bool) -> None:
    weight, count, fun = make()

    def called(x: Array, y: Array) -> Any:
        return (fun(x, y), "aux") if has_aux else fun(x, y)

    at = sequence([jnp.asarray(X), jnp.asarray(Y)])
    along = sequence([jnp.asarray(Y), jnp.asarray(X)])
    untyped: Any = jvp
    found = untyped(called, at, along, has_aux=has_aux)
    expected = jax.jvp(lambda x, y: pure(weight.value, x, y), tuple(at), tuple(along))
    assert_close(found[:2], expected)
    assert found[2:] == (("aux",) if has_aux else ())
    assert_same(values(count.count), [1])


def test_the_two_products_agree() -> None:
    _, _, fun = make()
    along, back = jnp.asarray([0.3, -0.7]), jnp.asarray([1.5, 0.1])
    _, pull = vjp(lambda x: fun(x, Y), jnp.asarray(X))
    _, _, fun = make()
    _, tangent = jvp(lambda x: fun(x, Y), (jnp.asarray(X),), (along,))
    assert_close(jnp.vdot(pull(back), along), jnp.vdot(back, tangent))
    step, weight, y = 1e-2, {"w": jnp.asarray([1.0, 0.2])}, jnp.asarray(Y)
    up, down = (pure(weight, jnp.asarray(X) + sign * step * along, y) for sign in (1, -1))
    np.testing.assert_allclose(tangent, (up - down) / (2 * step), atol=1e-3)


def test_numbers_and_trees_of_python_are_fine() -> None:
    out, tangent = jvp(lambda x, tree: x * tree["y"][0], (3.0, {"y": [2.0]}), (1, {"y": [10]}))
    assert_close((out, tangent), (6.0, 32.0))


def test_whole_numbers_have_tangents_of_their_own() -> None:
    none = np.zeros(2, jax.dtypes.float0)
    out, tangent = jvp(lambda n, x: n * x, (jnp.arange(2), jnp.asarray(X)), (none, Y))
    assert_close((out, tangent), (np.arange(2) * X, np.arange(2) * Y))


def test_a_function_without_arguments_has_no_slope() -> None:
    weight = ParamState(jnp.asarray(X))
    assert_close(jvp(lambda: weight.value.sum(), (), ()), (5.0, 0.0))


# Both.


def push_or_pull(name: str, fun: Any, x: Array) -> Any:
    if name == "jvp":
        return jvp(fun, (x,), (jnp.ones_like(x),))
    out, pull = vjp(fun, x)
    return out, pull(jnp.ones_like(out))


both = pytest.mark.parametrize("name", ["vjp", "jvp"])


@both
def test_what_a_plain_call_would_leave_behind_is_left_behind(name: str) -> None:
    rng, count, fresh = RandomState(0), Counter(), Fresh()

    def fun(x: Array) -> Array:
        fresh(jnp.full(3, rng.rand()))
        return for_loop(count, jnp.stack([x, x])).sum() * fresh.hidden.value.sum()

    expected = fun(jnp.asarray(X))
    once = values(rng, fresh.hidden, count.count)
    rng.value, count.count.value = RandomState(0).value, jnp.zeros((), jnp.int32)
    out, _ = push_or_pull(name, fun, jnp.asarray(X))
    assert_close(out, expected)
    assert_same(values(rng, fresh.hidden, count.count), once)


@both
def test_inside_other_transforms_it_is_the_same_and_writes_come_out_once(name: str) -> None:
    weight, count = ParamState(jnp.asarray(X)), Counter()

    def fun(x: Array) -> Array:
        count.count.value = count.count.value + 1
        return (weight.value * x**3).sum()

    rows = jnp.asarray(np.stack([X, Y, X + Y]))
    expected = [push_or_pull(name, fun, row) for row in rows]
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *expected)
    assert_close(jit(lambda x: push_or_pull(name, fun, x))(rows[0]), expected[0])
    assert_same(values(count.count), [4])
    assert_close(for_loop(lambda x: push_or_pull(name, fun, x), rows), stacked)
    assert_same(values(count.count), [7])
    assert_close(vmap(lambda x: push_or_pull(name, fun, x))(rows), stacked)
    assert_same(values(count.count), [8])

    def slope(x: Array) -> Array:
        out: Array = push_or_pull(name, fun, x)[1].sum()
        return out

    second = grad(slope)(rows[0])
    assert_close(second, jax.grad(lambda x: jax.grad(lambda x: (X * x**3).sum())(x).sum())(rows[0]))
    assert_same(values(count.count), [9])


@both
def test_an_exception_leaves_every_state_as_it_was(name: str) -> None:
    count = Counter()

    def fail(x: Array) -> Array:
        count(x)
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        push_or_pull(name, fail, jnp.asarray(X))
    assert_same(values(count.count), [0])


# Errors.


@pytest.mark.parametrize(("given", "argnums"), [(0, 0), (1, None)])
def test_nothing_to_differentiate_raises(given: int, argnums: Any) -> None:
    message = says(
        "vjp has nothing to differentiate",
        expected="arguments and argnums, or grad_states",
        got=f"{given} positional arguments, argnums={argnums} and grad_states=None",
        fix=r"pass `grad_states=model\.states\(brainlite\.ParamState\)`",
    )
    untyped: Any = vjp
    with pytest.raises(GradError, match=message):
        untyped(lambda *xs: jnp.ones(()), *[1.0] * given, argnums=argnums)


def test_targets_that_do_not_exist_raise() -> None:
    count = State(jnp.zeros((), jnp.int32), name="count")
    with pytest.raises(GradError, match=r"^count: this State is not made of floats"):
        vjp(lambda: count.value * 1.0, grad_states=count)
    with pytest.raises(GradError, match="vjp was asked for an argument that was not passed"):
        vjp(jnp.sin, jnp.asarray(X), argnums=1)


@pytest.mark.parametrize(
    ("cotangent", "got"),
    [
        (np.ones(3, np.float32), r"float32\[3\]"),
        (np.ones(2, np.int32), r"int32\[2\]"),
        (1.0, "float 1.0"),
        ([X], r"\[float32\[2\]\]"),
        ("text", "str 'text'"),
    ],
)
def test_a_cotangent_that_does_not_fit_raises(cotangent: Any, got: str) -> None:
    _, pull = vjp(jnp.sin, jnp.asarray(X))
    message = says(
        "the cotangent of vjp does not fit the result",
        expected=r"float32\[2\]",
        got=got,
        fix="pass arrays of the same structure, shapes and dtypes",
    )
    with pytest.raises(GradError, match=message):
        pull(cotangent)


@pytest.mark.parametrize(
    ("primals", "tangents", "expected", "got", "fix"),
    [
        ((X,), (X, X), r"\(float32\[2\],\)", r"\(float32\[2\], float32\[2\]\)", "pass arrays"),
        ((X,), (X[:1],), r"\(float32\[2\],\)", r"\(float32\[1\],\)", "pass arrays"),
        ((1.0,), ("text",), r"\(float32\[\],\)", r"\(str 'text',\)", "pass arrays"),
        (
            (np.arange(2),),
            (np.arange(2),),
            r"\(float0\[2\],\)",
            r"int\d+\[2\]",
            r"whole numbers pass `np\.zeros\(shape, jax\.dtypes\.float0\)`",
        ),
    ],
)
def test_tangents_that_do_not_fit_raise(
    primals: Any, tangents: Any, expected: str, got: str, fix: str
) -> None:
    message = says(
        "the tangents of jvp do not fit the primals", expected=expected, got=got, fix=f".*{fix}"
    )
    with pytest.raises(GradError, match=message):
        jvp(lambda x: x * 2.0, primals, tangents)


@pytest.mark.parametrize("name", ["primals", "tangents"])
def test_arguments_that_are_no_list_raise(name: str) -> None:
    message = says(
        f"the {name} of jvp are no list of arguments",
        expected="a tuple or a list, with one item for each argument",
        got=r"float32\[2\]",
        fix=rf"pass `\({name},\)`",
    )
    given: Any = {"primals": (X,), "tangents": (X,), name: X}
    with pytest.raises(GradError, match=message):
        jvp(jnp.sin, **given)


@both
def test_auxiliary_output_that_is_not_there_raises(name: str) -> None:
    x = jnp.asarray(X)
    cases: dict[str, tuple[Any, Any]] = {"vjp": (vjp, (x,)), "jvp": (jvp, ((x,), (x,)))}
    untyped, at = cases[name]
    with pytest.raises(GradError, match=f"{name} with has_aux=True needs a function that returns"):
        untyped(jnp.sin, *at, has_aux=True)


def test_jvp_of_a_module_raises() -> None:
    message = says(
        "jvp cannot take a module or a state among the primals",
        expected="arrays",
        got="Scale",
        fix="let the function close over it",
    )
    with pytest.raises(GradError, match=message):
        jvp(lambda scale: scale(jnp.ones(3)), (Scale(),), (1.0,))


def test_vjp_of_a_module_gives_cotangents_by_path() -> None:
    scale = Scale(3.0, 2.0)
    value, pull = vjp(lambda scale, x: scale(x), scale, jnp.ones(3))
    assert_close(value, [6.0] * 3)
    assert_close(pull(jnp.ones(3)), {("weight",): [2.0] * 3})
