"""Parameters under torch's names: of whole models, in as a whole or not at all, and out again."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import ParamState, nn, transform
from brainlite.errors import OptionError, StateDictError
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, find_views, view_of


class Affine(nn.Module):
    """A layer of a user's own, with a layout of its own."""

    def __init__(self) -> None:
        self.scale = ParamState(jnp.ones(3, jnp.float16))
        self.rest = ParamState({"w": jnp.zeros((2, 3)), "b": jnp.zeros(2)})

    def _torch_views(self) -> list[TorchView]:
        turned = TorchLayout("w", lambda w: w.T, lambda w: w.T)
        return [view_of(self.scale, {"s": TorchLayout()}), view_of(self.rest, {"w": turned})]


def test_a_layer_says_how_torch_has_its_states() -> None:
    model = Affine()
    given = {"s": np.arange(3.0), "w": np.arange(6.0).reshape(3, 2)}
    model.load_torch_state_dict(given)
    assert model.scale.value.dtype == jnp.float16
    assert model.rest.value["w"].tolist() == given["w"].T.tolist()
    assert not model.rest.value["b"].any()
    found = model.to_torch_state_dict()
    assert list(found) == ["s", "w"]
    np.testing.assert_array_equal(found["w"], given["w"])


def test_what_does_not_fit_is_named_and_changes_nothing() -> None:
    model = Affine()
    with pytest.raises(
        StateDictError,
        match=r"^Affine: these entries do not fit the model; none was loaded\n"
        r".*\n.*unexpected: t; misfit: w: float64\[2, 3\] for float32\[3, 2\]",
    ):
        model.load_torch_state_dict({"s": np.zeros(3), "w": np.zeros((2, 3)), "t": 1.0})
    assert model.scale.value.all()
    with pytest.raises(StateDictError, match=r"missing: w; unexpected: v\n.*names="):
        model.load_torch_state_dict({"s": np.zeros(3), "v": np.zeros((3, 2))})
    keys = model.load_torch_state_dict({"s": np.zeros(3), "v": np.zeros((3, 2))}, strict=False)
    assert keys == (["w"], ["v"])
    assert not model.scale.value.any()
    wrong: Any = [("s", np.zeros(3))]
    with pytest.raises(StateDictError, match="this is no state dict"):
        model.load_torch_state_dict(wrong)


class Net(nn.Module):
    """Layers whose names and layouts differ, states of its own, and something tied."""

    def __init__(self) -> None:
        self.embed = nn.Embedding(5, 4)
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.PReLU(4), nn.LayerNorm(4)])
        self.attention = nn.MultiheadAttention(4, 2)
        self.token = ParamState(jnp.zeros((1, 4)))
        self.counts = brainlite.BatchState({"seen": jnp.int32(0)})
        self.h = brainlite.HiddenState(jnp.zeros(4))
        self.out = nn.Linear(4, 5, b_init=None)
        self.again = self.out


def test_a_model_has_the_names_of_its_attributes_as_in_torch() -> None:
    found = Net().to_torch_state_dict()
    assert {name: value.shape for name, value in found.items()} == {
        "embed.weight": (5, 4),
        "layers.0.weight": (4, 4),
        "layers.0.bias": (4,),
        "layers.1.weight": (4,),
        "layers.2.weight": (4,),
        "layers.2.bias": (4,),
        "attention.in_proj_weight": (12, 4),
        "attention.in_proj_bias": (12,),
        "attention.out_proj.weight": (4, 4),
        "attention.out_proj.bias": (4,),
        "token": (1, 4),
        "counts.seen": (),
        "out.weight": (5, 4),
        "again.weight": (5, 4),
    }


def test_a_tied_layer_needs_one_name_and_names_that_agree() -> None:
    model = Net()
    found = model.to_torch_state_dict()
    found["out.weight"] = found["out.weight"] + 1
    with pytest.raises(StateDictError, match=r"again\.weight: tied to another entry"):
        model.load_torch_state_dict(found)
    del found["again.weight"]
    assert model.load_torch_state_dict(found) == ([], [])
    assert (found["out.weight"] == model.again.weight.value["weight"].T).all()


def test_names_are_told_by_their_beginnings() -> None:
    model = Net()
    names = {"module": "", "module.head": "out", "module.head2": "again", "module.norm": "layers.2"}
    found = model.to_torch_state_dict(names=names)
    assert "module.head.weight" in found
    assert "module.norm.bias" in found
    assert "module.layers.0.weight" in found
    other = Net()
    assert other.load_torch_state_dict(found, names=names) == ([], [])
    assert (other.out.weight.value["weight"] == model.out.weight.value["weight"]).all()
    with pytest.raises(StateDictError, match=r"two entries get one name[\s\S]*'out.weight' twice"):
        model.load_torch_state_dict(found, names={"module.head": "out", "module.head2": "out"})
    with pytest.raises(OptionError, match="names cannot be turned round"):
        model.to_torch_state_dict(names={"a": "out", "b": "out"})


def test_the_counter_of_batches_is_no_surprise() -> None:
    layer = nn.BatchNorm0d((3,))
    found = layer.to_torch_state_dict()
    assert list(found) == ["weight", "bias", "running_mean", "running_var"]
    assert layer.load_torch_state_dict({**found, "num_batches_tracked": np.int64(7)}) == ([], [])
    counting = nn.BatchNorm0d((3,), momentum=None)
    counting.load_torch_state_dict({**found, "num_batches_tracked": np.int64(7)})
    assert counting.num_batches_tracked is not None
    assert counting.num_batches_tracked.value == 7


class Convolutional(nn.Module):
    def __init__(self, *, sized: bool = True, channel_first: bool = False) -> None:
        size = (2, 6, 4) if channel_first else (6, 4, 2)
        zeros = nn.init.ZeroInit()
        self.conv = nn.Conv2d(size, 3, 3, b_init=zeros, channel_first=channel_first)
        axis = -3 if channel_first else -1
        known = self.conv.out_size if sized else None
        self.pool = nn.MaxPool2d(2, channel_axis=axis, in_size=known)
        self.first = nn.Linear(3 * 2 * 3, 5)
        self.second = nn.Linear(5, 3)


@pytest.mark.parametrize("sized", [True, False])
def test_a_flattened_image_must_be_told(sized: bool) -> None:
    """Where nothing is said, the rows would be in another order than torch's, and fit."""
    model = Convolutional(sized=sized)
    size = r"\(3, 3, 2\)" if sized else r"\(3, '...'\)"
    with pytest.raises(
        StateDictError,
        match=rf"first: the input of a Linear may be a flattened image[\s\S]*'first': {size}}} if",
    ):
        model.to_torch_state_dict()
    there = model.to_torch_state_dict(flattened={"first": (3, 3, 2)})
    weight = np.asarray(model.first.weight.value["weight"])  # (H W C, out)
    channels_first = weight.reshape(3, 2, 3, 5).transpose(2, 0, 1, 3).reshape(18, 5)
    np.testing.assert_array_equal(there["first.weight"].T, channels_first)
    other = Convolutional(sized=sized)
    with pytest.raises(StateDictError, match="may be a flattened image"):
        other.load_torch_state_dict(there)
    other.load_torch_state_dict(there, flattened={"first": (3, 3, 2)})
    np.testing.assert_array_equal(other.first.weight.value["weight"], weight)
    plain = model.to_torch_state_dict(flattened={})
    np.testing.assert_array_equal(plain["first.weight"], weight.T)


def test_nothing_must_be_told_where_the_order_is_the_same() -> None:
    Convolutional(channel_first=True).to_torch_state_dict()
    pooled = nn.Sequential(
        nn.Conv2d((6, 4, 2), 4, 3), nn.AdaptiveAvgPool2d(1), nn.Linear(4, 3), nn.Linear(3, 3)
    )
    pooled.to_torch_state_dict()
    nn.Sequential(nn.Linear(8, 4), nn.LayerNorm((3, 4)), nn.Linear(12, 4)).to_torch_state_dict()


def test_a_size_that_is_told_is_checked() -> None:
    model = Convolutional()
    for size in ((3, 3, 3), (18,), 18):
        wrong: Any = {"first": size}
        with pytest.raises(OptionError, match=r"first: an image of this size.*\s.*product of 18"):
            model.to_torch_state_dict(flattened=wrong)
    with pytest.raises(OptionError, match=r"names what is no Linear[\s\S]*\['first', 'second'\]"):
        model.load_torch_state_dict({}, flattened={"conv": (3, 3, 2)})


def test_whole_numbers_and_halves_keep_the_types_of_the_model() -> None:
    model = Net().to("bfloat16")
    given = Net().to_torch_state_dict()
    model.load_torch_state_dict({**given, "counts.seen": np.int64(3)})
    assert model.token.value.dtype == jnp.bfloat16
    assert model.counts.value["seen"].dtype == jnp.int32
    with pytest.raises(StateDictError, match=r"counts\.seen: int64 with 1 values beyond int32"):
        model.load_torch_state_dict({**given, "counts.seen": np.int64(2**40)})


def test_an_abstract_model_is_filled() -> None:
    given = Net().to_torch_state_dict()
    model = transform.eval_shape(Net)
    assert model.load_torch_state_dict(given) == ([], [])
    found = model.to_torch_state_dict()
    assert all((found[name] == value).all() for name, value in given.items())


def test_views_come_by_every_path_and_from_the_outermost_layer_that_speaks() -> None:
    paths = [path for path, _ in find_views(nn.ModuleList([Net()]))]
    assert paths.count(("0", "again")) == paths.count(("0", "out")) == 1
    cell = nn.Sequential(nn.LSTMCell(2, 3))
    assert [path for path, _ in find_views(cell)] == [("0",)]
