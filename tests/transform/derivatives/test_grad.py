"""``grad`` and ``value_and_grad`` return what jax and finite differences give."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import graph
from brainlite.errors import GradError
from brainlite.graph import Node, PathContains
from brainlite.random import RandomState
from brainlite.state import BatchState, HiddenState, ParamState, State
from brainlite.transform import cond, for_loop, grad, jit, value_and_grad, vmap
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, values
from tests.transform.small import Counter

# What mypy makes of the types of a lambda is of no interest here.
grad_of: Any = grad
wait: Any = jax.block_until_ready

X = np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3)
Y = np.ones(2, np.float32)

eager_and_jitted = pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])


def maybe_jit(fun: Callable[..., Any], lifted: bool) -> Callable[..., Any]:
    return jit(fun) if lifted else fun


class Net(Node):
    """A layer with a parameter that is a dict, a running mean and a count."""

    def __init__(self) -> None:
        self.layer = ParamState({"w": jnp.asarray([0.5, -0.3, 0.8]), "b": jnp.zeros(())})
        self.gain = ParamState(jnp.full((), 1.5))
        self.mean = BatchState(jnp.zeros(3))
        self.calls = Counter()

    def __call__(self, x: Array) -> Array:
        self.mean.value = 0.9 * self.mean.value + 0.1 * x.mean(0)
        held = self.layer.value
        return self.calls(jnp.tanh((x - self.mean.value) @ held["w"] + held["b"]) * self.gain.value)


def pure_loss(layer: dict[str, Array], gain: Array, x: Array, y: Array) -> Array:
    centred = x - 0.1 * x.mean(0)
    return ((jnp.tanh(centred @ layer["w"] + layer["b"]) * gain - y) ** 2).sum()


def make() -> tuple[Net, Callable[[Array, Array], Array]]:
    net = Net()
    return net, lambda x, y: ((net(x) - y) ** 2).sum()


def reference(argnums: Any) -> Any:
    net = Net()
    at = (net.layer.value, net.gain.value, jnp.asarray(X), jnp.asarray(Y))
    return jax.grad(pure_loss, argnums)(*at)


@eager_and_jitted
@pytest.mark.parametrize("return_value", [False, True])
@pytest.mark.parametrize("has_aux", [False, True])
@pytest.mark.parametrize("targets", ["state", "list", "dict", "argument", "arguments", "both"])
def test_gradients_value_and_aux_come_back_in_their_order(
    targets: str, has_aux: bool, return_value: bool, lifted: bool
) -> None:
    net, loss = make()
    layer, gain, x, y = reference((0, 1, 2, 3))
    states, argnums, expected = {
        "state": (net.layer, None, layer),
        "list": ([net.gain, net.layer], None, [gain, layer]),
        "dict": ({"g": net.gain, "l": net.layer}, None, {"g": gain, "l": layer}),
        "argument": (None, 1, y),
        "arguments": (None, (0, 1), (x, y)),
        "both": ([net.layer], (0, 1), ([layer], (x, y))),
    }[targets]
    fun: Any = (lambda x, y: (loss(x, y), {"x": x})) if has_aux else loss
    options: Any = {"argnums": argnums, "has_aux": has_aux, "return_value": return_value}
    gradient = grad_of(fun, states, **options)
    result = maybe_jit(gradient, lifted)(jnp.asarray(X), jnp.asarray(Y))
    value = pure_loss(Net().layer.value, Net().gain.value, jnp.asarray(X), jnp.asarray(Y))
    parts = [expected, *([value] if return_value else []), *([{"x": X}] if has_aux else [])]
    assert_close(result, tuple(parts) if len(parts) > 1 else parts[0])
    assert_close(values(net.mean, net.calls.count), [0.1 * X.mean(0), 1])


def test_gradients_agree_with_finite_differences() -> None:
    net, loss = make()
    gradients = grad(loss, net.layer)(jnp.asarray(X), jnp.asarray(Y))
    weights, step = np.asarray(Net().layer.value["w"]), 1e-2
    for index in range(3):
        shift = step * np.eye(3, dtype=np.float32)[index]
        ends = [
            pure_loss(
                {"w": jnp.asarray(weights + s), "b": jnp.zeros(())},
                Net().gain.value,
                jnp.asarray(X),
                jnp.asarray(Y),
            )
            for s in (shift, -shift)
        ]
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(gradients["w"][index], slope, rtol=1e-3, atol=1e-3)


def test_value_and_grad_returns_the_value_first() -> None:
    net, loss = make()
    value, gradients = value_and_grad(loss, net.gain)(jnp.asarray(X), jnp.asarray(Y))
    assert_close(gradients, reference(1))
    assert_close(value, ((make()[0](jnp.asarray(X)) - Y) ** 2).sum())


def test_value_and_grad_keeps_value_and_aux_together() -> None:
    (value, aux), gradient = value_and_grad(lambda x: (x**2, "aux"), has_aux=True)(3.0)
    assert_close((value, gradient), (9.0, 6.0))
    assert aux == "aux"


def test_keyword_arguments_pass_through() -> None:
    def fun(x: Array, *, power: int) -> Array:
        return x**power

    assert_close(grad(fun)(jnp.asarray(2.0), power=3), 12.0)


def test_grad_is_a_decorator_with_and_without_options() -> None:
    weight = ParamState(jnp.asarray(2.0))

    @grad(grad_states=weight, return_value=True)
    def cubed(x: Array) -> Array:
        return weight.value**3 * x

    @grad
    def squared(x: Array) -> Array:
        return x**2

    assert_close(cubed(jnp.asarray(1.0)), (12.0, 8.0))
    assert_close(squared(jnp.asarray(3.0)), 6.0)


def test_negative_argnums_count_from_the_end() -> None:
    assert_close(grad_of(lambda x, y: x * y**2, argnums=-1)(3.0, 2.0), 12.0)


def test_arguments_may_be_pytrees() -> None:
    gradients = grad_of(lambda x: x["a"] * x["b"][0])({"a": 2.0, "b": [3.0]})
    assert_close(gradients, {"a": 3.0, "b": [2.0]})


def test_gradients_of_tied_weights_add_up() -> None:
    class Tied(Node):
        def __init__(self) -> None:
            self.first = ParamState(jnp.full((), 2.0))
            self.second = self.first

        def __call__(self, x: Array) -> Array:
            return self.first.value * x + self.second.value**2

    model = Tied()
    gradients = grad_of(model, {"a": model.first, "b": model.second})(3.0)
    assert_close(gradients, {"a": 7.0, "b": 7.0})


@eager_and_jitted
def test_the_gradient_reaches_the_initial_hidden_state_through_a_loop(lifted: bool) -> None:
    hidden, weight = HiddenState(jnp.full(3, 0.1)), ParamState(jnp.full(3, 0.5))

    def roll(xs: Array) -> Array:
        def step(x: Array) -> Array:
            hidden.value = jnp.tanh(hidden.value * weight.value + x)
            return hidden.value.sum()

        return for_loop(step, xs).sum()

    def raw(hidden: Array, weight: Array, xs: Array) -> Array:
        def step(hidden: Array, x: Array) -> tuple[Array, Array]:
            hidden = jnp.tanh(hidden * weight + x)
            return hidden, hidden.sum()

        return jax.lax.scan(step, hidden, xs)[1].sum()

    at = (hidden.value, weight.value, jnp.asarray(X))
    gradient = grad_of(roll, [hidden, weight], argnums=0)
    result = maybe_jit(gradient, lifted)(jnp.asarray(X))
    h, w, x = jax.grad(raw, (0, 1, 2))(*at)
    assert_close(result, ([h, w], x))


def test_the_gradient_of_the_gradient() -> None:
    weight, model = ParamState(jnp.asarray(2.0)), Counter()

    def loss(x: Array) -> Array:
        return model(weight.value**3 * x**2)

    def slope(x: Array) -> Array:
        return grad(loss, weight)(x)

    x = jnp.asarray(3.0)
    assert_close(grad(slope, weight)(x), 6 * 2 * 9)
    assert_close(jit(lambda x: grad(slope)(x))(x), 2 * (3 * 4 * 2 * 3))
    assert_same(values(model.count), [2])


def test_a_gradient_may_be_taken_inside_a_loop() -> None:
    weight = ParamState(jnp.asarray(1.0))

    def descend(x: Array) -> Any:
        gradient, value = grad_of(lambda: (weight.value - x) ** 2, weight, return_value=True)()
        weight.value = weight.value - 0.25 * gradient
        return value

    losses = for_loop(descend, jnp.zeros(4))
    assert_close(losses, 0.25 ** np.arange(4))
    assert_close(values(weight), [0.5**4])


def test_the_gradient_goes_through_the_branch_that_is_taken() -> None:
    weight = ParamState(jnp.asarray(2.0))
    loss = lambda x: cond(x > 0, lambda: weight.value**2, lambda: weight.value * 5)  # noqa: E731
    assert_close([grad_of(loss, weight)(x) for x in (1.0, -1.0)], [4.0, 5.0])


def test_the_gradient_of_a_vmap_adds_up_over_the_lanes() -> None:
    weight = ParamState(jnp.asarray(2.0))
    gradient = grad_of(lambda xs: vmap(lambda x: weight.value**2 * x)(xs).sum(), weight)
    assert_close(gradient(jnp.arange(4.0)), 4.0 * 6)


def test_random_numbers_are_drawn_once_and_as_in_the_function() -> None:
    generator, twin = RandomState(0), RandomState(0)
    gradient = grad_of(lambda x: x * generator.normal(0.0, 1.0), return_value=True)
    for _ in range(2):
        drawn = twin.normal(0.0, 1.0)
        assert_close(gradient(2.0), (drawn, drawn * 2))
    assert_same(generator.value, twin.value)


def test_holomorphic_and_allow_int_are_those_of_jax() -> None:
    z = jnp.asarray(1.0 + 2.0j)
    assert_close(jnp.imag(grad_of(lambda z: z**2, holomorphic=True)(z)), 4.0)
    gradient: Any = grad_of(lambda n, x: x * 2.0, argnums=0, allow_int=True)
    assert gradient(3, jnp.asarray(1.0)).dtype == jax.dtypes.float0


@eager_and_jitted
def test_a_module_as_an_argument_stands_for_its_parameters(lifted: bool) -> None:
    net, same, x = Net(), Net(), jnp.asarray(X)

    def loss(net: Net, x: Array) -> Array:
        return jnp.mean(net(x) ** 2)

    expected = grad(lambda: loss(same, x), graph.states(same, ParamState))()
    gradients, by_x = maybe_jit(grad_of(loss, argnums=(0, 1)), lifted)(net, x)
    assert_close(gradients, expected)
    assert by_x.shape == x.shape
    assert_same(values(net.calls.count, net.mean), values(same.calls.count, same.mean))


def test_a_parameter_in_two_arguments_has_its_whole_gradient_in_both() -> None:
    net = Net()

    def fun(a: Net, b: Net) -> Array:
        return a.gain.value * 2.0 + b.gain.value**2

    first, second = grad_of(fun, argnums=(0, 1))(net, net)
    assert_same([first["gain",], second["gain",]], [5.0, 5.0])


def test_a_state_as_an_argument_stands_for_its_value() -> None:
    assert_same(grad_of(lambda state: state.value**2)(ParamState(jnp.asarray(3.0))), 6.0)


def test_states_that_are_not_read_are_told_of() -> None:
    net = Net()
    every = graph.states(net, ParamState)

    def partly(x: Array) -> Array:
        return jit(lambda: (x * net.layer.value["w"]).sum())()

    found = grad(partly, every)(jnp.asarray(X))
    assert_same(found["gain",], 0.0)
    for fun in (
        grad(partly, every, check_states=True),
        jit(grad(partly, every, check_states=True)),
    ):
        with pytest.raises(GradError, match=r"does not read(.|\n)*no read of .*gain"):
            fun(jnp.asarray(X))
    read = graph.states(net, PathContains("layer"))
    x = jnp.asarray(X)
    assert_same(grad(partly, read, check_states=True)(x), grad(partly, read)(x))


@eager_and_jitted
def test_gradients_that_are_not_finite_are_told_of(lifted: bool) -> None:
    weight = ParamState(jnp.array([0.0, 4.0]))
    calls = State(jnp.zeros(()))

    def loss(x: Array) -> Array:
        calls.value += 1
        return (jnp.sqrt(weight.value) * x).sum()

    watched = maybe_jit(grad(loss, weight, return_value=True, debug_nan=True), lifted)
    plain = maybe_jit(grad(loss, weight, return_value=True), lifted)
    with pytest.raises(
        RuntimeError, match=r"grad: a result(.|\n)*the result\['gradient'\] of shape \(2,\)"
    ):
        wait(watched(jnp.ones(2)))
    weight.value = jnp.array([1.0, 4.0])
    calls.value = jnp.zeros(())
    assert_same(watched(jnp.ones(2)), plain(jnp.ones(2)))
    assert values(calls) == [2]


def test_what_may_have_a_unit_is_one_number_all_the_same() -> None:
    with pytest.raises(GradError, match="one number"):
        grad_of(lambda x: x, unit_aware=True)(jnp.ones(2))
