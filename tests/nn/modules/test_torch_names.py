"""Parameters under torch's names: in as a whole or not at all, and out again."""

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import ParamState
from brainlite.errors import InputError
from brainlite.nn import Module
from brainlite.nn._modules.torch_names import TorchEntry, TorchNamed


class Affine(Module, TorchNamed):
    def __init__(self) -> None:
        self.scale = ParamState(jnp.ones(3, jnp.float16))
        self.rest = ParamState({"w": jnp.zeros((2, 3)), "b": jnp.zeros(2)})

    def _torch_entries(self) -> dict[str, TorchEntry]:
        return {"s": TorchEntry(self.scale), "w": TorchEntry(self.rest, "w", transposed=True)}


def test_arrays_go_in_and_out_in_the_layout_of_torch_and_the_type_of_the_layer() -> None:
    model = Affine()
    given = {"s": np.arange(3.0), "w": np.arange(6.0).reshape(3, 2)}
    model.load_torch_state_dict(given)
    assert model.scale.value.dtype == jnp.float16
    assert model.rest.value["w"].tolist() == given["w"].T.tolist()
    assert not model.rest.value["b"].any()
    found = model.to_torch_state_dict()
    assert list(found) == ["s", "w"]
    np.testing.assert_array_equal(found["w"], given["w"])


def test_what_does_not_fit_changes_nothing() -> None:
    model = Affine()
    with pytest.raises(
        InputError,
        match=r"^Affine: this state dict does not fit: t, w\n"
        r".*\{'t': None, 'w': \(3, 2\)\}\n.*\{'t': \(\), 'w': \(2, 3\)\}",
    ):
        model.load_torch_state_dict({"s": np.zeros(3), "w": np.zeros((2, 3)), "t": 1.0})
    assert model.scale.value.all()
