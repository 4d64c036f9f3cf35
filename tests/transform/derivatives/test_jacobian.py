"""``jacrev``, ``jacfwd`` and ``hessian`` return what jax and finite differences give."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import GradError
from brainlite.graph import Node, states
from brainlite.random import RandomState
from brainlite.state import ParamState, State
from brainlite.transform import (
    cond,
    for_loop,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    vmap,
)
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, says, values
from tests.transform.small import Counter, Fresh, Total

X = np.linspace(0.2, 1.0, 2, dtype=np.float32)

both_modes = pytest.mark.parametrize("mode", [jacrev, jacfwd])
PLAIN: dict[Any, Any] = {jacrev: jax.jacrev, jacfwd: jax.jacfwd, hessian: jax.hessian}
all_transforms = pytest.mark.parametrize("transform", [jacrev, jacfwd, hessian])


class Net(Node):
    """A layer whose parameters are an array and a dict, and which counts its calls."""

    def __init__(self) -> None:
        self.weight = ParamState(jnp.asarray([[0.5, -0.3, 0.8], [0.1, 0.7, -0.2]]))
        self.rest = ParamState({"bias": jnp.asarray([0.1, 0.2, 0.3]), "gain": jnp.asarray(1.5)})
        self.calls = Counter()

    def __call__(self, x: Array) -> Array:
        rest = self.rest.value
        return self.calls(jnp.tanh(x @ self.weight.value + rest["bias"]) * rest["gain"])


def pure(weight: Array, rest: dict[str, Array], x: Array) -> Array:
    return jnp.tanh(x @ weight + rest["bias"]) * rest["gain"]


def at(net: Net) -> tuple[Array, dict[str, Array], Array]:
    return net.weight.value, net.rest.value, jnp.asarray(X)


@functools.cache
def jacobians() -> Any:
    return jax.jit(jax.jacrev(pure, (0, 1, 2)))(*at(Net()))


def pure_loss(*args: Any) -> Array:
    return (pure(*args) ** 2).sum()


def same_trees(actual: Any, expected: Any) -> None:
    structure: Any = jax.tree.structure(expected)
    assert jax.tree.structure(actual) == structure
    assert_close(actual, expected)


# First derivatives.


TARGETS = ["state", "list", "dict", "argument", "arguments", "both"]
# What is differentiated and what is returned with it hardly meet: each with each is slow.
FEW = {("state", False, False), *((name, True, True) for name in TARGETS)} | {
    ("both", True, False),
    ("both", False, True),
}


@both_modes
@pytest.mark.parametrize(
    ("targets", "has_aux", "return_value"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case not in FEW))
        for case in itertools.product(TARGETS, [False, True], [False, True])
    ],
)
def test_jacobian_value_and_aux_come_back_in_their_order(
    targets: str, has_aux: bool, return_value: bool, mode: Any
) -> None:
    net = Net()
    weight, rest, x = jacobians()
    grad_states, argnums, expected = {
        "state": (net.weight, None, weight),
        "list": ([net.rest, net.weight], None, [rest, weight]),
        "dict": ({"w": net.weight, "r": net.rest}, None, {"w": weight, "r": rest}),
        "argument": (None, None, x),
        "arguments": (None, (0,), (x,)),
        "both": ([net.rest], -1, ([rest], x)),
    }[targets]
    fun: Any = (lambda x: (net(x), {"x": x})) if has_aux else net
    derivative = mode(fun, grad_states, argnums=argnums, has_aux=has_aux, return_value=return_value)
    parts = [expected]
    parts += [pure(*at(net))] if return_value else []
    parts += [{"x": X}] if has_aux else []
    same_trees(derivative(jnp.asarray(X)), tuple(parts) if len(parts) > 1 else expected)
    assert_same(values(net.calls.count), [1])


@both_modes
def test_what_a_state_dict_selects_is_arranged_by_path(mode: Any) -> None:
    net = Net()
    weight, rest, _ = jacobians()
    found = mode(net, states(net, ParamState))(jnp.asarray(X))
    same_trees(found, {("weight",): weight, ("rest",): rest})


@both_modes
def test_a_result_that_is_a_tree_has_one_jacobian_for_each_array(mode: Any) -> None:
    net = Net()

    def fun(x: Array, scale: Array) -> dict[str, Any]:
        return {"a": pure(net.weight.value, net.rest.value, x), "b": [scale * x, net.weight.value]}

    def plain(weight: Array, x: Array, scale: Array) -> dict[str, Any]:
        return {"a": pure(weight, rest, x), "b": [scale * x, weight]}

    weight, rest, x = at(net)
    expected = jax.jit(jax.jacrev(plain, (0, 1, 2)))(weight, x, jnp.asarray(2.0))
    rearranged = jax.tree.map(
        lambda part: (part[0], (part[1], part[2])),
        expected,
        is_leaf=lambda part: isinstance(part, tuple),
    )
    same_trees(mode(fun, net.weight, argnums=(0, 1))(x, jnp.asarray(2.0)), rearranged)


@both_modes
def test_keyword_arguments_reach_the_function(mode: Any) -> None:
    found = mode(lambda x, *, power: x**power)(jnp.asarray(X), power=3)
    assert_close(found, np.diag(3 * X**2))


@both_modes
def test_a_jacobian_agrees_with_finite_differences(mode: Any) -> None:
    net, step = Net(), 1e-2
    found = mode(net, net.weight)(jnp.asarray(X))
    base, rest, x = at(net)
    for place in np.ndindex(2, 3):
        up, down = (pure(base.at[place].add(sign * step), rest, x) for sign in (1, -1))
        np.testing.assert_allclose(
            found[(slice(None), *place)], (up - down) / (2 * step), atol=1e-3
        )


@all_transforms
def test_a_decorator_without_a_function(transform: Any) -> None:
    decorated = transform(argnums=1)(lambda x, y: (x * y**2).sum())
    x = jnp.asarray(X)
    assert_close(decorated(x, x), transform(lambda y: (x * y**2).sum())(x))


@all_transforms
def test_nothing_to_differentiate_gives_an_empty_derivative(transform: Any) -> None:
    net = Net()
    found, value = transform(lambda x: net(x).sum(), [], return_value=True)(jnp.asarray(X))
    assert found == []
    assert_close(value, pure(*at(net)).sum())
    assert_same(values(net.calls.count), [1])


@all_transforms
def test_holomorphic_functions(transform: Any) -> None:
    z = jnp.asarray(X) * (1 + 2j)

    def cube(z: Array) -> Array:
        return (z**3).sum()

    plain = PLAIN[transform]
    assert_close(transform(cube, holomorphic=True)(z), plain(cube, holomorphic=True)(z))


def test_jacrev_takes_whole_numbers_if_asked() -> None:
    def fun(n: Array, x: Array) -> Array:
        return n * x

    found = jacrev(fun, argnums=(0, 1), allow_int=True)(jnp.arange(2), jnp.asarray(X))
    same_trees(found, jax.jacrev(fun, (0, 1), allow_int=True)(jnp.arange(2), jnp.asarray(X)))


def test_jacobian_is_jacrev() -> None:
    assert jacobian is jacrev


# Second derivatives.


def test_a_hessian_by_an_argument_is_that_of_jax() -> None:
    net = Net()
    expected = jax.hessian(pure_loss, 2)(*at(net))

    def loss(x: Array) -> Array:
        return (net(x) ** 2).sum()

    found, value = hessian(loss, return_value=True)(jnp.asarray(X))
    assert_close(found, expected, terms=100)
    assert_close(value, pure_loss(*at(net)))
    assert_same(values(net.calls.count), [1])


@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("kind", [list, dict])
def test_a_hessian_by_states_has_their_structure_twice(kind: Any, has_aux: bool) -> None:
    net = Net()
    # jax goes through a dict that is one argument before it goes to the other argument.
    (ww, wr), by_rest = jax.jit(jax.hessian(pure_loss, (0, 1)))(*at(net))
    targets: Any = [net.weight, net.rest]
    expected: Any = [[ww, wr], {name: list(pair) for name, pair in by_rest.items()}]
    if kind is dict:
        targets = {"w": net.weight, "r": net.rest}
        rows = {name: {"w": pair[0], "r": pair[1]} for name, pair in by_rest.items()}
        expected = {"w": {"w": ww, "r": wr}, "r": rows}

    def loss(x: Array) -> Any:
        value = (net(x) ** 2).sum()
        return (value, x) if has_aux else value

    found = hessian(loss, targets, has_aux=has_aux)(jnp.asarray(X))
    same_trees(found, (expected, jnp.asarray(X)) if has_aux else expected)
    assert_same(values(net.calls.count), [1])


def test_a_hessian_by_states_and_arguments_has_four_blocks() -> None:
    weight = ParamState(jnp.asarray([1.0, 2.0]))
    found = hessian(lambda x: (weight.value**2 * x**3).sum(), weight, argnums=0)(jnp.asarray(X))
    held = np.asarray([1.0, 2.0])
    mixed = np.diag(2 * held * 3 * X**2)
    same_trees(found, ((np.diag(2 * X**3), mixed), (mixed, np.diag(held**2 * 6 * X))))


def test_a_hessian_of_a_vector_has_one_for_each_element() -> None:
    def cube(x: Array) -> Array:
        return x**3

    assert_close(hessian(cube)(jnp.asarray(X)), jax.hessian(cube)(X))


def test_a_hessian_agrees_with_finite_differences_of_the_gradient() -> None:
    net, step = Net(), 1e-2
    found = hessian(lambda: (net(jnp.asarray(X)) ** 2).sum(), net.weight)()
    base, rest, x = at(net)
    gradient = jax.jit(jax.grad(pure_loss))
    for place in np.ndindex(2, 3):
        up, down = (gradient(base.at[place].add(sign * step), rest, x) for sign in (1, -1))
        np.testing.assert_allclose(found[place], (up - down) / (2 * step), atol=2e-3)


# States that the function writes.


class Writer(Node):
    """Writes a state that it is differentiated by, makes one, draws, loops and branches."""

    def __init__(self) -> None:
        self.weight = ParamState(jnp.asarray([1.0, 2.0]))
        self.rng = RandomState(0)
        self.total = Total()
        self.fresh = Fresh()
        self.calls = Counter()

    def __call__(self, x: Array) -> Array:
        x = self.calls(x) * self.rng.rand(2)
        steps = for_loop(
            lambda factor: self.total(factor * self.weight.value.sum()), jnp.arange(3.0)
        )
        x = cond(steps[-1] > 0, lambda: x * steps.sum(), lambda: x)
        self.fresh(jnp.full(3, 2.0))
        self.weight.value = self.weight.value * 3
        out: Array = jit(lambda x: x * self.weight.value**2)(x).sum()
        return out


@all_transforms
def test_what_a_plain_call_would_leave_behind_is_left_behind(transform: Any) -> None:
    called, derived = Writer(), Writer()
    expected = called(jnp.asarray(X))
    derivative = transform(derived, derived.weight, argnums=0, return_value=True)
    _, value = derivative(jnp.asarray(X))
    assert_close(value, expected)
    left = [
        values(w.weight, w.rng, w.total.total, w.fresh.hidden, w.calls.count)
        for w in (called, derived)
    ]
    assert_close(left[1], left[0])


@all_transforms
def test_the_value_at_the_call_is_what_a_written_state_is_differentiated_by(transform: Any) -> None:
    weight = ParamState(jnp.asarray([1.0, 2.0]))

    def cube() -> Array:
        weight.value = weight.value**3
        return weight.value.sum()

    found = transform(cube, weight)()
    expected = [6.0, 12.0] if transform is hessian else [3.0, 12.0]
    assert_close(found, np.diag(expected) if transform is hessian else np.asarray(expected))
    assert_close(values(weight), [[1.0, 8.0]])


@all_transforms
def test_an_exception_leaves_every_state_as_it_was(transform: Any) -> None:
    writer = Writer()

    def fail(x: Array) -> Array:
        writer(x)
        raise RuntimeError("on purpose")

    before = values(writer.weight, writer.rng, writer.calls.count)
    with pytest.raises(RuntimeError, match="on purpose"):
        transform(fail, writer.weight)(jnp.asarray(X))
    assert_same(values(writer.weight, writer.rng, writer.calls.count), before)


# Inside other transforms.


def lifted_by(name: str, fun: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """Call ``fun`` on each of the rows of an argument."""
    return {
        "jit": lambda rows: jit(lambda row: fun(row))(rows[0]),
        "for_loop": lambda rows: for_loop(fun, rows),
        "vmap": vmap(fun),
    }[name]


@all_transforms
@pytest.mark.parametrize(("name", "writes"), [("jit", 1), ("for_loop", 3), ("vmap", 1)])
def test_inside_another_transform_it_is_the_same_and_writes_come_out_once(
    name: str, writes: int, transform: Any
) -> None:
    weight, count = ParamState(jnp.asarray([1.0, 2.0])), Counter()

    def loss(x: Array) -> Array:
        count.count.value = count.count.value + 1
        return (weight.value**2 * x**3).sum()

    derivative = transform(loss, weight, argnums=0)
    rows = jnp.asarray(np.stack([X, X + 1, X + 2]))
    expected = [derivative(row) for row in rows]
    count.count.value = jnp.zeros((), jnp.int32)
    found = lifted_by(name, derivative)(rows)
    stacked = (
        expected[0] if name == "jit" else jax.tree.map(lambda *all_: jnp.stack(all_), *expected)
    )
    same_trees(found, stacked)
    assert_same(values(count.count), [writes])


@all_transforms
def test_a_compiled_derivative_sees_new_values_of_the_states(transform: Any) -> None:
    net = Net()
    compiled = jit(transform(lambda x: net(x).sum(), net.weight))
    compiled(jnp.asarray(X))
    net.weight.value = net.weight.value + 1
    net.calls.count.value = jnp.zeros((), jnp.int32)
    plain = PLAIN[transform]
    expected = plain(lambda *args: pure(*args).sum())(*at(net))
    assert_close(compiled(jnp.asarray(X)), expected)
    assert_same(values(net.calls.count), [1])


def test_a_jacobian_inside_a_gradient() -> None:
    weight, count = ParamState(jnp.asarray([1.0, 2.0])), Counter()

    def fun(x: Array) -> Array:
        return count(weight.value * x**2)

    def penalty(x: Array) -> Array:
        return (jacfwd(fun)(x) ** 2).sum()

    assert_close(grad(penalty, weight)(jnp.asarray(X)), 2 * np.asarray([1.0, 2.0]) * (2 * X) ** 2)
    assert_same(values(count.count), [1])


# Errors.

WHOLE = jnp.arange(2)


@pytest.mark.parametrize(
    ("transform", "argument", "options", "expected", "got", "fix"),
    [
        (jacrev, WHOLE, {}, "a float or complex dtype", r"int32\[2\]", "convert it to a float"),
        (jacfwd, WHOLE, {}, "a float dtype", r"int32\[2\]", "convert it to a float"),
        (hessian, WHOLE, {}, "a float dtype", r"int32\[2\]", "convert it to a float"),
        (jacfwd, X + 1j, {}, "a float dtype", r"complex64\[2\]", "use real numbers"),
        (jacrev, X, {"holomorphic": True}, "a complex dtype", r"float32\[2\]", "use complex"),
        (jacrev, "text", {}, "a float or complex dtype", "str 'text'", "convert it to a float"),
    ],
)
def test_an_argument_of_the_wrong_kind_raises_and_says_where(
    transform: Any, argument: Any, options: Any, expected: str, got: str, fix: str
) -> None:
    message = says(
        f"{transform.__name__} cannot differentiate this argument",
        where=r"argument 0\['x'\]\[1\]",
        expected=expected,
        got=got,
        fix=fix,
    )
    with pytest.raises(GradError, match=message):
        transform(lambda tree: tree["x"][0].sum(), **options)(
            {"x": [X + 1j if options else X, argument]}
        )


@pytest.mark.parametrize(
    ("transform", "options", "result", "expected", "got"),
    [
        (jacrev, {}, lambda x: x.astype(jnp.int32), "a float dtype", r"int32\[2\]"),
        (jacfwd, {}, lambda x: x.astype(jnp.int32), "a float or complex dtype", r"int32\[2\]"),
        (hessian, {}, lambda x: x > 0, "a float dtype", r"bool\[2\]"),
        (jacrev, {}, lambda x: x * 1j, "a float dtype", r"complex64\[2\]"),
        (jacrev, {}, lambda x: "text", "a float dtype", "str 'text'"),
    ],
)
def test_a_result_of_the_wrong_kind_raises_and_says_where(
    transform: Any, options: Any, result: Any, expected: str, got: str
) -> None:
    message = says(
        f"{transform.__name__} cannot differentiate this result",
        where=r"result\['y'\]",
        expected=expected,
        got=got,
        fix=".*; what is not to be differentiated can go into aux",
    )
    with pytest.raises(GradError, match=message):
        transform(lambda x: {"x": x, "y": result(x)}, **options)(jnp.asarray(X))


@all_transforms
def test_a_function_that_returns_nothing_raises(transform: Any) -> None:
    message = says(
        f"{transform.__name__} needs a function that returns arrays",
        expected="an array, or containers of them",
        got="None",
        fix="return the value to differentiate",
    )
    with pytest.raises(GradError, match=message):
        transform(lambda x: None)(jnp.asarray(X))


@all_transforms
def test_a_state_of_whole_numbers_raises_and_names_it(transform: Any) -> None:
    count = State(jnp.zeros((), jnp.int32), name="count")
    message = says(
        "this State is not made of floats",
        where="count",
        expected="a float",
        got=r"int32\[\]",
        fix="leave the state out of grad_states",
    )
    with pytest.raises(GradError, match=message):
        transform(lambda: count.value * 1.0, count)()
    with pytest.raises(GradError, match="needs a function that returns a pair"):
        transform(lambda x: x, has_aux=True)(jnp.asarray(X))
