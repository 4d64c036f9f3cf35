"""Weights in one file: written as the format says, read back as they were, or an error."""

import importlib
import json
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn, transform
from brainlite.errors import BrainliteError, CheckpointError, OptionError, StateDictError
from brainlite.interop import safetensors

ROOT = Path(__file__).parents[2]
reference: Any = importlib.import_module("safetensors.numpy")

KINDS = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"


class Net(nn.Module):
    def __init__(self, n: int = 0, *, tied: bool = True) -> None:
        self.first = nn.Linear(2, 3, w_init=jnp.full((2, 3), float(n)))
        self.norm = nn.BatchNorm0d((3,))
        self.second = self.first if tied else nn.Linear(2, 3, w_init=jnp.full((2, 3), float(n)))
        self.rest = brainlite.LongTermState(
            {
                "none": jnp.zeros((0, 3)),
                "scalar": jnp.float32(n),
                "half": jnp.full(3, n, "bfloat16"),
                "complex": jnp.full(2, 1j * n, "complex64"),
                "bool": jnp.array([n > 0, False]),
                "tiny": jnp.full(2, n, "float8_e4m3fn"),
            }
        )


def values(model: nn.Module) -> dict[str, Any]:
    return {
        name: (str(value.dtype), value.shape, np.asarray(value).tobytes())
        for name, value in model.state_dict().items()
    }


def test_a_model_comes_back_bit_for_bit(tmp_path: Path) -> None:
    path, model, other = tmp_path / "a.safetensors", Net(3), Net(0)
    safetensors.save(path, model, metadata={"epoch": "7"})
    assert safetensors.load(path, other) == ([], [])
    assert values(other) == values(model)
    assert safetensors.metadata(path) == {"epoch": "7", "format": "np"}


@pytest.mark.parametrize("kind", KINDS.split())
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)])
def test_the_package_reads_what_was_written_and_the_other_way(
    tmp_path: Path, kind: str, shape: tuple[int, ...]
) -> None:
    array = np.random.default_rng(0).integers(0, 2, shape).astype(jnp.dtype(kind))
    safetensors.save(tmp_path / "a", {"x": array, "y.z": array.T})
    found = reference.load_file(tmp_path / "a")
    reference.save_file({"x": array}, tmp_path / "b")
    for name, one, two in (
        ("x", found["x"], array),
        ("y.z", found["y.z"], array.T),
        ("read", safetensors.read(tmp_path / "b")["x"], array),
    ):
        assert (one.dtype, one.shape) == (two.dtype, two.shape), name
        assert (one == two).all(), name


def test_a_transposed_array_is_written_as_it_is_seen(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    safetensors.save(tmp_path / "a", {"x": array.T, "y": array[:, ::-1]})
    found = reference.load_file(tmp_path / "a")
    assert found["x"].tolist() == array.T.tolist()
    assert found["y"].tolist() == array[:, ::-1].tolist()


def test_a_tied_state_is_written_once_and_found_by_its_other_names(tmp_path: Path) -> None:
    safetensors.save(tmp_path / "a", Net(3))
    assert not any("second" in name for name in safetensors.read(tmp_path / "a"))
    apart = Net(0, tied=False)
    safetensors.load(tmp_path / "a", apart)
    assert (apart.second.weight.value["weight"] == 3).all()
    apart.second.weight.value = {**apart.second.weight.value, "bias": jnp.ones(3)}
    safetensors.save(tmp_path / "b", apart)
    with pytest.raises(StateDictError, match=r"second\.weight\.bias: tied to another entry"):
        safetensors.load(tmp_path / "b", Net(0))


def test_a_prefix_chooses_a_part(tmp_path: Path) -> None:
    safetensors.save(tmp_path / "a", nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)))
    layer = nn.Linear(3, 4)
    assert safetensors.load(tmp_path / "a", layer, prefix="1.") == ([], [])
    assert (
        safetensors.read(tmp_path / "a")["1.weight.weight"] == layer.weight.value["weight"]
    ).all()


def test_what_does_not_fit_is_named_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    safetensors.save(path, {"weight.weight": np.ones((3, 2)), "weight.more": np.ones(1)})
    layer = nn.Linear(2, 3)
    before = values(layer)
    with pytest.raises(
        StateDictError,
        match=r"missing: weight\.bias; unexpected: weight\.more; "
        r"misfit: weight\.weight: float64\[3, 2\] for float32\[2, 3\]",
    ):
        safetensors.load(path, layer)
    safetensors.save(path, {"weight.weight": np.ones((2, 3)), "weight.more": np.ones(1)})
    with pytest.raises(StateDictError, match="pass strict=False"):
        safetensors.load(path, layer)
    assert values(layer) == before
    assert safetensors.load(path, layer, strict=False) == (["weight.bias"], ["weight.more"])
    assert (layer.weight.value["weight"] == 1).all()


def test_a_cast_that_would_lose_a_value_is_a_misfit(tmp_path: Path) -> None:
    model = nn.Module()
    model.x, model.y = brainlite.State(jnp.zeros(2, "float16")), brainlite.State(jnp.int32(0))
    safetensors.save(tmp_path / "a", {"x": np.array([1.0, 1e30]), "y": np.int64(2**40)})
    with pytest.raises(StateDictError, match=r"x: float64 with 1 values beyond float16.*y: int64"):
        safetensors.load(tmp_path / "a", model)


def test_an_abstract_model_is_filled(tmp_path: Path) -> None:
    safetensors.save(tmp_path / "a", Net(3))
    other = transform.eval_shape(lambda: Net(0))
    safetensors.load(tmp_path / "a", other)
    assert values(other) == values(Net(3))


def test_what_the_format_lacks_is_refused_by_its_name(tmp_path: Path) -> None:
    model = nn.Module()
    for value in (jnp.ones(2, "int4"), jax.random.key(0), "text"):
        model.x = brainlite.State[Any](value)
        with pytest.raises(CheckpointError, match=r"x: a file of safetensors cannot hold this"):
            safetensors.save(tmp_path / "a", model)
    with pytest.raises(CheckpointError, match=r"weight\.bias: a file of safetensors cannot hold"):
        safetensors.save(tmp_path / "a", transform.eval_shape(lambda: nn.Linear(2, 3)))
    wrong: Any = {"epoch": 7}
    with pytest.raises(OptionError, match=r"metadata of safetensors are texts[\s\S]*json.dumps"):
        safetensors.save(tmp_path / "a", nn.Linear(2, 3), metadata=wrong)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    safetensors.save(path, Net(3))
    whole = path.read_bytes()

    def fail(arrays: object, beside: Path, header: object) -> None:
        beside.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(reference, "save_file", fail)
    with pytest.raises(OSError, match="the disk is full"):
        safetensors.save(path, Net(4))
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
def test_the_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        safetensors.save(tmp_path / "a", Net(3))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(CheckpointError, match=r"got: +no such file"):
        safetensors.load(path, Net())
    with pytest.raises(CheckpointError, match=r"got: +a directory"):
        safetensors.load(tmp_path, Net())
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CheckpointError, match=r"a pickle, as torch.save[\s\S]*interop.torch.load"):
        safetensors.load(path, Net())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(CheckpointError, match="a zip archive"):
        safetensors.load(path, Net())


def header(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4,
        (2**63 - 1).to_bytes(8, "little") + b"{}",
        header(b"{"),
        header(b"[]"),
        header(b"[" * 100_000),
        header(b'{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'),
        header(b'{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}', b"\0" * 4),
        header(b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}', b"\0" * 8),
        header(b'{"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', b"\0" * 4),
        header(b'{"x": {"dtype": "I8", "shape": [4611686018427387904,9], "data_offsets": [0, 4]}}'),
        header(b'{"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}', b"\0" * 4),
        header(b'{"x": {"shape": [1]}}', b"\0" * 4),
    ],
)  # fmt: skip
def test_a_header_that_lies(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CheckpointError, match="no whole file of safetensors"):
        safetensors.load(tmp_path / "a", Net())


@pytest.mark.parametrize(
    "note", ["[", "3", '{"second.weight.bias": 3}', '{"second.weight.bias": "none"}', "[" * 99_999]
)
def test_a_note_of_tied_names_that_is_none(tmp_path: Path, note: str) -> None:
    arrays = {name: np.asarray(value) for name, value in Net(3).state_dict().items()}
    arrays = {name: value for name, value in arrays.items() if "second" not in name}
    safetensors.save(tmp_path / "a", arrays, metadata={"brainlite.aliases": note})
    other = Net(0)
    assert safetensors.load(tmp_path / "a", other) == ([], [])
    assert values(other) == values(Net(3))


@pytest.mark.parametrize(
    "count",
    [pytest.param(200, id="quick"), pytest.param(20_000, id="many", marks=pytest.mark.slow)],
)
def test_damage_ends_in_an_error_of_our_own_or_in_other_numbers(tmp_path: Path, count: int) -> None:
    """The format has no digest: bytes of an array that were changed are other numbers."""
    path, model = tmp_path / "a", Net(3)
    safetensors.save(path, model)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    size = 8 + int.from_bytes(whole[:8], "little")
    raised = 0
    for _ in range(count):
        data = bytearray(whole)
        at, end = sorted(rng.integers(0, len(data) if rng.integers(2) else size, 2))
        kind = rng.integers(4)
        if kind == 0:
            data[at] ^= 1 << rng.integers(8)
        elif kind == 1:
            del data[at : end + 1]
        elif kind == 2:
            data[at : end + 1] = data[at : end + 1][::-1]
        else:
            data[at : end + 1] = rng.bytes(end + 1 - at)
        path.write_bytes(data)
        other = Net(0)
        before = values(other)
        try:
            safetensors.load(path, other)
        except BrainliteError:
            raised += 1
            assert values(other) == before
    assert raised > count // 2


def test_without_the_package_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (safetensors.save, safetensors.load):
        with pytest.raises(ImportError, match=r"pip install brainlite\[safetensors\]"):
            call(tmp_path / "a", Net())


_SHARDED = """
import sys
from pathlib import Path
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
import brainlite
from brainlite import checkpoint, nn
from brainlite.interop import safetensors
folder = Path(sys.argv[1])
mesh = jax.make_mesh((4,), ("x",))
cut, whole = NamedSharding(mesh, P("x")), NamedSharding(mesh, P())

def make(n, place=True):
    layer = nn.Linear(8, 4, w_init=jnp.arange(32.0).reshape(8, 4) * n)
    if place:
        value = layer.weight.value
        layer.weight.value = {
            "weight": jax.device_put(value["weight"], cut),
            "bias": jax.device_put(value["bias"], whole),
        }
    return layer

def check(layer, committed=True):
    weight, bias = layer.weight.value["weight"], layer.weight.value["bias"]
    np.testing.assert_array_equal(weight, np.arange(32.0).reshape(8, 4))
    assert weight.committed == committed, (weight.committed, committed)
    assert not committed or weight.sharding.is_equivalent_to(cut, 2), weight.sharding
    assert not committed or bias.sharding.is_equivalent_to(whole, 1)

model = make(1)
safetensors.save(folder / "a.safetensors", model)
checkpoint.save(folder / "a", model=model)
checkpoint.save(folder / "one", model=make(1, False))
other = make(2); safetensors.load(folder / "a.safetensors", other); check(other)
other = make(2); other.load_state_dict(make(1, False).state_dict()); check(other)
other = make(2); checkpoint.restore(folder / "a", model=other); check(other)
other = make(2); checkpoint.restore(folder / "one", model=other); check(other)
other = make(2, False); checkpoint.restore(folder / "a", model=other); check(other, False)
other = make(2).to("bfloat16"); checkpoint.restore(folder / "a", model=other); check(other)
abstract = brainlite.transform.eval_shape(lambda: make(2, False))
places = lambda name, leaf: cut if name.endswith("weight.weight") else whole
checkpoint.restore(folder / "a", model=abstract, sharding=places); check(abstract)
print("all")
"""


def test_each_array_lands_in_the_shards_of_the_one_that_it_replaces(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SHARDED, str(tmp_path)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
            "JAX_PLATFORMS": "cpu",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "all\n", ran.stderr


def test_notes_of_the_header_are_those_of_the_format(tmp_path: Path) -> None:
    safetensors.save(tmp_path / "a", Net(3))
    data = (tmp_path / "a").read_bytes()
    found = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(found["__metadata__"]["brainlite.aliases"]) == {
        "second.weight.bias": "first.weight.bias",
        "second.weight.weight": "first.weight.weight",
    }
