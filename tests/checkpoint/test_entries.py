"""What a checkpoint holds, as it is read."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.checkpoint._entries import family_of, read_contents, read_positions
from brainlite.errors import CheckpointError
from tests.checkpoint.parts import Counter, Net, saved


def test_everything_but_the_arrays_is_read(tmp_path: Path) -> None:
    directory = saved(tmp_path, model=Net(3), data=Counter(4), best=0.5, metadata=[1])
    contents = read_contents(directory)
    described = {name: str(entry) for name, entry in contents.entries.items()}
    assert described["random.DEFAULT"] == "key<fry>[]"
    assert described["model.second.weight.weight"] == "float32[3, 3]"
    assert described["model.other.none"] == "float32[0, 3]"
    assert described["model.other.wide"] == "float64[]"
    assert contents.entries["model.other.none"].number is None
    assert contents.entries["model.other.count"].value == 3
    assert contents.aliases == {
        "model.tied.weight.bias": "model.first.weight.bias",
        "model.tied.weight.weight": "model.first.weight.weight",
    }
    assert (contents.values, contents.running, contents.metadata) == ({"best": 0.5}, ["data"], [1])
    assert read_positions(directory, 0)["data"]["at"] == 4
    with pytest.raises(CheckpointError, match=r"process_1.json cannot be read"):
        read_positions(directory, 1)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, jnp.int8(3)),
        (True, np.zeros(2, bool)),
        (0.5, jnp.ones(2, "float8_e4m3fn")),
        (1j, jnp.ones(2, "complex64")),
        ("a", "b"),
        (jax.random.key(0), jax.random.split(jax.random.key(1))),
        (jax.eval_shape(lambda: jnp.ones(2, "bfloat16")), np.float64(1)),
    ],
)
def test_one_family(one: Any, two: Any) -> None:
    assert family_of(one) == family_of(two)


def test_other_families() -> None:
    kinds: list[Any] = [1, True, 0.5, 1j, "a", jax.random.key(0), jax.random.key(0, impl="rbg")]
    assert len({str(family_of(each)) for each in kinds}) == len(kinds)
