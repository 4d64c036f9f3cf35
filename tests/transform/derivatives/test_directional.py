"""``vector_grad`` and ``fwd_grad``: what they return, draw and leave behind."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import random
from brainlite.errors import GradError, OptionError
from brainlite.random import RandomState
from brainlite.state import ParamState, State
from brainlite.transform import for_loop, fwd_grad, grad, jit, vector_grad, vmap
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, says, values
from tests.transform.small import Counter, Fresh

X = np.asarray([2.0, 3.0], np.float32)

both = pytest.mark.parametrize("transform", [vector_grad, fwd_grad])


def square_sum(x: Array) -> Array:
    return (x**2).sum()


# vector_grad.


def test_of_an_elementwise_function_it_is_the_derivative_of_each_element() -> None:
    def fun(x: Array) -> Array:
        return jnp.sin(x) * x

    assert_close(vector_grad(fun)(jnp.asarray(X)), np.sin(X) + np.cos(X) * X)


def test_a_result_that_is_a_tree_is_summed_up() -> None:
    def fun(x: Array) -> dict[str, Array]:
        return {"a": x**2, "b": x.sum()}

    found, value = vector_grad(fun, return_value=True)(jnp.asarray(X))
    assert_close(found, 2 * X + 1)
    assert_close(value, {"a": X**2, "b": X.sum()})


@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("targets", ["state", "dict", "arguments", "both"])
def test_it_is_the_gradient_of_the_sum(targets: str, has_aux: bool) -> None:
    weight, count = ParamState({"w": jnp.asarray([1.0, 2.0])}), Counter()
    grad_states, argnums = {
        "state": (weight, None),
        "dict": ({"a": weight}, None),
        "arguments": (None, (0, 1)),
        "both": ([weight], 1),
    }[targets]

    def fun(x: Array, y: Array) -> Any:
        out = jnp.tanh(count(x * y) * weight.value["w"])
        return (out, {"x": x}) if has_aux else out

    untyped: Any = vector_grad
    expected = jax.grad(lambda w, x, y: jnp.tanh(x * y * w).sum(), (0, 1, 2))(
        jnp.asarray([1.0, 2.0]), jnp.asarray(X), jnp.asarray(X) / 4
    )
    found = untyped(fun, grad_states, argnums=argnums, has_aux=has_aux)(X, X / 4)
    gradients = found[0] if has_aux else found
    by_weight = {"w": expected[0]}
    assert_close(
        gradients,
        {
            "state": by_weight,
            "dict": {"a": by_weight},
            "arguments": expected[1:],
            "both": ([by_weight], expected[2]),
        }[targets],
    )
    if has_aux:
        assert_close(found[1], {"x": X})
    assert_same(values(count.count), [1])


def test_complex_functions_have_the_vector_gradient_of_jax() -> None:
    def square(z: Array) -> Array:
        return z * z

    z = X * np.complex64(1 + 1j)
    assert_close(vector_grad(square)(jnp.asarray(z)), 2 * z)


# fwd_grad.


def test_it_is_the_slope_along_a_direction_times_the_direction() -> None:
    weight, count = ParamState(jnp.asarray([1.0, 2.0, 3.0])), Counter()

    def loss(x: Array) -> Array:
        return count(jnp.sin(x).sum() * (weight.value**2).sum())

    by_weight, by_x = fwd_grad(loss, weight, argnums=0, key=0)(jnp.asarray(X))
    # Normal numbers from a key for each array: states first.
    keys = jax.random.split(jax.random.key(0))
    along_weight, along_x = jax.random.normal(keys[0], (3,)), jax.random.normal(keys[1], (2,))
    _, slope = jax.jvp(
        lambda w, x: jnp.sin(x).sum() * (w**2).sum(),
        (weight.value, jnp.asarray(X)),
        (along_weight, along_x),
    )
    assert_close(by_weight, slope * along_weight)
    assert_close(by_x, slope * along_x)
    assert_same(values(count.count), [1])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # Computed with brainstate 0.5.4 on jax 0.10.2.
        ({}, [-1.4276742, 1.2887808]),
        ({"tangent_size": 1}, [-1.4276742, 1.2887808]),
        ({"tangent_size": 3}, [2.0092578, 4.3517475]),
        ({"drct_der_clip": 0.5}, [-0.5020071, 0.4531686]),
        ({"drct_der_clip": 0.5, "tangent_size": 3}, [-0.05660834, 0.35572457]),
    ],
)
@pytest.mark.parametrize("make_key", [int, jax.random.PRNGKey, jax.random.key])
def test_estimates_are_those_of_brainstate(
    make_key: Any, options: dict[str, Any], expected: list[float]
) -> None:
    untyped: Any = fwd_grad
    found = untyped(square_sum, key=make_key(0), **options)(jnp.asarray(X))
    assert_close(found, np.asarray(expected, np.float32))


def test_the_average_over_many_directions_is_the_gradient() -> None:
    weight = ParamState({"w": jnp.asarray([1.0, -1.0]), "b": jnp.asarray(0.5)})

    def loss(x: Array) -> Array:
        return (jnp.tanh(x * weight.value["w"] + weight.value["b"]) ** 2).sum()

    found, value = fwd_grad(loss, weight, tangent_size=100_000, key=1, return_value=True)(
        jnp.asarray(X) / 4
    )
    expected = grad(loss, weight)(jnp.asarray(X) / 4)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.02, atol=0.02)
    assert_close(value, loss(jnp.asarray(X) / 4))


def test_a_key_gives_the_same_directions_at_every_call_and_leaves_the_generator_alone() -> None:
    random.seed(0)
    before = values(random.DEFAULT)
    estimate = fwd_grad(square_sum, key=3)
    assert_same(estimate(jnp.asarray(X)), estimate(jnp.asarray(X)))
    assert_same(values(random.DEFAULT), before)


def test_without_a_key_one_is_taken_before_the_function_draws() -> None:
    def loss(x: Array) -> Array:
        return square_sum(x) * random.rand()

    random.seed(0)
    found = fwd_grad(loss)(jnp.asarray(X))
    left = values(random.DEFAULT)
    random.seed(0)
    key = random.split_key()
    assert_close(found, fwd_grad(loss, key=key)(jnp.asarray(X)))
    assert_same(values(random.DEFAULT), left)


def test_compiled_estimates_differ_from_call_to_call() -> None:
    random.seed(0)
    eager = [fwd_grad(square_sum)(jnp.asarray(X)) for _ in range(3)]
    random.seed(0)
    compiled = jit(lambda x: fwd_grad(square_sum)(x))
    assert_close([compiled(jnp.asarray(X)) for _ in range(3)], eager)
    random.seed(0)
    in_loop = for_loop(lambda x: fwd_grad(square_sum)(x), jnp.stack([jnp.asarray(X)] * 3))
    assert_close(in_loop, jnp.stack(eager))


def test_each_lane_of_a_vmap_has_a_direction_of_its_own() -> None:
    found = np.asarray(vmap(fwd_grad(square_sum))(jnp.stack([jnp.asarray(X)] * 3)))
    assert len(np.unique(found[:, 0])) == 3


@pytest.mark.parametrize("tangent_size", [None, 2])
def test_without_anything_to_differentiate_the_function_still_runs(tangent_size: Any) -> None:
    count = Counter()
    found, value = fwd_grad(
        lambda x: count(x).sum(), [], key=0, tangent_size=tangent_size, return_value=True
    )(jnp.asarray(X))
    assert found == []
    assert_close(value, X.sum())
    assert_same(values(count.count), [1])


def test_estimates_have_the_dtype_of_what_they_are_for() -> None:
    def loss(x: Array) -> Array:
        return square_sum(x.astype(jnp.float32))

    estimate = fwd_grad(loss, key=0, tangent_size=2)(jnp.asarray(X, jnp.bfloat16))
    assert estimate.dtype == jnp.bfloat16


# Both.


@both
@pytest.mark.parametrize("options", [{}, {"argnums": 0}])
def test_a_decorator_without_a_function(transform: Any, options: Any) -> None:
    seeded = {**options, "key": 0} if transform is fwd_grad else options
    assert_close(transform(**seeded)(square_sum)(X), transform(square_sum, **seeded)(X))


@both
@pytest.mark.parametrize("tangent_size", [None, 3])
def test_what_a_plain_call_would_leave_behind_is_left_behind(
    transform: Any, tangent_size: Any
) -> None:
    weight, rng, count, fresh = ParamState(jnp.asarray(X)), RandomState(0), Counter(), Fresh()

    def fun() -> Array:
        fresh(jnp.full(3, rng.rand()))
        weight.value = weight.value * 2
        return count(weight.value * fresh.hidden.value.sum()).sum()

    fun()
    once = values(rng, fresh.hidden)
    weight.value, rng.value = jnp.asarray(X), RandomState(0).value
    options = {"key": 0, "tangent_size": tangent_size} if transform is fwd_grad else {}
    transform(fun, weight, **options)()
    assert_same(values(weight, rng, fresh.hidden, count.count), [2 * X, *once, 2])


@both
@pytest.mark.parametrize(("name", "writes"), [("jit", 1), ("for_loop", 3), ("vmap", 1)])
def test_inside_another_transform_it_is_the_same_and_writes_come_out_once(
    transform: Any, name: str, writes: int
) -> None:
    weight, count = ParamState(jnp.asarray([1.0, 2.0])), Counter()

    def loss(x: Array) -> Array:
        count.count.value = count.count.value + 1
        return (weight.value**2 * x).sum()

    options = {"key": 0, "tangent_size": 2} if transform is fwd_grad else {}
    gradient = transform(loss, weight, argnums=0, **options)
    rows = jnp.asarray(np.stack([X, X + 1, X + 2]))
    expected = [gradient(row) for row in rows]
    count.count.value = jnp.zeros((), jnp.int32)
    if name == "jit":
        found, expected = [jit(gradient)(rows[0])], expected[:1]
    else:
        mapped = for_loop(gradient, rows) if name == "for_loop" else vmap(gradient)(rows)
        found = [jax.tree.map(lambda leaf, n=n: leaf[n], mapped) for n in range(3)]
    assert_close(found, expected)
    assert_same(values(count.count), [writes])


@both
def test_an_exception_leaves_every_state_as_it_was(transform: Any) -> None:
    count = Counter()

    def fail(x: Array) -> Array:
        random.rand()
        count(x)
        raise RuntimeError("on purpose")

    random.seed(0)
    before = values(random.DEFAULT, count.count)
    with pytest.raises(RuntimeError, match="on purpose"):
        transform(fail)(jnp.asarray(X))
    assert_same(values(random.DEFAULT, count.count), before)


# Errors.


def test_a_result_that_is_no_number_is_refused_by_fwd_grad() -> None:
    message = says(
        "fwd_grad needs a function that returns one number",
        expected=r"an array of shape \(\)",
        got=r"float32\[2\]",
        fix=r"reduce the result with \.mean\(\)",
    )
    with pytest.raises(GradError, match=message):
        fwd_grad(jnp.square)(jnp.asarray(X))


@pytest.mark.parametrize(
    ("transform", "argument", "expected"),
    [
        (vector_grad, np.arange(2), "a float or complex dtype"),
        (fwd_grad, np.arange(2), "a float dtype"),
        (fwd_grad, X + 1j, "a float dtype"),
    ],
)
def test_an_argument_of_the_wrong_kind_raises_and_says_where(
    transform: Any, argument: Any, expected: str
) -> None:
    message = says(
        f"{transform.__name__} cannot differentiate this argument",
        where="argument 0",
        expected=expected,
        got=rf"{argument.dtype}\[2\]|int32\[2\]",
        fix="convert it to a float array|use real numbers",
    )
    with pytest.raises(GradError, match=message):
        transform(square_sum)(argument)


@both
def test_a_result_of_the_wrong_kind_raises(transform: Any) -> None:
    message = says(
        f"{transform.__name__} cannot differentiate this result",
        where="result",
        expected="a float",
        got=r"int32\[\]",
        fix="convert it to a float array",
    )
    with pytest.raises(GradError, match=message):
        transform(lambda x: x.sum().astype(jnp.int32))(X)


@both
def test_a_state_of_whole_numbers_raises_and_names_it(transform: Any) -> None:
    count = State(jnp.zeros((), jnp.int32), name="count")
    with pytest.raises(GradError, match=r"^count: this State is not made of floats"):
        transform(lambda: count.value * 1.0, count)()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tangent_size", 0, "a positive whole number"),
        ("tangent_size", 2.5, "a positive whole number"),
        ("drct_der_clip", 0.0, "a positive number"),
        ("drct_der_clip", -1.0, "a positive number"),
    ],
)
def test_an_option_that_is_not_positive_raises(name: str, value: Any, expected: str) -> None:
    message = says(
        f"this {name} is no option of fwd_grad",
        expected=expected,
        got=str(value),
        fix=f"pass {name}=None to do without it",
    )
    options: Any = {name: value}
    with pytest.raises(OptionError, match=message):
        fwd_grad(square_sum, **options)


def test_something_that_is_no_key_raises() -> None:
    untyped: Any = "seed"
    with pytest.raises(OptionError, match="this cannot seed random numbers"):
        fwd_grad(square_sum, key=untyped)
