"""The one place that knows orbax."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.checkpoint import restore, save
from brainlite.checkpoint._orbax import Wanted, read_arrays, start_writing

ROOT = Path(__file__).parents[2]


def test_some_arrays_are_read_on_the_host_or_in_shards(tmp_path: Path) -> None:
    wait = start_writing(tmp_path / "a", {"0": jnp.arange(3), "1": jnp.ones(2), "2": jnp.ones(1)})
    wait()
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    wanted = {
        "0": Wanted((3,), np.dtype("int32"), None),
        "1": Wanted((2,), np.dtype("float32"), device),
    }
    found = read_arrays(tmp_path / "a", wanted, ["0", "1", "2"])
    assert list(found) == ["0", "1"]
    assert np.asarray(found["0"]).tolist() == [0, 1, 2]
    assert found["1"].sharding == device


def test_a_wrong_shape_is_noticed_before_there_is_memory_for_it(tmp_path: Path) -> None:
    start_writing(tmp_path / "a", {"0": jnp.arange(3)})()
    for shape in ((2,), (10**12,), (3, 1)):
        with pytest.raises(Exception, match=r"shape|rank|compatible"):
            read_arrays(tmp_path / "a", {"0": Wanted(shape, np.dtype("int32"), None)}, ["0"])


def test_without_orbax_an_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"pip install brainlite\[checkpoint\]"):
        save(tmp_path / "a")
    with pytest.raises(ImportError, match=r"pip install brainlite\[checkpoint\]"):
        restore(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_import_brainlite_imports_no_extra() -> None:
    heavy = ["orbax", "tensorstore", "safetensors", "optax", "grain", "torch", "tqdm", "matplotlib"]
    code = f"import sys, brainlite; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout == "[]\n", ran.stderr
