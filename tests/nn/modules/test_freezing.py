"""Freezing: the mark on parameters, the filter, and compiled functions that see both."""

import copy
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import GradError
from brainlite.graph import clone, merge, split
from brainlite.nn import GRUCell, Linear, is_trainable
from brainlite.transform import grad, jit
from brainlite.typing import Array


def trained(cell: GRUCell) -> list[brainlite.typing.Path]:
    return list(cell.states(is_trainable))


def test_freezing_marks_every_parameter_below() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    assert cell.requires_grad_(False) is cell
    assert trained(cell) == []
    assert len(list(cell.parameters())) == 2  # listed still, as in torch
    cell.Wh.requires_grad_()
    assert trained(cell) == [("Wh", "weight")]
    for parameter in cell.parameters():
        parameter.requires_grad = True
    assert trained(cell) == [("Wrz", "weight"), ("Wh", "weight")]


def test_copies_stay_frozen() -> None:
    cell = GRUCell(2, 3)
    cell.Wh.requires_grad_(False)
    for twin in (clone(cell), merge(*split(cell)), copy.deepcopy(cell)):
        assert trained(twin) == [("Wrz", "weight")]


def test_a_compiled_function_sees_freezing() -> None:
    layer = Linear(2, 2, w_init=jnp.ones((2, 2)), b_init=None)
    params = layer.states(brainlite.ParamState)
    traces: list[int] = []

    def decay(x: Array) -> Array:
        traces.append(1)
        for state in params.values():
            if state.requires_grad:
                state.value = jax.tree.map(lambda leaf: leaf * 0.5, state.value)
        return x

    def walk(model: Linear) -> Array:
        return jnp.asarray(len(model.states(is_trainable)))

    step, count = jit(decay), jit(walk)
    step(jnp.ones(()))
    assert int(count(layer)) == 1
    layer.requires_grad_(False)
    step(jnp.ones(()))
    assert layer.weight.value["weight"][0, 0] == 0.5
    assert int(count(layer)) == 0
    assert int(count(Linear(2, 2, b_init=None))) == 1
    layer.requires_grad_(True)
    step(jnp.ones(()))
    assert layer.weight.value["weight"][0, 0] == 0.25
    assert len(traces) == 2  # back to the first compilation


def test_a_collection_of_frozen_states_is_another_pytree() -> None:
    layer = Linear(2, 2)
    before = brainlite.graph.split(layer)
    layer.requires_grad_(False)
    after = brainlite.graph.split(layer)
    assert before[0] != after[0]
    assert jnp.shape(before[1]["weight",].value["bias"]) == (2,)


def test_a_gradient_of_a_frozen_parameter_is_refused() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    params = cell.states(brainlite.ParamState)

    def loss() -> Array:
        return cell(jnp.ones(2)).sum()

    slopes = jit(lambda: grad(loss, params)())
    assert len(slopes()) == 2
    cell.Wh.requires_grad_(False)
    with pytest.raises(GradError, match=r"(?s)frozen.*`model\.states\(brainlite\.nn\.is_trainable"):
        slopes()
    assert list(grad(loss, cell.states(is_trainable))()) == [("Wrz", "weight")]


def test_a_module_stands_for_the_parameters_that_are_trained() -> None:
    layers = brainlite.nn.Sequential(Linear(2, 2), Linear(2, 1))

    def loss(model: brainlite.nn.Sequential, x: Array) -> Array:
        return model(x).sum()

    slopes: Any = jit(grad(loss))

    layers[0].requires_grad_(False)
    assert list(slopes(layers, jnp.ones(2))) == [("1", "weight")]
    layers.requires_grad_()
    assert list(slopes(layers, jnp.ones(2))) == [("0", "weight"), ("1", "weight")]
