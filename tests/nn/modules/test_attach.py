"""Parts by name: modules, parameters, buffers, and names that are refused."""

from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import NameTakenError
from brainlite.nn import Linear, Module


def test_add_module_sets_an_attribute() -> None:
    model, layer = Module(), Linear(2, 2)
    model.add_module("layer", layer)
    assert model.layer is layer  # type: ignore[attr-defined]  # made by name
    model.add_module("layer", Linear(2, 3))  # as in torch: another one takes its place
    assert model.get_submodule("layer").out_size == (3,)


def test_a_persistent_buffer_outlives_a_run_and_is_saved() -> None:
    model = Module()
    mean = model.register_buffer("mean", jnp.zeros(2))
    cache = model.register_buffer("cache", jnp.zeros(3), persistent=False)
    assert isinstance(mean, brainlite.LongTermState)
    assert isinstance(cache, brainlite.ShortTermState)
    assert list(model.state_dict()) == ["mean"]
    assert list(model.parameters()) == []
    mean.value = jnp.ones(2)
    assert model.states()["mean",].value.tolist() == [1.0, 1.0]


def test_a_parameter_is_registered_by_name() -> None:
    model = Module()
    model.register_parameter("scale", brainlite.ParamState(jnp.ones(2)))
    assert [name for name, _ in model.named_parameters()] == ["scale"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("update_all", r"'update_all', which is a int already"),
        ("weight", r"'weight', which is a ParamState already"),
        ("states", r"'states', which every Linear has"),
        ("a.b", r"'a.b'\n.*without dots"),
        ("", r"got: +''"),
        ("_private", r"without a leading underscore"),
        (3, r"got: +3"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(name: Any, message: str) -> None:
    layer = Linear(2, 2)
    layer.update_all = 1  # an attribute of the user's own
    before = dict(vars(layer))
    with pytest.raises(NameTakenError, match=r"(?s)Linear: .*" + message):
        layer.add_module(name, Linear(2, 2))
    with pytest.raises(NameTakenError, match=message):
        layer.register_buffer(name, jnp.zeros(2))
    assert vars(layer) == before
