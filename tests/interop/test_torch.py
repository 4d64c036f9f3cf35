"""Whole models of torch and back, and files; what needs torch runs with `make test-torch`."""

import pickle
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.errors import CheckpointError, StateDictError
from brainlite.interop import safetensors
from brainlite.interop import torch as of_torch


def test_without_torch_an_error_says_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for call in (of_torch.load, of_torch.save):
        with pytest.raises(ImportError, match=r"torch, which is not installed; `load_torch_state"):
            call(tmp_path / "a.pt", nn.Linear(2, 3))


def test_a_file_of_safetensors_with_torchs_names_needs_no_torch(tmp_path: Path) -> None:
    model, other = nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.Linear(2, 3))
    safetensors.save(tmp_path / "a", model.to_torch_state_dict())
    assert safetensors.read(tmp_path / "a")["0.weight"].shape == (3, 2)
    other.load_torch_state_dict(safetensors.read(tmp_path / "a"))
    for name, value in model.state_dict().items():
        assert (other.state_dict()[name] == value).all()


class Net(nn.Module):
    """One of every layer that has parameters in torch."""

    def __init__(self) -> None:
        zeros = nn.init.ZeroInit()
        norm: dict[str, Any] = {"epsilon": 1e-5}
        self.embed = nn.Embedding(7, 8)
        self.conv1 = nn.Conv1d((6, 8), 4, 3, padding=1, groups=2, b_init=zeros)
        self.conv2 = nn.Conv2d((6, 4, 1), 4, (3, 2), padding="VALID", b_init=zeros)
        self.conv3 = nn.Conv3d((4, 3, 4, 1), 2, 2, padding="VALID", b_init=None)
        self.up1 = nn.ConvTranspose1d((6, 4), 4, 3, 2, padding=[(2, 2)], groups=2, b_init=zeros)
        self.up2 = nn.ConvTranspose2d((4, 3, 4), 2, 2, padding=[(1, 1)] * 2, b_init=zeros)
        self.batch = nn.BatchNorm2d((4, 3, 4), momentum=0.9)
        self.group = nn.GroupNorm((4, 3, 4), num_groups=2, **norm)
        self.instance = nn.InstanceNorm((13, 4), use_bias=True, use_scale=True)
        self.layer = nn.LayerNorm((13, 4), (-2, -1), (-2, -1), **norm)
        self.rms = nn.RMSNorm(4, **norm)
        self.prelu = nn.PReLU(4)
        self.lstm = nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(6, 4, batch_first=True)
        self.rnn = nn.RNN(4, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0), 2)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0), 1)
        self.cell = nn.ValinaRNNCell(4, 4, activation="tanh")
        self.gated = nn.LSTMCell(4, 4)
        self.head = nn.Linear(4 * 3 * 4, 5)
        nn.init_all_states(self, batch_size=2)

    def update(self, tokens: Any, image: Any, volume: Any) -> Any:
        x = self.up1(self.conv1(self.embed(tokens)))  # (2, 13, 4)
        x = self.prelu(self.rms(self.layer(self.instance(x))))
        x = self.rnn(self.gru(self.lstm(x)[0])[0])[0]
        x = self.encoder(self.attention(x, x, x)[0])
        x = self.decoder(x, x)
        steps = self.gated(self.cell(x[:, 0]))
        y = self.group(self.batch(self.conv2(image)))  # (2, 4, 3, 4)
        flat = self.head(y.reshape(2, -1))
        return x, steps, flat, self.up2(y), self.conv3(volume)


def in_torch(torch: Any) -> Any:
    """Return the same network in torch."""
    n = torch.nn
    base: Any = n.Module

    class There(base):  # type: ignore[misc]  # torch has no types here
        def __init__(self) -> None:
            super().__init__()
            self.embed = n.Embedding(7, 8)
            self.conv1 = n.Conv1d(8, 4, 3, padding=1, groups=2)
            self.conv2 = n.Conv2d(1, 4, (3, 2))
            self.conv3 = n.Conv3d(1, 2, 2, bias=False)
            self.up1 = n.ConvTranspose1d(4, 4, 3, 2, groups=2, padding=0, output_padding=0)
            self.up2 = n.ConvTranspose2d(4, 2, 2)
            self.batch = n.BatchNorm2d(4)
            self.group = n.GroupNorm(2, 4)
            self.instance = n.InstanceNorm1d(4, affine=True)
            self.layer = n.LayerNorm((13, 4))
            self.rms = n.RMSNorm(4, 1e-5)
            self.prelu = n.PReLU(4)
            self.lstm = n.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
            self.gru = n.GRU(6, 4, batch_first=True)
            self.rnn = n.RNN(4, 4, batch_first=True)
            self.attention = n.MultiheadAttention(4, 2, batch_first=True)
            options = {"batch_first": True, "dropout": 0.0}
            self.encoder = n.TransformerEncoder(n.TransformerEncoderLayer(4, 2, 8, **options), 2)
            self.decoder = n.TransformerDecoder(n.TransformerDecoderLayer(4, 2, 8, **options), 1)
            self.cell = n.RNNCell(4, 4)
            self.gated = n.LSTMCell(4, 4)
            self.head = n.Linear(48, 5)

        def forward(self, tokens: Any, image: Any, volume: Any) -> Any:
            x = self.embed(tokens).movedim(-1, 1)  # (2, 8, 6)
            x = self.instance(self.up1(self.conv1(x))).movedim(1, -1)
            x = self.rms(self.layer(x))
            x = self.prelu(x.movedim(-1, 1)).movedim(1, -1)
            x = self.rnn(self.gru(self.lstm(x)[0])[0])[0]
            x = self.encoder(self.attention(x, x, x)[0])
            x = self.decoder(x, x)
            steps = self.gated(self.cell(x[:, 0]))[0]
            y = self.group(self.batch(self.conv2(image)))
            return x, steps, self.head(y.flatten(1)), self.up2(y), self.conv3(volume)

    return There()


FLATTENED = {"head": (4, 4, 3)}


@pytest.mark.slow
def test_a_whole_model_of_torch_computes_the_same_here_and_goes_back(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    torch.manual_seed(0)
    there, here = in_torch(torch), Net()
    with torch.no_grad():
        for value in there.parameters():
            value.copy_(torch.randn_like(value) * 0.5)
        there.batch.running_mean.copy_(torch.randn(4))
        there.batch.running_var.copy_(torch.rand(4) + 0.5)
    there.eval()
    here.eval()
    torch.save(there.state_dict(), tmp_path / "net.pt")
    assert of_torch.load(tmp_path / "net.pt", here, flattened=FLATTENED) == ([], [])
    tokens = torch.randint(0, 7, (2, 6))
    image, volume = torch.randn(2, 1, 6, 4), torch.randn(2, 1, 4, 3, 4)
    expected = there(tokens, image, volume)
    found = here(
        jnp.asarray(tokens.numpy()),
        jnp.asarray(image.numpy()).transpose(0, 2, 3, 1),
        jnp.asarray(volume.numpy()).transpose(0, 2, 3, 4, 1),
    )
    for number, (one, two) in enumerate(zip(found, expected, strict=True)):
        array = two.detach().numpy()
        if number > 2:
            array = np.moveaxis(array, 1, -1)
        np.testing.assert_allclose(one, array, rtol=2e-4, atol=2e-5, err_msg=str(number))
    of_torch.save(tmp_path / "back.pt", here, flattened=FLATTENED)
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    again = in_torch(torch)
    again.load_state_dict(back)  # strict
    for name, value in there.state_dict().items():
        biases = name.startswith(("cell.bias", "gated.bias"))  # of which here is the sum
        if not biases and "tracked" not in name:
            assert torch.equal(again.state_dict()[name], value), name
    for one, two in zip(again.eval()(tokens, image, volume), expected, strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.slow
def test_a_file_of_torch_that_is_none_costs_nothing(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    path, model = tmp_path / "a.pt", nn.Linear(2, 3)
    before = model.weight.value
    with pytest.raises(CheckpointError, match="no such file"):
        of_torch.load(path, model)
    path.write_bytes(pickle.dumps(_Hostile(tmp_path / "done")))
    with pytest.raises(CheckpointError, match="no state dict of torch could be read"):
        of_torch.load(path, model)
    assert not (tmp_path / "done").exists()
    torch.save({"epoch": 3, "model": torch.nn.Linear(2, 3).state_dict()}, path)
    with pytest.raises(CheckpointError, match=r"a mapping with 'epoch', 'model' in it[\s\S]*key="):
        of_torch.load(path, model)
    with pytest.raises(CheckpointError, match=r"a mapping of \['epoch', 'model'\]"):
        of_torch.load(path, model, key="state_dict")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole)
        at, end = sorted(rng.integers(0, len(data), 2))
        if rng.integers(2):
            del data[at : end + 1]
        else:
            data[at : end + 1] = rng.bytes(end + 1 - at)
        path.write_bytes(data)
        try:
            of_torch.load(path, model, key="model")
        except (CheckpointError, StateDictError):
            assert model.weight.value is before
        else:
            model.weight.value = before
    path.write_bytes(whole)
    assert of_torch.load(path, model, key="model") == ([], [])


@pytest.mark.slow
def test_halves_go_through_a_file_of_torch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model, other = nn.Linear(2, 3).to("bfloat16"), nn.Linear(2, 3).to("bfloat16")
    of_torch.save(tmp_path / "a.pt", model)
    of_torch.load(tmp_path / "a.pt", other)
    assert (other.weight.value["weight"] == model.weight.value["weight"]).all()
    assert other.weight.value["weight"].dtype == jnp.bfloat16
    assert brainlite.interop.torch is of_torch


class _Hostile:
    """A pickle that makes a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
