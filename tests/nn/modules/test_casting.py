"""Casting a model: floats change in place, all else stays, compiled functions follow."""

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import OptionError
from brainlite.nn import GRUCell, Linear, Module
from brainlite.transform import grad, jit


class Mixed(Module):
    def __init__(self) -> None:
        self.weight = brainlite.ParamState({"w": jnp.ones(2), "n": jnp.arange(2)})
        self.count = brainlite.LongTermState(jnp.zeros((), "int32"))
        self.mean = brainlite.BatchState(jnp.zeros(2))
        self.complex = brainlite.State(jnp.ones(2, "complex64"))
        self.key = brainlite.RandomState(1)
        self.rate = brainlite.State(0.5)
        self.unset = brainlite.State[jax.Array | None](None)


def test_floating_point_states_are_cast_and_nothing_else() -> None:
    model = Mixed()
    states = dict(model.states())
    key = model.key.value
    assert model.half() is model
    assert dict(model.states()) == states
    assert model.weight.value["w"].dtype == jnp.float16
    assert model.weight.value["n"].dtype == jnp.int32
    assert model.mean.value.dtype == jnp.float16
    assert model.count.value.dtype == jnp.int32
    assert model.complex.value.dtype == jnp.complex64
    assert model.key.value is key
    assert (model.rate.value, model.unset.value) == (0.5, None)


def test_each_method_names_its_dtype() -> None:
    layer = Linear(2, 2)
    for method, dtype in [
        (layer.bfloat16, "bfloat16"),
        (layer.half, "float16"),
        (layer.float, "float32"),
    ]:
        assert method().weight.value["weight"].dtype == dtype
    with jax.enable_x64(True):
        assert layer.double().weight.value["weight"].dtype == "float64"


def test_values_are_rounded_as_jax_does_it() -> None:
    layer = Linear(3, 3)
    before = layer.weight.value["weight"]
    layer.bfloat16()
    assert (layer.weight.value["weight"] == before.astype("bfloat16")).all()


def test_tied_weights_stay_tied() -> None:
    cell = GRUCell(2, 3)
    cell.Wh.weight = cell.Wrz.weight
    cell.half()
    assert cell.Wh.weight is cell.Wrz.weight
    assert cell.Wh.weight.value["weight"].dtype == jnp.float16


def test_a_parameter_keeps_its_new_dtype_in_later_writes() -> None:
    layer = Linear(2, 2).half()
    layer.weight.value = jax.tree.map(lambda leaf: leaf * 2, layer.weight.value)
    with pytest.raises(brainlite.errors.StateValueError, match="another shape or dtype"):
        layer.weight.value = jax.tree.map(lambda leaf: leaf.astype("float32"), layer.weight.value)


def test_compiled_functions_and_gradients_follow() -> None:
    layer = Linear(2, 2)
    run = jit(layer)
    x = jnp.ones(2)
    assert run(x).dtype == jnp.float32
    layer.bfloat16()
    assert run(x.astype("bfloat16")).dtype == jnp.bfloat16
    grads = grad(lambda: run(x.astype("bfloat16")).sum(), layer.states(brainlite.ParamState))()
    assert grads["weight",]["weight"].dtype == jnp.bfloat16
    layer.float()
    assert run(x).dtype == jnp.float32


def test_casting_inside_a_transform_is_part_of_it() -> None:
    layer = Linear(2, 2)

    @jit
    def halve(fail: bool = False) -> None:
        layer.half()
        assert layer.weight.value["bias"].dtype == jnp.float16

    halve()
    assert layer.weight.value["bias"].dtype == jnp.float16


def test_a_dtype_that_a_model_cannot_have_is_refused() -> None:
    layer = Linear(2, 2)
    with pytest.raises(OptionError, match=r"(?s)floating-point dtypes only.*got: +int32"):
        layer.to("int32")
    with pytest.raises(OptionError, match=r"(?s)float64.*jax_enable_x64"):
        layer.double()
    assert layer.weight.value["bias"].dtype == jnp.float32


def test_a_cast_layer_with_a_mask_stays_in_its_dtype() -> None:
    layer = Linear(2, 2, w_mask=jnp.eye(2)).half()
    assert layer(jnp.ones(2, "float16")).dtype == jnp.float16
