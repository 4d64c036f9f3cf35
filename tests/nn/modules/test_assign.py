"""assign_state_values: by path or name, all or none, and what found no partner."""

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import StateValueError
from brainlite.nn import GRUCell, Linear, assign_state_values, init_all_states


class Net(brainlite.nn.Module):
    def __init__(self) -> None:
        self.layers = [Linear(2, 1)]
        self.scale = brainlite.ParamState(jnp.ones(2))


def test_values_of_one_model_go_into_another_with_those_of_the_run() -> None:
    cell, other = init_all_states(GRUCell(2, 3)), init_all_states(GRUCell(2, 3))
    other.h.value = jnp.arange(3.0)
    assert assign_state_values(cell, other.states().to_values()) == ([], [])
    assert cell.h.value.tolist() == [0, 1, 2]
    assert (cell(jnp.ones(2)) == other(jnp.ones(2))).all()


def test_paths_and_dotted_names_lead_to_states_and_the_rest_is_returned() -> None:
    model = Net()
    layer = {"weight": jnp.ones((2, 1)), "bias": [3.0]}
    found = assign_state_values(model, {"layers.0.weight": layer, "no.such": 1})
    assert found == (["no.such"], [("scale",)])
    assert model.layers[0](jnp.ones(2)).tolist() == [5.0]
    found = assign_state_values(model, {("scale",): [4.0, 5.0], ("no",): 1})
    assert found == ([("no",)], [("layers", 0, "weight")])
    assert model.scale.value.tolist() == [4, 5]


def test_the_last_of_several_collections_holds() -> None:
    model = Net()
    assign_state_values(model, {"scale": [1.0, 2.0]}, {"scale": [3.0, 4.0]})
    assert model.scale.value.tolist() == [3, 4]


@pytest.mark.parametrize("bad", [jnp.ones(2), {"weight": jnp.ones((2, 1))}, [[1.0], [1.0, 2.0]]])
def test_a_value_that_does_not_fit_raises_and_nothing_is_written(bad: object) -> None:
    model = Net()
    with pytest.raises(StateValueError, match=r"(?s)expected: .*weight.*got: "):
        assign_state_values(model, {"scale": [4.0, 5.0], "layers.0.weight": bad})
    assert model.scale.value.tolist() == [1, 1]
