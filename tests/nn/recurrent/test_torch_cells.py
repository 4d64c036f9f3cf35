"""Cells with the parameters of torch: their matrices are one here, the gates in other places."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import StateDictError


def draw(gates: int, num_in: int = 3, hidden: int = 2) -> dict[str, Any]:
    rng = np.random.RandomState(0)
    rows = gates * hidden
    shapes = {
        "weight_ih": (rows, num_in),
        "weight_hh": (rows, hidden),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
    return {name: rng.randn(*shape).astype(np.float32) for name, shape in shapes.items()}


def preactivation(p: dict[str, Any], x: Any, h: Any) -> Any:
    return x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_the_plain_cell_computes_what_torchs_documentation_says() -> None:
    params, x, h = draw(1), np.ones((4, 3)), np.full((4, 2), 0.5)
    cell = nn.init_all_states(nn.ValinaRNNCell(3, 2, activation="tanh"), batch_size=4)
    assert cell.load_torch_state_dict(params) == ([], [])
    cell.h.value = jnp.asarray(h, jnp.float32)
    expected = np.tanh(preactivation(params, x, h))
    np.testing.assert_allclose(cell(jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)


def test_the_lstm_cell_computes_what_torchs_documentation_says() -> None:
    params, x = draw(4), np.ones((4, 3))
    h, c = np.full((4, 2), 0.5), np.full((4, 2), -0.3)
    cell = nn.init_all_states(nn.LSTMCell(3, 2), batch_size=4)
    assert cell.load_torch_state_dict(params) == ([], [])
    cell.h.value, cell.c.value = jnp.asarray(h, jnp.float32), jnp.asarray(c, jnp.float32)
    i, f, g, o = np.split(preactivation(params, x, h), 4, axis=1)
    new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    expected = sigmoid(o) * np.tanh(new)
    np.testing.assert_allclose(cell(jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cell.c.value, new, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.ValinaRNNCell, nn.LSTMCell])
def test_parameters_go_out_as_they_came_in_up_to_the_sum_of_the_biases(kind: Any) -> None:
    cell = kind(3, 2)
    params = draw(4 if kind is nn.LSTMCell else 1)
    cell.load_torch_state_dict(params)
    found = cell.to_torch_state_dict()
    assert list(found) == list(params)
    for name in ("weight_ih", "weight_hh"):
        np.testing.assert_array_equal(found[name], params[name])
    total = params["bias_ih"] + params["bias_hh"]
    np.testing.assert_allclose(found["bias_ih"] + found["bias_hh"], total, rtol=1e-6, atol=1e-6)
    before = jax.tree.leaves(cell.W.weight.value)
    cell.load_torch_state_dict({"bias_hh": found["bias_hh"]}, strict=False)
    for one, two in zip(before, jax.tree.leaves(cell.W.weight.value), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)


def test_a_constant_needs_a_bias_to_be_in() -> None:
    assert list(nn.ValinaRNNCell(3, 2, b_init=None).to_torch_state_dict()) == [
        "weight_ih",
        "weight_hh",
    ]
    model = nn.Sequential(nn.LSTMCell(3, 2, b_init=None))
    for call in (model.to_torch_state_dict, lambda: model.load_torch_state_dict(draw(4))):
        with pytest.raises(StateDictError, match=r"this cell has no bias, but adds a constant"):
            call()


def test_cells_with_other_equations_have_other_names() -> None:
    with pytest.raises(StateDictError, match=r"missing: Wrz\.weight.*unexpected: weight_ih"):
        nn.GRUCell(3, 2).load_torch_state_dict(draw(3))
