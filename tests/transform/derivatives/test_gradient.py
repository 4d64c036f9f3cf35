"""What gradient transforms share: targets, what comes back, and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import graph
from brainlite.errors import GradError
from brainlite.state import ParamState, State
from brainlite.transform import (
    fwd_grad,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    value_and_grad,
    vector_grad,
    vjp,
)
from brainlite.transform._derivatives._gradient import Targets, differentiate
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, says, values
from tests.transform.small import Chain, Counter, Scale, Total

# What mypy makes of the types of a lambda is of no interest here.
grad_of: Any = grad

X = np.arange(1.0, 4.0, dtype=np.float32)


def square_sum(x: Array) -> Array:
    return (x**2).sum()


# Targets.


def test_without_targets_it_is_the_first_argument() -> None:
    assert Targets.of(None, None) == Targets([], None, (0,), True)


def test_a_state_that_is_named_twice_is_one_target() -> None:
    first, second = State(jnp.ones(3)), State(jnp.ones(3))
    targets = Targets.of({"a": first, "b": [second, first]}, None)
    assert targets.states == [first, second]
    assert targets.layout == {"a": 0, "b": [1, 0]}
    assert targets.arrange(["x", "y"], []) == {"a": "x", "b": ["y", "x"]}


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [(None, "s"), (1, ("s", "a")), ((1,), ("s", ("a",))), ((0, 1), ("s", ("a", "b")))],
)
def test_states_come_before_arguments(argnums: Any, expected: Any) -> None:
    targets = Targets.of(State(jnp.ones(3)), argnums).open([1.0, 2.0])
    assert targets.arrange(["s"], ["a", "b"][: len(targets.argnums)]) == expected


def test_modules_and_states_among_the_arguments_stand_for_their_parameters() -> None:
    scale, state = Scale(3.0), State(jnp.ones(3))
    argument = {"scale": [scale, None, 2.0], "state": state}
    targets = Targets.of([state], 1).open([0.0, argument])
    assert targets.states == [state, scale.weight]
    [opened] = targets.opened
    assert opened.arrays() == {"scale": [None, None, 2.0], "state": None}
    assert opened.close({"scale": [None, None, 5.0], "state": None}) == {
        "scale": [scale, None, 5.0],
        "state": state,
    }
    gradients = targets.arrange(["of state", "of weight"], [opened.arrays()])
    in_argument = {"scale": [{("weight",): "of weight"}, None, 2.0], "state": "of state"}
    assert gradients == (["of state"], in_argument)


def test_what_a_state_dict_selects_is_arranged_by_path() -> None:
    model = Chain(Scale(), Scale(3.0))
    gradients = grad_of(lambda x: model(x).sum(), graph.states(model, ParamState))(jnp.asarray(X))
    assert set(gradients) == {("layers", 0, "weight"), ("layers", 1, "weight")}
    assert_close(gradients["layers", 0, "weight"], X * 2 * 3 * 2)
    assert_close(gradients["layers", 1, "weight"], X * 2 * 2)


# What comes back.


def test_another_transform_of_jax_may_be_lifted() -> None:
    weight, count = ParamState(jnp.asarray(X)), Counter()

    def forward(pure: Any) -> Any:
        return jax.jacfwd(pure, argnums=(0, 1), has_aux=True)

    jacobian, value, aux = differentiate(
        forward,
        lambda x: (count(x) * weight.value, x * 2),
        Targets.of(weight, 0),
        [jnp.asarray(X)],
        {},
        label="a test",
        has_aux=True,
        scalar=False,
    )
    assert_close(jacobian, (np.diag(X), np.diag(X)))
    assert_close((value, aux), (X * X, X * 2))
    assert_same(values(count.count), [1])


def test_a_target_that_is_written_has_its_new_value_afterwards() -> None:
    weight = ParamState(jnp.asarray(X))

    def loss() -> Array:
        weight.value = weight.value * 2
        return square_sum(weight.value)

    assert_close(grad(loss, weight)(), X * 8)
    assert_close(values(weight), [X * 2])


def test_a_state_that_depends_on_a_target_holds_its_value_afterwards() -> None:
    weight, total = ParamState(jnp.ones(())), Total()
    gradient = grad_of(lambda x: total(weight.value * x) ** 2, weight)
    gradient(jnp.full((), 3.0))
    assert_close(gradient(jnp.full((), 4.0)), 2 * 7 * 4)  # the past is a constant
    assert_close(values(total.total), [7.0])


def test_effects_come_out_once_however_often_jax_calls_the_function() -> None:
    model = Counter()
    hessian = grad_of(lambda x: grad_of(lambda x: square_sum(model(x)))(x).sum())
    assert_close(hessian(jnp.asarray(X)), np.full(3, 2.0))
    assert_same(values(model.count), [1])


# Errors.


@pytest.mark.parametrize(
    ("result", "got"),
    [
        (lambda x: x, r"float32\[3\]"),
        (lambda x: (x.sum(), x), r"\(float32\[\], float32\[3\]\)"),
        (lambda x: None, "None"),
    ],
    ids=["vector", "pair", "nothing"],
)
def test_a_value_that_is_not_one_number_raises(result: Any, got: str) -> None:
    message = says(
        "grad needs a function that returns one number",
        expected=r"an array of shape \(\)",
        got=got,
        fix=r"reduce the result with \.mean\(\)",
    )
    with pytest.raises(GradError, match=message):
        grad(result)(jnp.asarray(X))


def test_a_pair_where_no_auxiliary_output_was_announced_says_so() -> None:
    with pytest.raises(GradError, match="pass has_aux=True if the rest is auxiliary"):
        grad_of(lambda x: (x.sum(), x))(jnp.asarray(X))


@pytest.mark.parametrize("result", [lambda x: x.sum(), lambda x: (x.sum(), x, x)])
def test_auxiliary_output_that_is_not_there_raises(result: Any) -> None:
    message = says(
        "with has_aux=True needs a function that returns a pair",
        expected=r"\(value, aux\)",
        got=r"float32\[\]",
        fix="return `value, aux`",
    )
    with pytest.raises(GradError, match=message):
        grad(result, has_aux=True)(jnp.asarray(X))


def test_a_value_that_is_a_whole_number_raises() -> None:
    with pytest.raises((GradError, TypeError), match=r"real- or complex-valued outputs|int32"):
        grad_of(lambda x: x.sum().astype(jnp.int32))(jnp.asarray(X))


def test_a_target_of_whole_numbers_raises_and_names_it() -> None:
    model = Counter()

    def loss() -> Array:
        return model(jnp.ones(()))

    message = says(
        "this State is not made of floats",
        where=r"Counter\.count \(State\)",
        expected="a float or complex dtype",
        got=r"int32\[\]",
        fix="leave the state out of grad_states",
    )

    def differentiate_count(model: Counter) -> Array:
        return grad(loss, model.count)()

    with pytest.raises(GradError, match=message):
        differentiate_count(model)
    assert_same(values(model.count), [0])


@pytest.mark.parametrize("target", [np.ones(3), [np.ones(3)], {"w": 1.0}, Scale()])
def test_a_target_that_is_no_state_raises(target: Any) -> None:
    message = says(
        "grad_states holds something that is no state",
        expected=r"a State, or a list, dict or `model\.states",
        got="a (ndarray|float|Scale)",
        fix=r"pass `model\.states\(brainlite\.ParamState\)`",
    )
    with pytest.raises(GradError, match=message):
        grad_of(square_sum, target)


@pytest.mark.parametrize(("argnums", "given"), [(1, 1), ((0, 2), 2), (-3, 2), (0, 0)])
def test_an_argument_that_was_not_passed_raises(argnums: Any, given: int) -> None:
    fun: Any = lambda *args, **kwargs: jnp.zeros(())  # noqa: E731
    message = says(
        "grad was asked for an argument that was not passed by position",
        expected="argnums between 0 and|an argument",
        got=f"argnums=.* and {given} positional arguments",
        fix="pass the argument by position",
    )
    with pytest.raises(GradError, match=message):
        grad_of(fun, argnums=argnums)(*[jnp.ones(())] * given, x=1.0)


def test_errors_name_the_transform_that_was_asked() -> None:
    with pytest.raises(GradError, match="needs a function that returns one number"):
        value_and_grad(lambda x: x)(jnp.asarray(X))


@pytest.mark.parametrize(
    "derive",
    [grad, value_and_grad, vector_grad, jacrev, jacfwd, fwd_grad, hessian],
    ids=lambda each: each.__name__,
)
def test_a_number_without_a_derivative_raises(derive: Any) -> None:
    loss = Scale(2.0)
    for number in (lambda x: loss(x).sum().item(), lambda x: 3.0, lambda x: np.float32(3.0)):
        with pytest.raises(GradError, match=r"was given a number of (.|\n)*leave out `\.item\(\)`"):
            derive(number)(jnp.asarray(X))
    derive(lambda x: jnp.asarray(3.0))(jnp.asarray(X))


@pytest.mark.parametrize("product", [vjp, lambda f, x: jvp(f, (x,), (x,))], ids=["vjp", "jvp"])
def test_products_refuse_such_numbers_too(product: Any) -> None:
    with pytest.raises(GradError, match="was given a number of Python"):
        product(lambda x: x.sum().item(), jnp.asarray(X))
