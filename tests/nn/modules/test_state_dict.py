"""A model as a dict of named arrays: names, round trips, what is refused and what is then left."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import GraphError, StateDictError
from brainlite.nn import GRUCell, IncompatibleKeys, Linear, Module
from brainlite.transform import jit


class Net(Module):
    def __init__(self) -> None:
        self.encoder = Linear(2, 3)
        self.layers = [Linear(3, 3), Linear(3, 3, b_init=None)]
        self.scale = brainlite.ParamState(jnp.ones(3))
        self.mean = brainlite.BatchState(jnp.zeros(3))
        self.seen = brainlite.LongTermState(0)
        self.noise = brainlite.RandomState(1)
        self.cell = GRUCell(3, 2)


class Tied(Module):
    def __init__(self) -> None:
        self.embed = Linear(3, 3)
        self.head = Linear(3, 3)
        self.head.weight = self.embed.weight


NAMES = [
    "encoder.weight.bias",
    "encoder.weight.weight",
    "layers.0.weight.bias",
    "layers.0.weight.weight",
    "layers.1.weight.weight",
    "scale",
    "mean",
    "seen",
    "cell.Wrz.weight.bias",
    "cell.Wrz.weight.weight",
    "cell.Wh.weight.bias",
    "cell.Wh.weight.weight",
]


def values(model: Module) -> list[Any]:
    return jax.tree.leaves(model.states().to_values())


def test_parameters_and_buffers_have_dotted_names() -> None:
    net = brainlite.nn.init_all_states(Net())
    saved = net.state_dict()
    assert list(saved) == NAMES
    assert all(isinstance(array, jax.Array) for array in saved.values())
    np.testing.assert_array_equal(
        saved["layers.0.weight.weight"], net.layers[0].weight.value["weight"]
    )


def test_what_was_saved_can_be_loaded_through_numpy(tmp_path: Any) -> None:
    net, other = Net(), Net()
    net.seen.value = 7
    arrays: dict[str, Any] = dict(net.state_dict())
    np.savez(tmp_path / "net.npz", **arrays)
    with np.load(tmp_path / "net.npz") as file:
        assert other.load_state_dict(file) == ([], [])
    assert all(np.array_equal(other.state_dict()[name], net.state_dict()[name]) for name in NAMES)
    x = jnp.ones(2)
    np.testing.assert_array_equal(other.encoder(x), net.encoder(x))


def test_states_stay_the_same_objects_and_compiled_functions_follow() -> None:
    net, other = Linear(2, 2), Linear(2, 2)
    weight, run = net.weight, jit(net)
    run(jnp.ones(2))
    net.load_state_dict(other.state_dict())
    assert net.weight is weight
    np.testing.assert_array_equal(run(jnp.ones(2)), jit(other)(jnp.ones(2)))


def test_tied_weights_are_listed_under_each_name_and_stay_tied() -> None:
    tied, other = Tied(), Tied()
    saved = tied.state_dict()
    assert [name for name in saved if name.endswith("bias")] == [
        "embed.weight.bias",
        "head.weight.bias",
    ]
    other.load_state_dict(saved)
    assert other.head.weight is other.embed.weight
    np.testing.assert_array_equal(other.head.weight.value["weight"], saved["head.weight.weight"])


@pytest.mark.parametrize("gone", ["embed", "head"])
def test_one_name_of_a_tied_weight_is_enough(gone: str) -> None:
    saved = {k: v for k, v in Tied().state_dict().items() if not k.startswith(gone)}
    other = Tied()
    assert other.load_state_dict(saved) == ([], [])
    np.testing.assert_array_equal(other.embed.weight.value["bias"], next(iter(saved.values())))


def test_names_of_a_tied_weight_that_disagree_are_refused() -> None:
    model = Tied()
    saved = model.state_dict()
    saved["head.weight.bias"] = saved["head.weight.bias"] + 1
    with pytest.raises(StateDictError, match=r"head\.weight\.bias: tied to another entry"):
        model.load_state_dict(saved)


def test_every_misfit_is_reported_before_anything_is_written() -> None:
    net = Net()
    before = values(net)
    entries = {
        name: jnp.full(array.shape, 9, array.dtype) for name, array in net.state_dict().items()
    }
    entries["encoder.wieght.bias"] = entries.pop("encoder.weight.bias")
    entries["scale"] = jnp.ones(4)
    entries["mean"] = jnp.zeros(3, "int32")
    del entries["seen"]
    with pytest.raises(StateDictError) as caught:
        net.load_state_dict(entries)
    message = str(caught.value)
    assert message.startswith("Net: these entries do not fit the model; none was loaded")
    assert "missing: encoder.weight.bias, seen; unexpected: encoder.wieght.bias" in message
    assert "scale: float32[4] for float32[3]" in message
    assert "mean: int32[3] for float32[3]" in message
    assert "rename them: 'encoder.wieght.bias' may be 'encoder.weight.bias'" in message
    assert all(now is then for now, then in zip(values(net), before, strict=True))


def test_without_strict_what_fits_by_name_is_loaded() -> None:
    net = Net()
    keys = net.load_state_dict({"scale": np.full(3, 2.0), "other": np.ones(1)}, strict=False)
    assert isinstance(keys, IncompatibleKeys)
    assert keys.missing_keys == [name for name in NAMES if name != "scale"]
    assert keys.unexpected_keys == ["other"]
    assert net.scale.value.tolist() == [2.0] * 3
    with pytest.raises(StateDictError, match=r"misfit: scale: float32\[2\] for float32\[3\]"):
        net.load_state_dict({"scale": jnp.ones(2)}, strict=False)


def test_entries_are_cast_to_the_dtype_of_the_model() -> None:
    layer = Linear(2, 2).bfloat16()
    layer.load_state_dict(Linear(2, 2).state_dict())
    assert layer.weight.value["weight"].dtype == jnp.bfloat16


def test_a_model_may_be_loaded_inside_a_transform() -> None:
    layer, saved = Linear(2, 2), Linear(2, 2).state_dict()
    jit(lambda entries: len(layer.load_state_dict(entries)))(saved)
    np.testing.assert_array_equal(layer.weight.value["weight"], saved["weight.weight"])


def test_two_arrays_of_one_name_are_refused() -> None:
    model = Module()
    model.add_module("part", Module())
    part: Any = model.get_submodule("part")
    part.items = {"a.b": brainlite.State(jnp.ones(1)), "a": {"b": brainlite.State(jnp.ones(1))}}
    with pytest.raises(GraphError, match=r"(?s)one name.*'part.items.a.b' twice.*without dots"):
        model.state_dict()


def test_entries_of_torch_are_sent_to_the_method_that_takes_them() -> None:
    entries = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3)}
    net = brainlite.nn.Sequential(Linear(2, 3))
    with pytest.raises(StateDictError, match=r"`model\.load_torch_state_dict\(entries\)`"):
        net.load_state_dict(entries)
    assert not any(net.load_torch_state_dict(entries))


def test_another_shape_is_not_taken_for_another_name() -> None:
    with pytest.raises(StateDictError, match="make the model in the sizes of these entries"):
        Linear(2, 3).load_torch_state_dict({"weight": np.ones((2, 3)), "bias": np.ones(3)})
