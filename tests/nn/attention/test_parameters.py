"""Where torch's parameters are in the parts of a model."""

import numpy as np

from brainlite.nn import Linear, Module, ModuleList, MultiheadAttention
from brainlite.nn._attention.parameters import find_entries


class Model(Module):
    def __init__(self) -> None:
        self.attention = MultiheadAttention(4, 2, bias=False)
        self.layers = ModuleList([Linear(4, 3), Linear(3, 2, b_init=None)])


def test_entries_have_the_paths_the_order_and_the_layout_of_torch() -> None:
    model = Model()
    entries = find_entries(model)
    assert {name: each.read().shape for name, each in entries.items()} == {
        "attention.in_proj_weight": (12, 4),
        "attention.out_proj.weight": (4, 4),
        "layers.0.weight": (3, 4),
        "layers.0.bias": (3,),
        "layers.1.weight": (2, 3),
    }
    entries["layers.1.weight"].write(np.arange(6.0).reshape(2, 3))
    assert model.layers[1].weight.value["weight"].tolist() == [[0, 3], [1, 4], [2, 5]]
