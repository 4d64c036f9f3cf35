"""Which layer's output was the first that is not finite, and at which step."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.errors import NonFiniteError
from brainlite.nn import check_finite
from brainlite.state import HiddenState, ParamState
from brainlite.transform import cond, for_loop, grad, jit, vmap
from brainlite.typing import Array

GOOD = jax.random.normal(jax.random.key(0), (7, 2))
BAD = GOOD.at[4, 1].set(jnp.inf)


class Model(nn.Module):
    def __init__(self) -> None:
        self.encoder = nn.Linear(2, 2)
        self.cell = nn.GRUCell(2, 3)
        self.readout = nn.Linear(3, 1)

    def step(self, x: Array) -> Array:
        return self.readout(self.cell(self.encoder(x)))

    def update(self, x: Array) -> Array:
        return for_loop(self.step, x)


@pytest.fixture
def model() -> Model:
    return nn.init_all_states(Model())


@pytest.mark.parametrize("how", ["eager", "jit", "grad", "vmap", "cond"])
def test_the_first_layer_and_step_are_named(model: Model, how: str) -> None:
    ways: dict[str, Any] = {
        "eager": model,
        "jit": jit(model),
        "grad": grad(lambda x: model(x).sum(), model.states(ParamState)),
        "vmap": lambda x: vmap(model, out_states=model.states(HiddenState))(x[None]),
        "cond": lambda x: cond(True, model, lambda x: x[:, :1], x),
    }
    run = ways[how]
    check = check_finite(model)
    with check:
        run(GOOD)
    nn.init_all_states(model)
    message = "^encoder: the output of this Linear is not finite(.|\n)*at call 4 of this module"
    with pytest.raises(NonFiniteError, match=message), check:
        run(BAD)


def test_a_parameter_that_is_nan_is_found_where_it_is_used(model: Model) -> None:
    model.cell.Wh.weight.value = jax.tree.map(
        lambda leaf: leaf * jnp.nan, model.cell.Wh.weight.value
    )
    with pytest.raises(NonFiniteError, match=r"^cell\.Wh: .*(.|\n)*at call 0"), check_finite(model):
        model(GOOD)


def test_the_users_own_error_comes_first(model: Model) -> None:
    def fail() -> None:
        model(BAD)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"), check_finite(model):
        fail()


def test_whole_numbers_and_other_outputs_are_finite() -> None:
    class Odd(nn.Module):
        def update(self, x: Array) -> tuple[Array, int, None]:
            return x.astype(int), 3, None

    odd = Odd()
    with check_finite(odd):
        odd(GOOD)


class Leaky(nn.Module):
    """A neuron: a potential that is NaN gives no spike, so that its output looks sound."""

    def init_state(self, batch_size: int | None = None) -> None:
        self.V = HiddenState(jnp.zeros(3 if batch_size is None else (batch_size, 3)))

    def update(self, x: Array) -> Array:
        self.V.value = 0.9 * self.V.value + x
        return (self.V.value > 1).astype(jnp.float32)


class Population(nn.Module):
    def __init__(self) -> None:
        self.neurons = Leaky()

    def update(self, x: Array) -> Array:
        return self.neurons(x)


@pytest.mark.parametrize("how", ["eager", "jit", "vmap", "batch"])
def test_a_potential_is_found_by_neuron_and_step(how: str) -> None:
    population = nn.init_all_states(Population(), batch_size=2 if how == "batch" else None)
    xs = jnp.zeros((7, 3)).at[4, 2].set(jnp.nan)

    def lanes() -> None:
        nn.vmap_init_all_states(population, axis_size=2)
        states = population.states(HiddenState)
        vmap(lambda x: for_loop(population, x), in_states=states, out_states=states)(
            jnp.stack([jnp.zeros((7, 3)), xs])
        )

    ways: dict[str, Any] = {
        "eager": lambda: for_loop(population, xs),
        "jit": lambda: jit(for_loop)(population, xs),
        "vmap": lanes,
        "batch": lambda: for_loop(population, jnp.stack([jnp.zeros((7, 3)), xs], axis=1)),
    }
    index = r"\(1, 2\)" if how == "batch" else r"\(2,\)"
    message = rf"^neurons\.V: the state 'V' of this Leaky.*(.|\n)*at index {index} at call 4 of"
    with pytest.raises(NonFiniteError, match=message), check_finite(population):
        ways[how]()


def test_a_state_of_no_elements_is_finite() -> None:
    class Empty(nn.Module):
        def __init__(self) -> None:
            self.h = HiddenState(jnp.zeros((2, 0)))

        def update(self, x: Array) -> Array:
            return x

    empty = Empty()
    with check_finite(empty):
        empty(GOOD)
